from __future__ import annotations

from math import inf, nan

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shadow.report.tails import tails

days_of = st.lists(st.floats(-5.0, 5.0).map(lambda x: round(x, 2)), min_size=1, max_size=120)


def test_a_path_by_hand() -> None:
    found = tails([1.0, -2.0, 0.5, 2.0, -0.5, -1.0, 0.25])
    assert found is not None
    # Closes: 1, −1, −0.5, 1.5, 1, 0, 0.25.
    assert (found.days, found.worst, found.cvar) == (7, -2.0, -2.0)
    assert (found.drawdown, found.under_water_days, found.under_water_now) == (2.0, 3, 3)


def test_a_loss_from_the_first_day_on_is_a_drawdown_from_the_start() -> None:
    found = tails([-1.0, -1.0, 0.5])
    assert found is not None
    assert (found.drawdown, found.under_water_days, found.under_water_now) == (2.0, 3, 3)


def test_without_days_there_is_nothing_and_no_number_is_refused() -> None:
    assert tails([]) is None
    for value in (nan, inf):
        with pytest.raises(ValueError, match="finite"):
            tails([1.0, value])


def test_the_worst_twentieth_of_thirty_days_is_a_day_and_a_half() -> None:
    found = tails([-3.0, -1.0, *([0.0] * 28)])
    assert found is not None
    assert found.cvar == pytest.approx((-3.0 - 0.5 * 1.0) / 1.5)


@settings(max_examples=40)
@given(days_of)
def test_tails_are_what_an_array_makes_of_them(days: list[float]) -> None:
    found = tails(days)
    assert found is not None
    closes = np.concatenate([[0.0], np.cumsum(days)])
    highs = np.maximum.accumulate(closes)
    assert found.drawdown == pytest.approx(float(np.max(highs - closes)), abs=1e-9)
    assert found.worst == min(days)
    assert found.worst - 1e-12 <= found.cvar <= float(np.mean(days)) + 1e-9
    # Rockafellar & Uryasev: CVaR is the largest of q − E[(q − x)+]/α over q, reached at a day.
    share = max(0.05, 1.0 / len(days))
    least = max(q - float(np.mean(np.maximum(q - np.array(days), 0.0))) / share for q in days)
    assert found.cvar == pytest.approx(least, abs=1e-9)
    assert 0 <= found.under_water_now <= found.under_water_days <= len(days)


@settings(max_examples=20)
@given(days_of, st.floats(0.1, 50.0))
def test_in_other_units_the_tails_are_the_same(days: list[float], by: float) -> None:
    one, other = tails(days), tails([day * by for day in days])
    assert one is not None
    assert other is not None
    assert other.cvar == pytest.approx(one.cvar * by)
    assert other.drawdown == pytest.approx(one.drawdown * by, abs=1e-9)
