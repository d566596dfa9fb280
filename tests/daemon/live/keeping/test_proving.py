from __future__ import annotations

import asyncio
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from daemon.live.keeping import proving
from daemon.live.keeping.proving import Proving, prove
from market.events import Command, Notice, Recorded, Verb
from tests.support.lies import more
from tests.support.shadow import told


@pytest.fixture
def database(tmp_path: Path) -> Path:
    told(tmp_path / "gnomon.db")
    return tmp_path / "gnomon.db"


def proved(path: Path) -> list[Recorded]:
    """Return the events that one check leads to."""
    events: list[Recorded] = []

    async def main() -> None:
        check = Proving(path, events.append, delay_s=0.0)
        task = asyncio.create_task(check.run())
        await asyncio.wait_for(check.done.wait(), 60.0)
        assert not task.done(), "it rests, and is not begun again"
        task.cancel()

    asyncio.run(main())
    return events


def test_a_sound_database_is_no_event(database: Path) -> None:
    assert proved(database) == []


def test_a_broken_rule_is_an_alarm_and_goes_on(database: Path) -> None:
    with closing(sqlite3.connect(database)) as db:
        db.executescript(more("desk", "$.cash_e6"))
        db.commit()
    events = proved(database)
    assert all(isinstance(event, Notice) for event in events)
    assert any("cash moved by 1 " in event.message for event in events)  # type: ignore[union-attr]


def test_a_damaged_page_halts_entries(database: Path) -> None:
    with closing(sqlite3.connect(database)) as db:
        query = "SELECT rootpage FROM sqlite_schema WHERE name = 'fill_by_trade'"
        (root,) = db.execute(query).fetchone()
    with database.open("r+b") as file:
        file.seek((root - 1) * 4096)
        file.write(bytes(4096))
    notice, halt = proved(database)
    assert isinstance(notice, Notice) and "the file is damaged" in notice.message
    assert isinstance(halt, Command) and (halt.verb, halt.source) == (Verb.HALT, proving.CHECK)


def test_a_check_that_is_given_up_says_nothing(
    database: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(proving, "STEPS", 10)
    assert prove(database, lambda: True) == ([], [])
