from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from divisions.weights import HIGH, combined
from shadow.report.score import StageScore, score
from shadow.store.check import broken_promises
from shadow.store.rows import day_of
from shadow.store.store import Store, open_readonly
from tests.support.learning import DAY_MS, EDGE, five, season, trade_once
from tests.support.shadow import T0_MS, Puppet, Stage

FILTERS = ("direction", "position")


@pytest.fixture
def db(tmp_path: Path) -> Iterator[sqlite3.Connection]:
    path = tmp_path / "gnomon.db"
    Store(path, mode="local", network="testnet").close()
    with closing(sqlite3.connect(path)) as found:
        yield found


def put(db: sqlite3.Connection, day: int, mode: str, scope: str, bot: str, r: float) -> None:
    row = (day_of(T0_MS + day * DAY_MS), "", mode, scope, bot, 1, 1, r, 0.0, 0)
    db.execute("INSERT INTO rollup VALUES (?,?,?,?,?,?,?,?,?,?)", row)


def weigh(db: sqlite3.Connection, day: int, scope: str, name: str, weight: float) -> None:
    row = (day_of(T0_MS + day * DAY_MS), scope, name, weight, None, "", 0, 0)
    db.execute("INSERT INTO weight VALUES (?,?,?,?,?,?,?,?)", row)


def scored(db: sqlite3.Connection, filters: tuple[str, ...] = FILTERS) -> dict[str, StageScore]:
    return {stage.stage: stage for stage in score(db, filters, combined)}


def test_two_days_by_hand(db: sqlite3.Connection) -> None:
    """Raw: 1 + 3 − 2 + 0.5 on the first day, −1 + 1 on the second."""
    put(db, 0, "admit", "twin", "a", 1.0)
    put(db, 0, "score", "direction", "a", 3.0)
    put(db, 0, "score", "direction", "b", -2.0)
    put(db, 0, "score", "limits", "b", 0.5)
    put(db, 1, "admit", "twin", "a", -1.0)
    put(db, 1, "score", "limits", "a", 1.0)
    weigh(db, 0, "bot", "a", 1.5)
    weigh(db, 1, "bot", "a", 0.5)
    found = scored(db)
    assert list(found) == ["raw", "direction", "phase_space", "limits", "weights", "fills"]
    assert [s.r_per_day for s in found.values()] == pytest.approx([1.25, 0.75, 0.75, 0, 0.5, 0.5])
    added = [s.added for s in list(found.values())[1:]]
    assert added == pytest.approx([-0.5, 0.0, -0.75, 0.5, 0.0])
    assert found["raw"].added is None and {s.days for s in found.values()} == {2}
    direction = found["direction"]
    # Two days, -1 and 0: half of t(1 degree, 97.5 %) on each side.
    assert (direction.low, direction.high) == pytest.approx((-0.5 - 6.353, -0.5 + 6.353), abs=1e-3)


def test_a_stage_the_desk_does_not_have_is_absent(db: sqlite3.Connection) -> None:
    put(db, 0, "admit", "twin", "a", 1.0)
    found = scored(db)
    assert found["phase_space"].absent and not found["direction"].absent
    assert (found["phase_space"].added, found["phase_space"].low) == (0.0, 0.0)
    assert not scored(db, (*FILTERS, "phase_space"))["phase_space"].absent
    assert not any(found[name].absent for name in ("raw", "limits", "weights", "fills"))


def test_what_was_refused_for_want_of_data_stands_apart_where_there_is_any(
    db: sqlite3.Connection,
) -> None:
    put(db, 0, "admit", "twin", "a", 1.0)
    put(db, 0, "score", "direction", "a", 3.0)
    put(db, 0, "score", "no_data", "a", -5.0)
    found = scored(db)
    assert list(found)[:3] == ["raw", "no_data", "direction"]
    assert [s.r_per_day for s in found.values()][:4] == [-1.0, 4.0, 1.0, 1.0]
    assert (found["no_data"].added, found["no_data"].absent) == (5.0, False)


def test_one_day_has_no_interval(db: sqlite3.Connection) -> None:
    put(db, 0, "score", "direction", "a", 1.0)
    found = scored(db)["direction"]
    assert (found.added, found.low, found.high) == (-1.0, None, None)


def test_nothing_at_all(db: sqlite3.Connection) -> None:
    assert {(s.r_per_day, s.added, s.days) for s in scored(db).values()} == {(None, None, 0)}


def test_what_the_simulator_flattered_is_taken_off_by_the_fills(db: sqlite3.Connection) -> None:
    put(db, 0, "admit", "twin", "a", 1.0)
    put(db, 0, "head", "bias", "a", 0.25)
    weigh(db, 0, "bot", "a", 2.0)
    found = scored(db)
    assert found["weights"].r_per_day == 2.0 and found["fills"].added == -0.5
    assert found["fills"].r_per_day == 1.5


def test_the_weight_is_division_times_bot_within_its_bounds(db: sqlite3.Connection) -> None:
    put(db, 0, "admit", "twin", "a", 1.0)
    weigh(db, 0, "bot", "a", 2.0)
    weigh(db, 0, "division", "flow", 2.0)
    db.execute("INSERT INTO return_day VALUES ('2025-08-01','2025-08-02','a','flow',0,0)")
    assert scored(db)["weights"].r_per_day == HIGH


def test_since_leaves_earlier_days_out(db: sqlite3.Connection) -> None:
    put(db, 0, "admit", "twin", "a", 1.0)
    put(db, 3, "admit", "twin", "a", 2.0)
    (raw, *_) = score(db, FILTERS, combined, since=day_of(T0_MS + DAY_MS))
    assert (raw.r_per_day, raw.days) == (2.0, 1)


def test_on_a_real_history_the_stages_add_up_and_paper_fills_add_exactly_nothing(
    tmp_path: Path,
) -> None:
    bots = [Puppet(f"{d}_bot", d) for d in EDGE]
    stage = Stage(bots=bots, filters={"direction": "enforce", "limit": "enforce"})
    season(stage, range(3))
    for day in range(3, 6):
        stage.wait_until(day * DAY_MS + DAY_MS // 2)
        stage.script(direction="fail", limit="fail")
        trade_once(stage, {"trend_bot": 0.5, "flow_bot": -0.25})
    path = stage.finish(tmp_path / "gnomon.db")
    with closing(open_readonly(path)) as db:
        assert broken_promises(db) == []
        found = scored(db, ("direction", "limit"))
        total = db.execute(
            "SELECT SUM(d.mtm_e6 * 1.0 / t.risk_e6) FROM trade t JOIN trade_day d USING (trade_id)"
            " WHERE t.kind IN ('twin', 'phantom')"
        ).fetchone()[0]
    assert found["raw"].days == 6
    assert found["raw"].r_per_day == pytest.approx(total / 6)
    assert found["direction"].added == pytest.approx(-(0.125 - 0.11) / 2, abs=1e-3)
    assert found["limits"].added is not None and found["limits"].added != 0.0
    assert (found["fills"].added, found["fills"].low, found["fills"].high) == (0.0, 0.0, 0.0)


def test_an_episode_admitted_after_all_is_taken_off_once(tmp_path: Path) -> None:
    """Blocked at 100, admitted at 100, both out at 101: had nothing blocked, one trade."""
    stage = five()
    stage.book()
    stage.script(limit="fail")
    stage.signal("flow_bot", stop=2.0)
    stage.books(1)
    stage.script(limit="pass")
    stage.signal("flow_bot", stop=2.0)
    stage.books(1)
    stage.wait(1)
    stage.book(101.0)
    stage.call_exit("flow_bot")
    stage.books(2, 101.0)
    path = stage.finish(tmp_path / "gnomon.db")
    with closing(open_readonly(path)) as db:
        assert broken_promises(db) == []
        found = scored(db)
    assert found["raw"].r_per_day == pytest.approx(0.5, abs=0.06)
    assert found["limits"].added == pytest.approx(0.0, abs=1e-3)
