"""A daemon on a venue where things go wrong by chance: whole, over sockets, in virtual time."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import msgspec

from daemon.config.load import parse
from daemon.instance.paths import StateDir
from daemon.live import run as live
from daemon.live.daemon import Daemon
from daemon.live.startup import Plan as RunPlan
from daemon.replay.player import Player
from shadow.store.check import broken_promises
from shadow.store.store import open_readonly
from tests.chaos import virtual_loop
from tests.support import virtual
from venue.local.faults.chance import drawn
from venue.local.faults.plan import Plan
from venue.local.server.client import Limits
from venue.local.server.faulty.injector import Injector
from venue.local.server.server import serve

COINS = ("BTC", "ETH", "SOL")
START_S = virtual.START_MS / 1000.0
GAP_S = 25.0
QUIET_S = 75.0
TIGHT = {
    "gate": {
        "position": {"coin_cap_share": 0.15},
        "division": {"division_cap_share": 0.1},
        "cooldown": {"rest_s": 60.0},
    }
}


@dataclass
class Storm:
    """What a seed did to a daemon: faults by name, what is wrong afterwards, and how it stood."""

    seed: int
    faults: dict[str, int] = field(default_factory=dict)
    wrong: list[str] = field(default_factory=list)
    signals: int = 0
    connects: int = 0


async def _blown(storm: Storm, plan: Plan, state: Path, seconds: float) -> None:
    stop, ready = asyncio.Event(), asyncio.get_running_loop().create_future()
    injector = Injector(plan)
    market = injector.market(virtual.world())
    venue = asyncio.create_task(
        serve(
            market,
            host="127.0.0.1",
            port=0,
            now_ms=lambda: time.time() * 1000.0,
            on_ready=ready.set_result,
            stop=stop,
            limits=Limits(),
            injector=injector,
        )
    )
    port = await ready
    urls = {"ws_url": f"ws://127.0.0.1:{port}/ws", "rest_url": f"http://127.0.0.1:{port}"}
    settings = parse(
        {
            "mode": "paper",
            "coins": list(COINS),
            "lens": {"enabled": False},
            # Not every fault of whole books reaches the deltas, so every other storm has none.
            "feed": {"books": ("auto", "l2Book")[storm.seed % 2]},
            "venue": {"testnet": urls},
            **TIGHT,
        },
        "storm",
    )
    folder = StateDir(state, "paper-testnet")
    seen: list[Daemon] = []

    def wired(*args: Any, **named: Any) -> Daemon:
        seen.append(Daemon(*args, **named))
        return seen[-1]

    plain, live.Daemon = live.Daemon, wired  # type: ignore[assignment, misc]
    try:
        running = asyncio.create_task(live.run(RunPlan(settings, "paper", "testnet", folder)))
        await asyncio.wait((running,), timeout=seconds)
        if running.done():
            storm.wrong.append(f"ended by itself: {running.result()}")
            return
        (daemon,) = seen
        storm.wrong += _stands(daemon)
        storm.connects = daemon.feed.connects
        vitals = daemon.engine.vitals
        storm.signals = vitals.admitted + vitals.blocked
        daemon.supervisor.stop("the storm is over")
        await running
    finally:
        live.Daemon = plain  # type: ignore[misc]
        storm.faults = dict(injector.running.counts)
        stop.set()
        await venue


def _stands(daemon: Daemon) -> list[str]:
    """Return what has not come back although the faults are over."""
    wrong = []
    market = daemon.engine.market
    if not daemon.engine.vitals.feed_up:
        wrong.append("the feed is down")
    for name, coin in market.coins.items():
        if not coin.book.ok:
            wrong.append(f"{name} has no book")
        if not all(len(series) for series in coin.bars.series.values()):
            wrong.append(f"{name} lacks bars")
    wrong += [
        f"{lane.name} is faulted: {lane.fault}" for lane in market.lanes.values() if lane.fault
    ]
    return wrong


def _left_behind(storm: Storm, state: Path) -> list[str]:
    """Return what is wrong with the database and the tape."""
    folder = state / "paper-testnet"
    with closing(open_readonly(folder / "gnomon.db")) as db:
        wrong = broken_promises(db)
        (written,) = db.execute("SELECT COUNT(*) FROM signal").fetchone()
    if written != storm.signals:
        wrong.append(f"{storm.signals} signals were decided, {written} are written")
    result = Player().play(folder / "tape")
    if not result.digest_match:
        wrong.append(f"the tape replays differently: {result.mismatch}")
    return wrong


def storm(
    seed: int,
    state: Path,
    *,
    minutes: float,
    names: Sequence[str] = (),
    gap_s: float = GAP_S,
    quiet_s: float = QUIET_S,
) -> Storm:
    """Let a seed blow for some virtual minutes, then wait; return what was found."""
    until_s = minutes * 60.0
    faults = drawn(seed, gap_s, until_s, names)
    ends_s = max((f.end_ms / 1000.0 for f in faults), default=0.0)
    found = Storm(seed)
    plan = Plan(tuple(faults), seed, after_connect=True)
    virtual_loop.run(_blown(found, plan, state, max(ends_s, until_s) + quiet_s), START_S)
    found.wrong += _left_behind(found, state)
    return found


def told(found: Storm) -> str:
    """Return a line about a storm."""
    return msgspec.json.encode(found.__dict__).decode()
