"""A disk that is full now and then: rows wait, nothing is lost, nothing is written twice.

`GNOMON_SEED=n make chaos` repeats a run.
"""

from __future__ import annotations

import asyncio
import os
import random
from contextlib import closing
from pathlib import Path

import pytest

from shadow.store.check import broken_promises
from shadow.store.store import open_readonly
from tests.chaos.feeding import feed, made_market
from tests.chaos.power import watched
from tests.daemon import rig
from tests.support.daemons import daemon_of

# One worker makes the market for all of them.
pytestmark = pytest.mark.xdist_group("busy market")

SEED = int(os.environ.get("GNOMON_SEED", "1"))
RECORDS = 4_000


def filled_up(folder: Path, seed: int, *, forgetful: bool = False) -> list[str]:
    """Let a daemon trade while its disk fills up and is freed again; return what went wrong."""
    rng = random.Random(seed)
    records = made_market()[:RECORDS]
    fills_at = rng.randint(0, RECORDS - 1_000)
    freed_at = fills_at + rng.randint(1, 900)

    async def trade() -> tuple[int, int]:
        daemon = daemon_of(folder, coins=list(rig.BUSY), **rig.TIGHT)
        vain = 0
        for number, record in enumerate(records):
            disk.full = fills_at <= number < freed_at
            feed(daemon, record)
            if rng.random() < 0.02 or number == freed_at - 1:
                await daemon.journal.flush()
                if daemon.journal.failure:
                    vain += 1
                    if forgetful:
                        # The planted loss: what could not be written is dropped.
                        daemon.journal.distrust()
        await daemon.journal.flush()
        vitals = daemon.engine.vitals
        await daemon.close("the story ends")
        return vain, vitals.admitted + vitals.blocked

    with watched(folder) as disk:
        vain, signals = asyncio.run(trade())
    wrong = [] if vain else ["the disk was never full when something was to be written"]
    with closing(open_readonly(folder / "local" / "gnomon.db")) as db:
        (written,) = db.execute("SELECT COUNT(*) FROM signal").fetchone()
        if written != signals:
            wrong.append(f"{signals} signals were decided, {written} are written")
        wrong += broken_promises(db)
    return wrong


def test_a_disk_that_fills_up_and_is_freed_loses_nothing(tmp_path: Path) -> None:
    assert filled_up(tmp_path, SEED) == []


def test_rows_that_are_dropped_are_found_out(tmp_path: Path) -> None:
    assert any("are written" in wrong for wrong in filled_up(tmp_path, SEED, forgetful=True))


@pytest.mark.long
@pytest.mark.timeout(3600)
@pytest.mark.parametrize("number", range(100))
def test_a_hundred_full_disks_lose_nothing(tmp_path: Path, number: int) -> None:
    assert filled_up(tmp_path, SEED * 1000 + number) == []
