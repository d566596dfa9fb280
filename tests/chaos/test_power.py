"""Power cuts at random moments: what was acknowledged is there, and the tape explains it.

A daemon trades on a made market over a disk that notes what was synced. At each cut the disk keeps
that, and of the rest whatever the dice leave. `GNOMON_SEED=n make chaos` repeats a run.
"""

from __future__ import annotations

import asyncio
import os
import random
import sqlite3
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from market.errors import GnomonError
from shadow.store.check import broken_promises
from shadow.store.store import open_readonly
from tests.chaos.feeding import feed, made_market
from tests.chaos.power import Disk, watched
from tests.daemon import rig
from tests.support.daemons import closed, daemon_of

# One worker makes the market for all of them.
pytestmark = pytest.mark.xdist_group("busy market")

SEED = int(os.environ.get("GNOMON_SEED", "1"))
RECORDS = 9_000
BATCH = 150
SIGNALS = "SELECT * FROM signal WHERE seq <= ? ORDER BY signal_id"
FILLS = "SELECT * FROM fill ORDER BY rowid LIMIT ?"


@dataclass
class Story:
    """What a daemon wrote, and when it had promised what."""

    disk: Disk
    folder: Path

    def promises(self) -> list[tuple[int, int, int]]:
        """Return (moment, seq, fills): from then on so much is on disk."""
        return [(at, *n.word) for at, n in enumerate(self.disk.notes) if n.word is not None]


def told(folder: Path, seed: int) -> Story:
    """Let a daemon trade over a watched disk, committing again and again."""
    rng = random.Random(seed)
    records = made_market()[:RECORDS]

    async def trade(disk: Disk) -> None:
        daemon = daemon_of(folder, coins=list(rig.BUSY), **rig.TIGHT)
        left = 0
        for record in records:
            feed(daemon, record)
            left -= 1
            if left <= 0:
                left = rng.randint(1, BATCH)
                await daemon.journal.flush()
                disk.say((daemon.journal.committed_seq, count_of(folder)))
        await daemon.close("the story ends")

    with watched(folder) as disk:
        asyncio.run(trade(disk))
    return Story(disk, folder)


def count_of(folder: Path) -> int:
    """Return how many fills are written: those of a repair are of an earlier time."""
    ((count,),) = found(folder / "local" / "gnomon.db", "SELECT COUNT(*) + ? FROM fill", 0)
    return int(count)


def found(path: Path, query: str, seq: int) -> list[Any]:
    with closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True)) as db:
        return db.execute(query, (seq,)).fetchall()


def lost(story: Story, number: int, at: Path, rng: random.Random, *, synced: bool = True) -> str:
    """Cut the power at a random moment; return what the next start finds wrong, "" for nothing."""
    promises = story.promises()
    first, last = promises[0][0], promises[-1][0]
    moment = rng.randint(first, last) if number % 3 else rng.choice(promises)[0] + 1
    seq, fills = max(promise for when, *promise in promises if when <= moment)
    folder = at / str(number)
    story.disk.cut(moment, folder, rng, synced=synced)
    database = folder / "local" / "gnomon.db"
    try:
        daemon = daemon_of(folder, coins=list(rig.BUSY), **rig.TIGHT)
    except GnomonError as error:
        return f"does not start: {error}"
    reached = daemon.engine.vitals.seq
    closed(daemon)
    if reached < seq:
        return f"begins at event {reached}, {seq} were acknowledged"
    for query, bound in ((SIGNALS, seq), (FILLS, fills)):
        whole = found(story.folder / "local" / "gnomon.db", query, bound)
        left = found(database, query, bound)
        if left != whole:
            return f"{len(whole)} rows were acknowledged, {len(left)} are there: {query}"
    with closing(open_readonly(database)) as db:
        broken = broken_promises(db)
    return "; ".join(broken)


def cut_again_and_again(story: Story, cuts: int, at: Path, *, synced: bool = True) -> list[str]:
    """Return what each cut lost, with its number."""
    rng = random.Random(SEED)
    return [
        f"seed {SEED}, cut {number}: {what}"
        for number in range(cuts)
        if (what := lost(story, number, at, rng, synced=synced))
    ]


@pytest.fixture(scope="module")
def story(tmp_path_factory: pytest.TempPathFactory) -> Story:
    made = told(tmp_path_factory.mktemp("whole"), SEED)
    assert len(made.promises()) > 50
    assert found(made.folder / "local" / "gnomon.db", SIGNALS, 1 << 62), "nothing was at stake"
    return made


def test_a_few_cuts_lose_nothing_that_was_acknowledged(story: Story, tmp_path: Path) -> None:
    assert cut_again_and_again(story, 12, tmp_path) == []


def test_a_disk_that_never_syncs_is_found_out(story: Story, tmp_path: Path) -> None:
    assert len(cut_again_and_again(story, 8, tmp_path, synced=False)) >= 4


@pytest.mark.long
@pytest.mark.timeout(3600)
def test_five_hundred_cuts_lose_nothing_that_was_acknowledged(story: Story, tmp_path: Path) -> None:
    assert cut_again_and_again(story, 500, tmp_path) == []
