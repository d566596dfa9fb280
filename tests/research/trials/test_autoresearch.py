from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from divisions.search import changes
from research.trials.autoresearch import next_step, register
from research.trials.trial import KEEP, REVERT, decide, level
from shadow.store.rows import Rows
from shadow.store.store import open_readonly
from tests.support.learning import DAY_MS
from tests.support.shadow import Stage
from tests.support.trials import Dial, past, season, stage_of

SPACES = {"dial": changes(Dial)}
# By day: where the mid is when the control's hold ends, and the challenger's.
BETTER = [(0.1 * (-1) ** i, 0.1 * (-1) ** i + 0.4 + 0.02 * (i % 5)) for i in range(30)]
ALIKE = [(0.1 * (-1) ** i, 0.1 * (-1) ** i + 0.4 * (-1) ** (i // 2)) for i in range(30)]


@pytest.fixture
def stage(tmp_path: Path) -> Iterator[Stage]:
    """Return a stage whose bot has sixty bad days behind it, with its database open."""
    found = stage_of()
    store = found.open_store(tmp_path / "gnomon.db")
    store.write(Rows(returns=past(59)))
    found.second()
    found.commit()
    yield found
    store.close()


def reader(tmp_path: Path) -> sqlite3.Connection:
    return open_readonly(tmp_path / "gnomon.db")


def take(stage: Stage, tmp_path: Path, **options: Any) -> Any:
    """Take the next step, as the command does."""
    with closing(reader(tmp_path)) as db:
        step = next_step(db, SPACES, seed=options.get("seed", 7))
    if step.command is not None:
        reply = stage.command("trial", json.dumps(step.command))
        assert reply.startswith("trial "), reply
        stage.commit()
    return step


def seed_for(name: str, value: float, tmp_path: Path) -> int:
    """Return a seed that draws this change."""
    with closing(reader(tmp_path)) as db:
        for seed in range(100):
            command = next_step(db, SPACES, seed=seed).command
            assert command is not None
            if (command["start"]["name"], command["start"]["value"]) == (name, value):
                return seed
    raise AssertionError("never drawn")


def tried(stage: Stage, tmp_path: Path, moves: list[tuple[float, float]]) -> dict[str, Any]:
    """Run a whole trial of a longer hold; return its row of the register."""
    assert take(stage, tmp_path, seed=seed_for("hold_s", 600, tmp_path)).step == "start"
    season(stage, range(1, 31), moves)
    stage.commit()
    stage.wait_until(31 * DAY_MS + 1000)
    stage.second()
    stage.commit()
    step = take(stage, tmp_path)
    assert step.step == "end"
    with closing(reader(tmp_path)) as db:
        (row,) = register(db)
    return row


def test_a_fresh_database_waits(tmp_path: Path) -> None:
    fresh = stage_of()
    fresh.open_store(tmp_path / "gnomon.db")
    fresh.second()
    fresh.commit()
    step = take(fresh, tmp_path)
    assert (step.step, step.command) == ("wait", None)
    assert "20 days" in step.reason


def test_the_worst_bot_gets_one_change_of_its_own_space(stage: Stage, tmp_path: Path) -> None:
    with closing(reader(tmp_path)) as db:
        steps = [next_step(db, SPACES, seed=seed) for seed in range(20)]
        assert steps == [next_step(db, SPACES, seed=seed) for seed in range(20)]
    drawn = set()
    for step in steps:
        assert step.command is not None
        start = step.command["start"]
        assert (start["bot"], start["trial_id"]) == ("dial", 1)
        assert start["detail"]["level"] == 0.025
        assert start["detail"]["sharpe"] < 0.0
        drawn.add((start["name"], start["value"]))
    assert drawn == {tuple(change) for change in SPACES["dial"]}


def test_a_bot_without_a_space_is_not_tried(stage: Stage, tmp_path: Path) -> None:
    with closing(reader(tmp_path)) as db:
        assert next_step(db, {"dial": []}, seed=7).step == "wait"
        assert next_step(db, {}, seed=7).step == "wait"


def test_a_running_trial_waits_for_its_days(stage: Stage, tmp_path: Path) -> None:
    take(stage, tmp_path)
    step = take(stage, tmp_path)
    assert step.step == "wait" and "runs until 2025-10-02" in step.reason


def test_a_change_that_earns_more_every_day_is_kept(stage: Stage, tmp_path: Path) -> None:
    row = tried(stage, tmp_path, BETTER)
    assert row["decision"] == KEEP
    assert row["result"]["days"] == row["result"]["active_days"] == 30
    assert row["result"]["difference"] > 0.1
    assert row["result"]["p"] < row["result"]["level"] == row["detail"]["level"]


def test_a_change_that_only_has_luck_reverts(stage: Stage, tmp_path: Path) -> None:
    row = tried(stage, tmp_path, ALIKE)
    assert row["decision"] == REVERT
    assert row["naive_decision"] == KEEP
    assert "above the level" in row["result"]["reason"]


def test_the_decision_is_that_of_the_days_in_the_database(stage: Stage, tmp_path: Path) -> None:
    row = tried(stage, tmp_path, ALIKE)
    days: dict[str, dict[str, float]] = {"control": {}, "challenger": {}}
    with closing(reader(tmp_path)) as db:
        for bot, day, r in db.execute(
            "SELECT t.bot, d.day, 1e6 * d.mtm_e6 / t.risk_e6 FROM trade t"
            " JOIN trade_day d USING (trade_id) WHERE t.trial_id = 1"
        ):
            days[bot.split("-")[1]][day] = r
    assert len(days["control"]) == len(days["challenger"]) == 30
    arms = [
        [round(days[arm][day]) for day in sorted(days[arm])] for arm in ("challenger", "control")
    ]
    again = decide(*arms, at=level(1), past_sharpe=row["detail"]["sharpe"])
    assert row["result"]["p"] == pytest.approx(again.p, abs=1e-9)
    assert row["decision"] == again.decision


def test_trades_of_the_first_broken_day_and_after_the_last_do_not_count(
    stage: Stage, tmp_path: Path
) -> None:
    seed = seed_for("hold_s", 600, tmp_path)
    take(stage, tmp_path, seed=seed)
    season(stage, range(32), [(0.0, 1.5), *BETTER, (0.0, 1.5)])
    stage.commit()
    step = take(stage, tmp_path)
    assert step.verdict is not None
    gaps = [b - a for a, b in BETTER]
    # A stop two dollars away is one R.
    assert step.verdict.difference == pytest.approx(sum(gaps) / 30 / 2, abs=0.01)


def test_a_failed_arm_reverts_without_waiting(stage: Stage, tmp_path: Path) -> None:
    take(stage, tmp_path, seed=seed_for("breaks", 1, tmp_path))
    season(stage, range(1, 3), [(0.1, 0.1)] * 2)
    stage.commit()
    step = take(stage, tmp_path)
    assert step.step == "end" and "an arm failed" in step.reason
    with closing(reader(tmp_path)) as db:
        assert register(db)[0]["decision"] == REVERT


def test_every_trial_counts_against_the_next(stage: Stage, tmp_path: Path) -> None:
    tried(stage, tmp_path, ALIKE)
    step = take(stage, tmp_path)
    assert step.command is not None
    assert step.command["start"]["trial_id"] == 2
    assert step.command["start"]["detail"]["level"] == pytest.approx(0.05 / 6)


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE experiment SET decision = 'keep' WHERE trial_id = 1",
        "UPDATE experiment SET result = '{}'",
        "UPDATE experiment SET detail = '{}'",
        "UPDATE experiment SET started_ns = 0",
        "DELETE FROM experiment",
        "INSERT OR REPLACE INTO experiment SELECT trial_id, bot, change, started_ns, ended_ns,"
        " control_hash, challenger_hash, 'keep', naive_decision, detail, result FROM experiment",
        "INSERT INTO experiment (trial_id, bot, change, started_ns, control_hash, challenger_hash,"
        " detail) VALUES (1, 'b', '{}', 1, 'x', 'y', '{}')",
        "INSERT INTO experiment (trial_id, bot, change, started_ns, control_hash, challenger_hash,"
        " detail, decision) VALUES (2, 'b', '{}', 1, 'x', 'y', '{}', 'keep')",
    ],
)
def test_the_registers_past_cannot_be_written(stage: Stage, tmp_path: Path, statement: str) -> None:
    row = tried(stage, tmp_path, ALIKE)
    with closing(sqlite3.connect(tmp_path / "gnomon.db")) as db:
        with pytest.raises(sqlite3.IntegrityError):
            db.execute(statement)
        db.rollback()
    with closing(reader(tmp_path)) as db:
        assert register(db) == [row]


def test_what_is_registered_before_a_trial_cannot_be_changed_while_it_runs(
    stage: Stage, tmp_path: Path
) -> None:
    take(stage, tmp_path)
    with closing(sqlite3.connect(tmp_path / "gnomon.db")) as db:
        for column in ("detail", "change", "control_hash", "challenger_hash", "bot"):
            with pytest.raises(sqlite3.IntegrityError):
                db.execute(
                    f"UPDATE experiment SET {column} = '{{}}', decision = 'keep', ended_ns = 1"
                )


def test_the_level_is_the_registered_one(stage: Stage, tmp_path: Path) -> None:
    seed = seed_for("hold_s", 600, tmp_path)
    with closing(reader(tmp_path)) as db:
        command = next_step(db, SPACES, seed=seed).command
    assert command is not None
    command["start"]["detail"]["level"] = 1e-300
    assert stage.command("trial", json.dumps(command)).startswith("trial 1")
    season(stage, range(1, 32), [*BETTER, (0.0, 0.0)])
    stage.commit()
    step = take(stage, tmp_path)
    assert step.verdict is not None and step.verdict.level == 1e-300
    assert step.verdict.decision == REVERT
