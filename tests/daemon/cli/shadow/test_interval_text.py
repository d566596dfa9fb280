from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from daemon.cli.shadow.interval_text import CELLS, Axis, Bar, axis_of


def test_the_thick_part_lies_in_the_thin_one_and_the_estimate_in_both() -> None:
    axis = Axis(20.0)
    assert axis.draw(None) == " " * 12 + "┊" + " " * 12
    drawn = axis.draw(Bar(9.9, 7.3, 12.6, 5.1, 14.3))
    assert drawn == "            ┊  ├━━●━━┤   "[:CELLS].ljust(CELLS)
    # Where both end in one cell, the end that decides is shown.
    assert axis.draw(Bar(-1.2, -2.6, 0.1, -2.7, 1.1)).strip() == "├●━┤"
    assert axis.draw(Bar(5.0, 3.0, 8.0)).strip() == "┊ ━●━━"


def test_what_goes_beyond_the_axis_is_marked_at_its_end() -> None:
    drawn = Axis(10.0).draw(Bar(-30.0, -60.0, 0.0, -90.0, 40.0))
    assert (len(drawn), drawn[0], drawn[-1]) == (CELLS, "‹", "›") and "●" not in drawn


@pytest.mark.parametrize(
    ("reach", "end"), [(14.3, 20.0), (20.0, 20.0), (41.0, 80.0), (81.0, 100.0), (0.3, 0.4)]
)
def test_an_axis_ends_at_a_round_number_that_holds_what_is_decided(
    reach: float, end: float
) -> None:
    decided = Bar(0.0, -1e-9, reach)
    assert axis_of([decided], [Bar(0.0, -500.0, 500.0)]).end == pytest.approx(end)
    assert axis_of([], [decided]).end == pytest.approx(end)
    assert axis_of([], []).end == 1.0


def test_the_head_has_zero_over_its_line() -> None:
    head = Axis(20.0).head()
    assert (len(head), head[12]) == (CELLS, "0")
    assert head.startswith("−20") and head.endswith("+20")


VALUE = st.floats(-1e6, 1e6, allow_nan=False)


@given(st.lists(VALUE, min_size=5, max_size=5), st.floats(1e-3, 1e6))
def test_a_bar_always_takes_its_cells(values: list[float], end: float) -> None:
    any_low, low, at, high, any_high = sorted(values)
    assert len(Axis(end).draw(Bar(at, low, high, any_low, any_high))) == CELLS
