"""Copies of a running state: each is whole, or is refused in words; none lies.

Files are copied one after the other, in any order, a piece at a time, while the daemon writes on:
what a backup program does that knows nothing of databases. `GNOMON_SEED=n make chaos` repeats it.
"""

from __future__ import annotations

import asyncio
import os
import random
import threading
import time
from collections import Counter
from contextlib import closing
from pathlib import Path

import pytest

from market.errors import GnomonError
from shadow.store.check import broken_promises
from shadow.store.store import open_readonly
from tests.chaos.feeding import feed, made_market
from tests.daemon import rig
from tests.support.daemons import closed, daemon_of

# One worker makes the market for all of them.
pytestmark = pytest.mark.xdist_group("busy market")

SEED = int(os.environ.get("GNOMON_SEED", "1"))
PIECE = 64 << 10
SIGNALS = "SELECT signal_id FROM signal WHERE seq <= ? ORDER BY signal_id"


def copied(source: Path, target: Path, rng: random.Random, *, without: str = "") -> None:
    """Copy a state folder piece by piece, its files in any order."""
    files = [p for p in source.rglob("*") if p.is_file() and not (without and without in p.name)]
    rng.shuffle(files)
    for path in files:
        into = target / path.relative_to(source)
        into.parent.mkdir(parents=True, exist_ok=True)
        try:
            with path.open("rb") as old, into.open("wb") as new:
                while piece := old.read(PIECE):
                    new.write(piece)
                    time.sleep(rng.uniform(0.0, 0.002))
        except FileNotFoundError:
            continue


class Copying(threading.Thread):
    """Copies made one after the other while a daemon writes."""

    def __init__(self, state: Path, into: Path, number: int, rng: random.Random, without: str):
        super().__init__()
        self.acknowledged = 0
        self.made: list[tuple[Path, int]] = []
        self._state, self._into, self._number = state, into, number
        self._rng, self._without = rng, without

    def run(self) -> None:
        for number in range(self._number):
            promised = self.acknowledged
            copy = self._into / str(number)
            copied(self._state, copy, self._rng, without=self._without)
            self.made.append((copy, promised))


def copies_of(state: Path, into: Path, number: int, *, without: str = "") -> list[tuple[Path, int]]:
    """Return copies of a busy state, each with the event up to which it was acknowledged."""
    rng = random.Random(SEED)
    copying = Copying(state, into, number, rng, without)

    async def trade() -> None:
        daemon = daemon_of(state, coins=list(rig.BUSY), **rig.TIGHT)
        for record in made_market():
            feed(daemon, record)
            if rng.random() < 0.02:
                await daemon.journal.flush()
                copying.acknowledged = daemon.journal.committed_seq
                at_stake = daemon.engine.vitals.admitted + daemon.engine.vitals.blocked
                if at_stake > 4 and not copying.is_alive() and not copying.made:
                    copying.start()
                await asyncio.sleep(0.002)
            if copying.made and not copying.is_alive():
                break
        await daemon.close("the story ends")

    asyncio.run(trade())
    copying.join()
    return copying.made


def judged(copy: Path, whole: Path, promised: int) -> str:
    """Return what a copy is worth: "whole", "refused", "caught" by the check, or "lost"."""
    try:
        daemon = daemon_of(copy, coins=list(rig.BUSY), **rig.TIGHT)
    except GnomonError:
        return "refused"
    closed(daemon)
    with (
        closing(open_readonly(copy / "local" / "gnomon.db")) as ours,
        closing(open_readonly(whole / "local" / "gnomon.db")) as theirs,
    ):
        if broken_promises(ours):
            return "caught"
        left, all_ = (
            [tuple(row) for row in db.execute(SIGNALS, (promised,))] for db in (ours, theirs)
        )
    assert all_, "nothing was at stake"
    return "whole" if left == all_ else "lost"


def judge(made: list[tuple[Path, int]], whole: Path) -> Counter[str]:
    return Counter(judged(copy, whole, promised) for copy, promised in made)


def test_a_few_copies_lie_about_nothing(tmp_path: Path) -> None:
    found = judge(copies_of(tmp_path / "s", tmp_path / "c", 4), tmp_path / "s")
    assert found["lost"] == 0 and found.total() == 4, found


def test_a_copy_without_the_log_is_found_out(tmp_path: Path) -> None:
    made = copies_of(tmp_path / "s", tmp_path / "c", 3, without="-wal")
    assert judge(made, tmp_path / "s")["whole"] == 0


@pytest.mark.long
@pytest.mark.timeout(1800)
def test_a_hundred_copies_lie_about_nothing(tmp_path: Path) -> None:
    found: Counter[str] = Counter()
    for number in range(10):
        state = tmp_path / f"s{number}"
        found += judge(copies_of(state, tmp_path / f"c{number}", 10), state)
    print(dict(found))
    assert found["lost"] == 0 and found.total() == 100, found
