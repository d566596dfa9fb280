"""Gnomon's side: `python -m bench.peers.ours ORDER`, ORDER as JSON, one line of JSON back.

The engine, session and intake are the daemon's, with all filters, the ledger and the digest. Its
lanes are copies of one bot that does what the peer's strategies do.
"""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path
from typing import Any

import msgspec

from bench.peers import feed
from daemon.config.load import parse
from daemon.engine.engine import Engine
from daemon.engine.factory import build_engine
from daemon.engine.intake import Intake
from divisions.bot import Bot
from divisions.lane import Lane
from market.coin import Coin
from market.decision import Signal
from market.events import NS_PER_MS, NS_PER_S, Event, Timer
from market.view import View
from venue.hyperliquid.session import Session
from venue.hyperliquid.streams import Subscription
from venue.hyperliquid.universe import load_instruments

CONFIG = {"coins": [feed.COIN]}
FAST, SLOW = feed.FAST, feed.SLOW


class Pair(msgspec.Struct):
    """Two moving averages of the mid; `crossings` counts how often they changed places."""

    fast: float = 0.0
    slow: float = 0.0
    above: bool = False
    calls: int = 0
    crossings: int = 0


class Ema(Bot[msgspec.Struct, Pair]):
    """Bot that follows the mid with two averages."""

    division = "trend"
    memory_type = Pair
    number = 0

    def on_book(self, memory: Pair, coin: Coin, view: View) -> Signal | None:
        """Take the mid."""
        mid = coin.book.mid
        memory.calls += 1
        if memory.calls == 1:
            memory.fast = memory.slow = mid
            return None
        memory.fast = fast = memory.fast + FAST * (mid - memory.fast)
        memory.slow = slow = memory.slow + SLOW * (mid - memory.slow)
        if (fast > slow) is not memory.above:
            memory.above = not memory.above
            memory.crossings += 1
        return None


class Idle(Ema):
    """Bot that does nothing: what is left is the engine's own cost of 26 callbacks."""

    def on_book(self, memory: Pair, coin: Coin, view: View) -> Signal | None:
        """Take nothing."""
        return None


def crewed(engine: Engine, base: type[Ema], count: int = feed.STRATEGIES) -> Engine:
    """Put copies of a bot in the place of the engine's own."""
    engine.market.lanes.clear()
    for number in range(count):
        names = {"name": f"ema_{number:02}", "number": number}
        bot = type(f"Ema{number}", (base,), names)(msgspec.Struct())
        engine.market.lanes[bot.name] = Lane(bot)
    engine.market.resubscribe()
    return engine


def counts(engine: Engine) -> dict[str, int]:
    """Return what all copies together have done."""
    pairs: list[Any] = [lane.memory(feed.COIN) for lane in engine.market.lanes.values()]
    return {
        "calls": sum(pair.calls for pair in pairs),
        "crossings": sum(pair.crossings for pair in pairs),
    }


def replay(order: dict[str, Any]) -> dict[str, Any]:
    """Run through a file of frames; `decoded` says whether they become events beforehand."""
    raws = feed.read(Path(order["path"]))
    instruments = {feed.COIN: load_instruments()[feed.COIN]}
    engine = build_engine(parse(CONFIG, "bench"), instruments)
    crewed(engine, Idle if order["idle"] else Ema, order["strategies"])
    session = Session([Subscription("bbo", feed.COIN)])
    intake = Intake(session, engine, _drop, _drop)
    start_ns = feed.quote(raws[0])[0] * NS_PER_MS
    session.opened(start_ns)
    step_ns = feed.STEP_MS * NS_PER_MS
    events: list[Event] = []
    if order["decoded"]:
        received = (session.receive(raw, start_ns + i * step_ns) for i, raw in enumerate(raws))
        events = [event for event in received if event is not None]
    feed.settle_gc()
    began = time.process_time()
    if order["decoded"]:
        _step_all(intake, events)
    else:
        _receive_all(intake, raws, start_ns, step_ns)
    cpu_s = time.process_time() - began
    return {"events": len(raws), "cpu_s": cpu_s, **counts(engine)}


def _drop(_: object) -> None:
    """Take a tape line or an outcome; replays to nowhere need neither."""


def _step_all(intake: Intake, events: list[Event]) -> None:
    """Take events, and a second whenever one has passed, as a tape holds them."""
    step, tick_ns = intake.step, events[0].recv_ns + NS_PER_S
    for event in events:
        if event.recv_ns >= tick_ns:
            step(Timer(tick_ns))
            tick_ns += NS_PER_S
        step(event)


def _receive_all(intake: Intake, raws: list[bytes], start_ns: int, step_ns: int) -> None:
    receive, step = intake.session.receive, intake.step
    now_ns, tick_ns = start_ns, start_ns + NS_PER_S
    for raw in raws:
        if now_ns >= tick_ns:
            step(Timer(tick_ns))
            tick_ns += NS_PER_S
        event = receive(raw, now_ns)
        if event is not None:
            step(event)
        now_ns += step_ns


if __name__ == "__main__":
    sys.stdout.write(json.dumps(replay(json.loads(sys.argv[1]))) + "\n")
