from __future__ import annotations

import asyncio
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from daemon.live.keeping import regimes
from daemon.live.keeping.regimes import Regimes, untold
from shadow.store.check import broken_promises
from shadow.store.store import Store, open_readonly
from shadow.store.tables.rollups import RollupRow
from tests.support.shadow import told


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """A desk with refusals on one day, and weights that stand from the day after on."""
    told(tmp_path / "gnomon.db")
    with closing(sqlite3.connect(tmp_path / "gnomon.db")) as db:
        db.execute(
            "INSERT INTO weight VALUES ('2027-01-01', 'division', 'trend', 1.5, NULL, 'up', 9, 9)"
        )
        db.commit()
    return tmp_path / "gnomon.db"


def test_every_day_that_a_report_has_something_of_is_told_once_the_newest_first(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(regimes, "PAUSE_S", 0.0)
    with closing(open_readonly(path)) as db:
        days = {day for (day,) in db.execute("SELECT day FROM slice_day WHERE by = 'division'")}
    with closing(Store(path, mode="local", network="testnet")) as store:
        kept: list[RollupRow] = []
        done = asyncio.Event()

        async def keep(row: RollupRow) -> None:
            store.keep([row])
            kept.append(row)
            if len(kept) == len(days) + 1:
                done.set()

        async def main() -> None:
            task = asyncio.create_task(Regimes(path, keep).run())
            await asyncio.wait_for(done.wait(), 10.0)
            task.cancel()

        asyncio.run(main())
    assert [row.day for row in kept] == ["2027-01-01", *sorted(days, reverse=True)]
    assert {row.scope for row in kept} <= {"UNDETERMINED", "trend"}
    with closing(open_readonly(path)) as db:
        assert untold(db) is None
        assert [line for line in broken_promises(db) if "weighs" not in line] == []


def test_without_its_file_nothing_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(regimes, "PAUSE_S", 0.0)

    async def keep(row: RollupRow) -> None:
        raise AssertionError(row)

    async def main() -> None:
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(Regimes(tmp_path / "gone.db", keep).run(), 0.05)

    asyncio.run(main())
