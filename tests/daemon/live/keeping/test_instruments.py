from __future__ import annotations

import asyncio
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from daemon.live.keeping import instruments
from daemon.live.keeping.instruments import Instruments, until_next
from market.events import NS_PER_DAY, NS_PER_S, Notice, Recorded
from tests.support.shadow import told


def test_an_instrument_is_told_of_once_until_it_was_well(tmp_path: Path) -> None:
    events: list[Recorded] = []
    watch = Instruments(tmp_path, events.append)
    watch.tell(["cooldown blocked 100 signals"])
    watch.tell(["cooldown blocked 101 signals", "control fell off"])
    watch.tell(["control fell off"])
    watch.tell(["cooldown blocked 120 signals", "control fell off"])
    assert [event.message for event in events if isinstance(event, Notice)] == [
        "an instrument may be dead: cooldown blocked 100 signals",
        "an instrument may be dead: control fell off",
        "an instrument may be dead: cooldown blocked 120 signals",
    ]


@pytest.mark.parametrize(("into_s", "wait_s"), [(0, 900), (899, 1), (900, 86_400), (901, 86_399)])
def test_it_looks_a_quarter_of_an_hour_into_each_day(into_s: int, wait_s: int) -> None:
    assert until_next(20_000 * NS_PER_DAY + into_s * NS_PER_S) == wait_s


def test_the_database_is_looked_at_when_it_is_time(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "gnomon.db"
    told(path)
    with closing(sqlite3.connect(path)) as db:
        insert = "INSERT INTO rollup VALUES ('2025-09-01', ?, ?, ?, '', ?, 0, 0, 0, 0)"
        db.execute(insert, ("", "run", "seconds", 9))
        db.execute(insert, ("dead", "enforce", "sole", 40))
        db.commit()
    monkeypatch.setattr(instruments, "until_next", lambda now_ns: 0.0)
    heard: list[Recorded] = []

    async def main() -> None:
        first = asyncio.Event()

        def consume(event: Recorded) -> None:
            heard.append(event)
            first.set()

        task = asyncio.create_task(Instruments(path, consume).run())
        await asyncio.wait_for(first.wait(), 10.0)
        task.cancel()

    asyncio.run(main())
    assert isinstance(heard[0], Notice) and "dead blocked 40 signals" in heard[0].message
