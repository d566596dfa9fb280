"""kill -9 at random moments: nothing acknowledged is lost, nothing is counted twice.

The short slice runs with every `make test`, the long one with `make chaos`. A failure prints the
seed; `GNOMON_SEED=n make chaos` repeats it.
"""

from __future__ import annotations

import asyncio
import json
import os
import random
import signal
import sqlite3
import time
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from shadow.store.store import open_readonly
from tests.chaos.feeding import feed, made_market
from tests.daemon import rig
from tests.support.daemons import daemon_of
from tests.support.process import PATIENCE_S, gnomon, query, running, sound, until

SEED = int(os.environ.get("GNOMON_SEED", "1"))
KILLS = int(os.environ.get("GNOMON_KILLS", "200"))

HELD = (
    "SELECT trade_id, kind, cause, bot, coin, side, asked_lots, decided_ns, entry_px, qty_lots"
    " FROM trade WHERE status IN ('open', 'exiting') ORDER BY trade_id"
)


def ledger(state: Path) -> dict[str, Any]:
    """Return what a crash may not take away."""
    return {
        "signals": query(
            state, "SELECT signal_id, bot, coin, side, verdict FROM signal ORDER BY 1"
        ),
        "held": query(state, HELD),
        "closed": query(
            state, "SELECT trade_id, net_e6, exit_reason FROM trade WHERE status = 'closed'"
        ),
    }


def grows_from(before: dict[str, Any], state: Path, seed: int) -> None:
    """Assert that everything committed before is still there, once, and nothing has changed."""
    after = ledger(state)
    assert after["signals"][: len(before["signals"])] == before["signals"], f"seed {seed}"
    closed = {row[0]: row for row in after["closed"]}
    held = {row[0]: row for row in after["held"]}
    for row in before["closed"]:
        assert closed[row[0]] == row, f"seed {seed}"
    for row in before["held"]:
        assert row[0] in closed or held[row[0]] == row, f"seed {seed}"
    everything = [row[0] for row in query(state, "SELECT trade_id FROM trade")]
    assert len(everything) == len(set(everything))


def at_stake(state: Path) -> bool:
    """Say whether a phantom is on disk."""
    try:
        return bool(query(state, "SELECT 1 FROM trade WHERE kind = 'phantom' LIMIT 1"))
    except sqlite3.OperationalError:
        return False


def kill_again_and_again(state: Path, kills: int, seed: int, *, lenses: bool = True) -> None:
    rng = random.Random(seed)
    # A cap that the first signals meet: trades and phantoms are at stake within seconds.
    config = state / "gnomon.toml"
    config.write_text(
        'coins = ["BTC", "ETH", "DOGE", "AVAX"]\n'
        f"[gate.division]\ndivision_cap_share = 0.06\n[lens]\nenabled = {str(lenses).lower()}\n"
        # A life is a few seconds: what does not press must be committed in some of them.
        "[store]\nquiet_ms = 300\n"
    )
    options = ("--plain", "--state", state, "--config", config)
    before: dict[str, Any] | None = None
    for number in range(kills):
        with running("run", *options) as daemon:
            daemon.wait_for("feed up")
            if number == 0:
                # The first run goes on until trades are at stake; the others are hit anywhere.
                until(lambda: at_stake(state), "a phantom", 3 * PATIENCE_S, daemon.popen)
            else:
                time.sleep(rng.uniform(0.0, 4.0))
            assert daemon.end(signal.SIGKILL) == -signal.SIGKILL
        sound(state)
        if before is not None:
            grows_from(before, state, seed)
        before = ledger(state)
    assert before is not None and before["signals"], "nothing was at stake"
    told = branches_told(state)
    assert not told, f"a branch that toggles nothing is the desk after any kill: {told}"
    assert any(row[1] == "phantom" for row in before["held"] + _kinds(state))
    with running("run", *options, "--for", "1s") as daemon:
        assert daemon.end(timeout=60.0) == 0
    sound(state)
    grows_from(before, state, seed)
    replayed = gnomon("replay", state / "local" / "tape", "--json", timeout=120.0)
    assert replayed.returncode == 0, replayed.stderr
    found = json.loads(replayed.stdout)
    assert found["digest_match"] is True, found["mismatch"]


def branches_told(state: Path) -> list[str]:
    """Return what alarms said of branches."""
    with closing(open_readonly(state / "local" / "gnomon.db")) as db:
        rows = db.execute("SELECT message FROM alarm WHERE kind = 'branch'")
        return [str(message) for (message,) in rows]


def _kinds(state: Path) -> list[tuple[Any, ...]]:
    return query(state, "SELECT trade_id, kind FROM trade")


def test_a_few_kills_lose_nothing(tmp_path: Path) -> None:
    kill_again_and_again(tmp_path, 3, SEED, lenses=False)


@pytest.mark.parametrize(
    "lie",
    [
        "DELETE FROM signal WHERE signal_id = (SELECT MAX(signal_id) FROM signal)",
        "UPDATE signal SET verdict = 'admitted' WHERE verdict = 'blocked'",
        "UPDATE trade SET net_e6 = net_e6 + 1 WHERE status = 'closed'",
        "UPDATE trade SET entry_px = entry_px + 1 WHERE status = 'open'",
        "DELETE FROM trade WHERE status = 'open'",
    ],
)
def test_a_state_that_lost_something_is_found_out(tmp_path: Path, lie: str) -> None:
    async def trade() -> None:
        daemon = daemon_of(tmp_path, coins=list(rig.BUSY), **rig.TIGHT)
        for record in made_market()[:9_000]:
            feed(daemon, record)
        await daemon.close("killed")

    asyncio.run(trade())
    before = ledger(tmp_path)
    assert before["signals"] and before["held"] and before["closed"], "nothing was at stake"
    grows_from(before, tmp_path, SEED)
    with closing(sqlite3.connect(tmp_path / "local" / "gnomon.db")) as db:
        db.execute("PRAGMA foreign_keys=OFF")
        assert db.execute(lie).rowcount
        db.commit()
    with pytest.raises((AssertionError, KeyError)):
        grows_from(before, tmp_path, SEED)


@pytest.mark.long
@pytest.mark.timeout(3600)
def test_two_hundred_kills_lose_nothing(tmp_path: Path) -> None:
    kill_again_and_again(tmp_path, KILLS, SEED + 1)
