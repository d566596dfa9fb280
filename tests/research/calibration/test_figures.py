from __future__ import annotations

from dataclasses import replace

import msgspec
import numpy as np
import pytest

from research.calibration import study as of
from research.calibration.cells import CELLS, Cell
from research.calibration.figures import Figures, figures, lower_bound, upper_bound
from research.calibration.signals import World
from research.calibration.study import Found, study
from research.calibration.tally import NEVER, Tally
from tests.support.later import later

stats = later("scipy.stats")


@pytest.fixture(scope="module")
def found() -> Found:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(of, "CELLS", CELLS[2:11:8])
        patch.setattr(of, "PLANTED", of.PLANTED[:2])
        patch.setattr(of, "WHOLE_DAY_HISTORIES", 1)
        return study(4, 365, 7)


def told(found: Found) -> Figures:
    return figures(found, 4, 365, 7)


def with_cell(found: Found, cell: Cell, seen: Tally) -> Found:
    return replace(found, cells=((cell, seen), *found.cells[1:]))


@pytest.mark.parametrize(("hits", "n"), [(0, 600), (6, 600), (3, 20), (20, 20)])
def test_bounds_are_those_of_clopper_and_pearson(hits: int, n: int) -> None:
    less = stats.binomtest(hits, n, alternative="less").proportion_ci(0.95, "exact").high
    more = stats.binomtest(hits, n, alternative="greater").proportion_ci(0.95, "exact").low
    assert upper_bound(hits, n) == pytest.approx(less)
    assert lower_bound(hits, n) == pytest.approx(more)


def test_a_false_verdict_is_counted_where_the_limit_is_worthless(found: Found) -> None:
    cell, seen = found.cells[0]
    protective = seen.protective.copy()
    protective[1, 6] = 90
    row = told(with_cell(found, cell, replace(seen, protective=protective))).false_verdicts[0]
    assert (row.any, row.share, row.limits) == (1, 0.25, 14)
    selective = Cell(cell.world, cell.sheet, selective=("cooldown",))
    row = told(with_cell(found, selective, replace(seen, protective=protective))).false_verdicts[0]
    assert (row.any, row.limits) == (0, 13)


@pytest.mark.parametrize(("hits", "n", "kept"), [(0, 200, True), (1, 200, None), (5, 200, False)])
def test_a_promise_of_few_histories_is_neither_kept_nor_broken(
    found: Found, hits: int, n: int, kept: bool | None
) -> None:
    cell, seen = found.cells[0]
    protective = np.full((n, 14), NEVER)
    protective[:hits, 3] = 100
    many = replace(
        seen,
        protective=protective,
        restrictive=np.full((n, 14), NEVER),
        choice_decided=np.full((n, 14), NEVER),
    )
    row = told(replace(found, cells=((cell, many),))).promises[0]
    assert row.kept is kept


def test_a_coin_that_speaks_breaks_its_promise(found: Found) -> None:
    cell, seen = found.cells[0]
    restrictive = seen.restrictive.copy()
    restrictive[2, 0] = 200
    row = told(with_cell(found, cell, replace(seen, restrictive=restrictive)))
    assert row.control_undetermined[0].share == 0.75
    assert row.promises[2].kept is False and told(found).promises[2].kept is True


def test_coverage_is_that_of_intervals_that_are_shown(found: Found) -> None:
    cell, seen = found.cells[0]
    low, high = seen.choice.low.copy(), seen.choice.high.copy()
    low[-1], high[-1] = -1.0, 1.0
    low[-1, 0, :7] = 0.5
    low[-1, 1, 3] = np.nan
    choice = replace(seen.choice, low=low, high=high)
    rows = told(with_cell(found, cell, replace(seen, choice=choice))).coverage
    row = next(row for row in rows if (row.cell, row.of, row.day) == ("normal", "S", 365))
    assert row.mean == pytest.approx((6 * 0.75 + 2 / 3 + 7) / 14)
    assert row.lowest == pytest.approx(2 / 3) and row.limits == 14 and row.error > 0.0


def test_days_of_power_are_a_quantile_with_bounds(found: Found) -> None:
    one, seen = found.planted[1]
    days = np.repeat(np.arange(1, 101)[:, None], 3, axis=1)
    days[90:] = NEVER
    grown = replace(seen, protective=days, restrictive=days)
    rows = told(replace(found, planted=((one, grown),))).power
    assert (rows[0].days, rows[0].decided, rows[0].histories) == (80, 0.9, 100)
    assert (rows[0].days_low, rows[0].days_high) == (72, 88)
    days[70:] = NEVER
    assert told(replace(found, planted=((one, grown),))).power[0].days is None


def test_drift_leaves_value_uncovered(found: Found) -> None:
    cell, seen = found.cells[0]
    world = World(**{**cell.world.__dict__, "decay": 0.3})
    rows = told(with_cell(found, Cell(world, None), seen)).coverage
    assert {row.of for row in rows if row.cell == world.name} == {"S"}


def test_figures_are_json_with_the_keys_that_are_promised(found: Found) -> None:
    names = set(msgspec.to_builtins(told(found)))
    assert names >= {
        "coverage", "anytime_miss", "false_verdicts", "power", "equivalent", "control_undetermined",
    }  # fmt: skip
    shares = [row.by_day for row in told(found).equivalent if row.truth_r]
    assert shares and all(set(row) <= {"365"} for row in shares)
