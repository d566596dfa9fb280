from __future__ import annotations

import asyncio
import sqlite3
from pathlib import Path

import pytest

from daemon.instance.control import Refusal
from daemon.instance.lock import alone
from daemon.instance.paths import StateDir
from daemon.views.health import asked, health
from daemon.views.status import RunningStatus
from tests.support.closed_trades import writable
from tests.support.daemons import busy, serving


def test_a_running_daemon_tells_itself(tmp_path: Path) -> None:
    made = busy(tmp_path)
    told = serving(made.state.socket, lambda: asked(made.state), made.answers.answer)
    assert isinstance(told, RunningStatus)
    found = health(made.state, told, told.now_ns)
    assert (found.state, found.status, found.since_ms) == ("running", told, None)
    assert found.release == (["gnomon resume"] if told.halts or told.latched else [])
    asyncio.run(made.close("over"))
    rest = health(made.state, asked(made.state), told.now_ns)
    assert (rest.state, rest.status) == ("stopped", None)
    assert rest.since_ms is not None and rest.loss is not None


def test_while_it_starts_it_says_what_it_waits_for(tmp_path: Path) -> None:
    state, db = writable(tmp_path)
    db.close()

    async def starting(_: object) -> Refusal:
        return Refusal("the venue does not answer", starting=True)

    told = serving(state.socket, lambda: asked(state), starting)
    assert told == ("starting", "the venue does not answer")


def test_who_holds_the_lock_and_says_nothing_is_silent(tmp_path: Path) -> None:
    state, db = writable(tmp_path)
    db.close()
    with alone(state):
        kind, _ = asked(state)
    assert kind == "silent"
    assert asked(state) == ("stopped", "no daemon runs")


def test_one_that_ended_without_a_word_is_not_said_to_have_stopped(tmp_path: Path) -> None:
    state, db = writable(tmp_path)
    db.execute(
        "INSERT INTO run (run_id, started_ns, mode, network, config_hash, policy_hash,"
        " code_version, seed, first_seq, last_seq, frames, events, digest, config)"
        " VALUES (1, 1, 'local', 'local', '', '', '', 1, 1, 1, 1, 1, '', '{}')"
    )
    db.execute("INSERT INTO equity VALUES (?, 1, 1, 0, 0, 0, 0, 0)", (1_796_000_061 * 10**9,))
    db.close()
    found = health(state, ("stopped", ""), 1_796_000_100 * 10**9)
    assert found.state == "silent" and found.words.endswith("UTC")
    assert found.since_ms == 1_796_000_061_000


@pytest.mark.parametrize("content", [None, b"not a database, and long enough to be read as one"])
def test_without_a_database_it_says_so_and_does_not_break(
    tmp_path: Path, content: bytes | None
) -> None:
    state = StateDir(tmp_path, "local")
    state.create()
    if content is None:
        assert asked(state)[0] == "never"
    else:
        state.database.write_bytes(content)
    found = health(state, asked(state), 1)
    assert not found.readable and found.words


def test_alarms_are_of_today(tmp_path: Path) -> None:
    state, db = writable(tmp_path)
    now_s = 1_796_000_000
    midnight_s = now_s - now_s % 86_400
    for at_s, kind in ((midnight_s - 1, "old"), (midnight_s, "first"), (now_s, "newest")):
        db.execute("INSERT INTO alarm VALUES (?, 1, ?, 'x')", (at_s * 10**9, kind))
    db.close()
    found = health(state, ("stopped", ""), now_s * 10**9)
    assert [alarm.kind for alarm in found.alarms_today] == ["newest", "first"]
    assert isinstance(db, sqlite3.Connection)
