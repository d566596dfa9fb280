from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

import msgspec
import pytest

from daemon.instance.lock import alone
from daemon.instance.paths import StateDir
from daemon.views.at_rest import at_rest, fresh, kept, orchestration
from daemon.views.status import RestingStatus
from market.desk import Desk
from market.errors import InputDamaged
from shadow.report.shortfall import Shortfall
from shadow.store.store import Store
from tests.support.shadow import Stage, told


@pytest.fixture(scope="module")
def state(tmp_path_factory: pytest.TempPathFactory) -> StateDir:
    """Return a state in which about everything has happened to some signal. Only to be read."""
    state = StateDir(tmp_path_factory.mktemp("state"), "local")
    state.create()
    told(state.database)
    return state


def damaged(state: StateDir, key: str, text: str) -> None:
    with closing(sqlite3.connect(state.database)) as db:
        db.execute("UPDATE state SET value = ? WHERE key = ?", (text, key))
        db.commit()


def test_what_never_ran_has_its_money_and_nothing_else() -> None:
    found = fresh(1234.5)
    assert found.equity_usd == found.start_usd == 1234.5
    assert (found.running, found.mode, found.database) == (False, None, None)
    assert (found.signals, found.phantoms, found.alarms, found.last_seen_ns) == (0, 0, 0, None)
    assert (found.halts, found.latched, found.orchestration) == ({}, "", [])


def test_counts_money_and_the_last_event_come_from_the_database(state: StateDir) -> None:
    found = at_rest(state, 1.0)
    with closing(sqlite3.connect(state.database)) as db:
        desk = kept(db, "desk", Desk)
        trades = dict(
            db.execute("SELECT status, COUNT(*) FROM trade WHERE kind = 'phantom'"
                       " AND cause <> 'clamp' GROUP BY status")
        )  # fmt: skip
    assert desk is not None
    assert (found.equity_usd, found.start_usd) == (desk.equity_e6 / 1e6, desk.start_e6 / 1e6)
    assert found.signals == found.admitted + found.blocked == 12
    assert (found.phantoms, found.open_phantoms) == (sum(trades.values()), trades["open"])
    assert (found.mode, found.database) == ("local", str(state.database))
    assert found.last_seen_ns is not None and not found.running
    assert msgspec.json.decode(msgspec.json.encode(found), type=RestingStatus) == found


def test_a_state_that_is_held_is_running_though_nobody_answers(tmp_path: Path) -> None:
    state = StateDir(tmp_path, "local")
    state.create()
    Stage().finish(state.database)
    with alone(state):
        assert at_rest(state, 1.0).running
    assert not at_rest(state, 1.0).running


def test_one_that_ended_before_its_first_commit_begins_with_the_configured_money(
    tmp_path: Path,
) -> None:
    state = StateDir(tmp_path, "local")
    state.create()
    Store(state.database, mode="local", network="local").close()
    found = at_rest(state, 250.0)
    assert found.equity_usd == found.start_usd == 250.0 and found.last_seen_ns is None


def test_state_that_cannot_be_read_is_damage(tmp_path: Path) -> None:
    state = StateDir(tmp_path, "local")
    state.create()
    told(state.database)
    for text in ("{}", "half a w"):
        damaged(state, "desk", text)
        with pytest.raises(InputDamaged, match="state in the database"):
            at_rest(state, 1.0)


def test_what_each_stage_has_added_needs_a_database(state: StateDir, tmp_path: Path) -> None:
    stages, paid = orchestration(state)
    assert [stage.stage for stage in stages] == [
        "raw", "direction", "phase_space", "limits", "weights", "fills",
    ]  # fmt: skip
    assert paid.trades > 0
    nothing = ([], Shortfall())
    assert orchestration(None) == orchestration(StateDir(tmp_path, "local")) == nothing
