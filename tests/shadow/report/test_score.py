from __future__ import annotations

from contextlib import closing
from pathlib import Path

import pytest
from msgspec import structs

from shadow.report.score import StageScore, score
from shadow.store.store import open_readonly
from shadow.store.tables.rollups import RollupRow
from tests.support.evidence import day_of, worked
from tests.support.measured_db import Planted

STAGES = ["raw", "direction", "phase_space", "limits", "weights", "fills"]


def desks(*levels: tuple[int, float, float, float, float, float]) -> Planted:
    """Plant days: open, direction, phase space, limits, and the desk itself, in R."""
    planted = Planted()
    for at, kind in enumerate(("open", "direction", "phase_space", "limits")):
        planted.desks(kind, [(day, made[4], made[at]) for day, *made in levels])
    return planted


def scored(planted: Planted, path: Path, since: str = "") -> dict[str, StageScore]:
    with closing(open_readonly(planted.write(path / "gnomon.db", []))) as db:
        return {stage.stage: stage for stage in score(db, since=since)}


def test_two_days_by_hand(tmp_path: Path) -> None:
    planted = desks((0, 1.0, 0.5, 0.5, 2.0, 3.0), (1, -1.0, 0.5, 0.5, 0.0, -1.0))
    found = scored(planted, tmp_path)
    assert list(found) == STAGES
    assert [s.r_per_day for s in found.values()] == pytest.approx([0.0, 0.5, 0.5, 1.0, 1.0, 1.0])
    assert [s.added for s in found.values()][1:] == pytest.approx([0.5, 0.0, 0.5, 0.0, 0.0])
    assert found["raw"].added is None and {s.days for s in found.values()} == {2}
    weights = found["weights"]
    # Two days, 1 and -1: half of the difference times t(1 degree, 97.5 %) on each side.
    assert (weights.low, weights.high) == pytest.approx((-12.706, 12.706), abs=1e-3)


def test_the_steps_add_up_to_the_difference_between_the_first_desk_and_the_last(
    tmp_path: Path,
) -> None:
    days = [(day, 0.1 * day, -0.2 * day, 0.3, 0.05 * day * day, 1.0 - day) for day in range(9)]
    found = list(scored(desks(*days), tmp_path).values())
    steps = sum(stage.added or 0.0 for stage in found)
    assert steps == pytest.approx(found[-1].r_per_day - found[0].r_per_day)  # type: ignore[operator]


def test_a_day_that_not_all_desks_have_run_counts_for_none(tmp_path: Path) -> None:
    planted = desks((0, 1.0, 1.0, 1.0, 1.0, 1.0))
    planted.desks("open", [(1, 9.0, 9.0)])
    found = scored(planted, tmp_path)
    assert {(s.days, s.r_per_day) for s in found.values()} == {(1, 1.0)}


def test_what_is_not_known_in_r_is_left_out(tmp_path: Path) -> None:
    planted = desks((0, 1.0, 1.0, 1.0, 1.0, 1.0), (1, 2.0, 2.0, 2.0, 2.0, 2.0))
    rows = planted.rows.branch_days
    rows[:] = [
        structs.replace(row, with_r=None, without_r=None) if row.day == day_of(1) else row
        for row in rows
    ]
    assert scored(planted, tmp_path)["fills"].r_per_day == 1.0


def test_a_stage_the_desk_does_not_have_is_absent(tmp_path: Path) -> None:
    planted = desks((0, 1.0, 1.0, 1.0, 1.0, 1.0), (1, 1.0, 1.0, 1.0, 1.0, 1.0))
    planted.limit("direction", worked(2))
    found = scored(planted, tmp_path)
    assert [name for name, stage in found.items() if stage.absent] == ["phase_space"]
    assert (found["phase_space"].added, found["phase_space"].low) == (0.0, 0.0)


def test_one_day_has_no_interval_and_none_has_nothing(tmp_path: Path) -> None:
    found = scored(desks((0, 1.0, 0.0, 0.0, 0.0, 0.0)), tmp_path / "one")
    assert (found["limits"].added, found["limits"].low, found["limits"].high) == (0.0, None, None)
    nothing = scored(Planted(), tmp_path / "none")
    assert {(s.r_per_day, s.added, s.days) for s in nothing.values()} == {(None, None, 0)}


def test_what_the_simulator_flattered_is_taken_off_by_the_fills(tmp_path: Path) -> None:
    planted = desks((0, 1.0, 1.0, 1.0, 1.0, 2.0))
    planted.rows.rollups.append(RollupRow(day_of(0), "", "head", "bias", "x", 1, 0, 0.25, 0.0, 0))
    found = scored(planted, tmp_path)
    assert (found["weights"].r_per_day, found["weights"].added) == (2.25, 1.25)
    assert (found["fills"].r_per_day, found["fills"].added) == (2.0, -0.25)


def test_since_leaves_earlier_days_out(tmp_path: Path) -> None:
    planted = desks((0, 1.0, 1.0, 1.0, 1.0, 1.0), (3, 2.0, 2.0, 2.0, 2.0, 2.0))
    raw = scored(planted, tmp_path, since=day_of(1))["raw"]
    assert (raw.r_per_day, raw.days) == (2.0, 1)
