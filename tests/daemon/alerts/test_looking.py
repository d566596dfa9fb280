from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

from daemon.alerts.kind import Kind, Memory, Message, Seen, discover
from daemon.alerts.looking import Looker, week_text
from daemon.instance.database import reading
from daemon.instance.paths import StateDir
from tests.support.closed_trades import MONDAY_NS, empty_db, put_trade, writable
from tests.support.daemons import busy


def every_alarm(seen: Seen, memory: Memory) -> tuple[list[Message], Memory]:
    told = [Message(str(alarm.number), alarm.kind, alarm.message) for alarm in seen.alarms]
    return told, {"looks": memory.get("looks", 0) + 1}


ALARMS = Kind("alarms", "every alarm", every_alarm)


def test_an_alarm_is_seen_once_and_none_of_before_the_first_look(tmp_path: Path) -> None:
    state, db = writable(tmp_path)
    looker = Looker(state, [ALARMS], {})

    def look() -> list[str]:
        found, looker.memory = looker.look(1)
        return [message.title for *_, message in found]

    db.execute("INSERT INTO alarm VALUES (1, 1, 'old', 'x')")
    assert look() == []
    for kind in ("first", "second"):
        db.execute("INSERT INTO alarm VALUES (2, 2, ?, 'x')", (kind,))
    # What was looked at and not kept is looked at again.
    found, _ = looker.look(1)
    assert [message.title for *_, message in found] == ["first", "second"] == look()
    assert look() == []
    later = Looker(state, [ALARMS], looker.memory)
    db.execute("INSERT INTO alarm VALUES (3, 3, 'third', 'x')")
    assert [m.title for *_, m in later.look(1)[0]] == ["third"]
    db.close()


def test_what_is_switched_off_is_remembered_and_not_told(tmp_path: Path) -> None:
    state, db = writable(tmp_path)
    off = Kind("alarms", "every alarm", every_alarm, way="off")
    looker = Looker(state, [off], {"cursor": {"alarm": 0}})
    db.execute("INSERT INTO alarm VALUES (1, 1, 'a', 'x')")
    assert looker.look(1) == ([], {"cursor": {"alarm": 1}, "alarms": {"looks": 1}})
    db.close()


def test_without_a_database_it_looks_again_later(tmp_path: Path) -> None:
    looker = Looker(StateDir(tmp_path, "local"), [ALARMS], {"cursor": {"alarm": 5}})
    found, memory = looker.look(1)
    assert found == [] and memory["cursor"] == {"alarm": 5}


def test_a_kind_that_fails_says_so_once_and_keeps_the_others_from_nothing(tmp_path: Path) -> None:
    def fails(seen: Seen, memory: Memory) -> tuple[list[Message], Memory]:
        raise ZeroDivisionError

    state, db = writable(tmp_path)
    kinds = [Kind("broken", "what breaks", fails), ALARMS]
    looker = Looker(state, kinds, {"cursor": {"alarm": 0}, "broken": {"kept": 1}})
    db.execute("INSERT INTO alarm VALUES (1, 1, 'a', 'x')")
    found, memory = looker.look(1)
    assert [m.title for *_, m in found] == ["Alerts of broken fail", "a"]
    assert memory["broken"] == {"kept": 1}
    assert [m.title for *_, m in looker.look(2)[0]] == ["a"]
    db.close()


def test_a_day_of_trading_is_looked_at_with_all_kinds(tmp_path: Path) -> None:
    made = busy(tmp_path)
    asyncio.run(made.close("over"))
    looker = Looker(made.state, discover(), {"cursor": {"alarm": 0}})
    found, memory = looker.look(MONDAY_NS)
    with reading(made.state) as db:
        kinds = [kind for (kind,) in db.execute("SELECT kind FROM alarm")]
    expected = {"halted"} if {"halt", "resume"} & set(kinds) else set()
    assert {kind for kind, *_ in found} >= expected and memory["cursor"]["alarm"] == len(kinds)


def test_the_week_is_the_last_seven_whole_days() -> None:
    db: Any = empty_db()
    day = 86_400 * 10**9
    for back in (0, 1, 7, 8):
        put_trade(db, closed_ns=MONDAY_NS - back * day, gross_e6=(back + 1) * 10**6)
    text, sheet = week_text(db, MONDAY_NS + 3_600 * 10**9, "local")
    assert sheet.startswith("<!doctype html>") and "Week 48 of 2026, 23 Nov to 29 Nov" in sheet
    assert text.splitlines()[0] == (
        "+10.00 USD with 2 trades: price +10.00, fees +0.00, funding +0.00"
    )
    assert week_text(empty_db(), MONDAY_NS, "local")[0].splitlines()[0] == "No trade has closed."
