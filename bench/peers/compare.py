"""Comparison with nautilus_trader: what is run in turns, and the goals it is held against."""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median
from typing import Any

from bench.market import stretch
from bench.peers import feed
from bench.peers.run import Told, peer_live, run
from bench.result import Figure, Result
from bench.rounds import over_rounds, percentile
from market.errors import require

RATE = 2_000
LIVE_S = 4.0
REPLAY = "bench.peers.ours"
IN_TURNS = ("ours", "frames", "idle", "bare", "peer", "idle peer")
SAME_WORK = ("ours", "frames", "peer")


@dataclass
class Found:
    """All rounds: replays by side, live runs of both."""

    replays: dict[str, list[Told]] = field(default_factory=lambda: {n: [] for n in IN_TURNS})
    ours: list[dict[str, Any]] = field(default_factory=list)
    peer: list[dict[str, Any]] = field(default_factory=list)

    def seconds(self, side: str) -> list[float]:
        """Return the CPU seconds of one side's engine by round."""
        return [told.report["cpu_s"] for told in self.replays[side]]


def measure(python: Path, rounds: int, quotes: int) -> Found:
    """Run both sides in turns over the same frames; `python` is the peer's interpreter."""
    found, own = Found(), Path(sys.executable)
    market = stretch(1)
    templates = [raw for raw in market.frames if raw.startswith(b'{"channel":"bbo"')]
    start_ms = feed.quote(templates[0])[0]
    with tempfile.TemporaryDirectory(prefix="gnomon-peers-") as name:
        many, few = Path(name) / "replay", Path(name) / "live"
        feed.write(many, feed.restamped(templates, quotes, start_ms))
        feed.write(few, templates)
        order = {"path": str(many), "strategies": feed.STRATEGIES, "idle": False}
        sides: dict[str, Callable[[], Told]] = {
            "ours": lambda: run(own, REPLAY, {**order, "decoded": True}),
            "frames": lambda: run(own, REPLAY, {**order, "decoded": False}),
            "idle": lambda: run(own, REPLAY, {**order, "decoded": True, "idle": True}),
            "bare": lambda: run(own, REPLAY, {**order, "decoded": True, "strategies": 0}),
            "peer": lambda: run(python, "bench.peers.nautilus", order),
            "idle peer": lambda: run(python, "bench.peers.nautilus", {**order, "idle": True}),
        }
        count = int(RATE * LIVE_S)
        live = {"path": str(few), "rate": RATE, "count": count}
        for number in range(rounds):
            first = number % len(IN_TURNS)
            for side in IN_TURNS[first:] + IN_TURNS[:first]:
                found.replays[side].append(sides[side]())
            same_work(found)
            turns: list[Callable[[], None]] = [
                lambda: found.ours.append(run(own, "bench.peers.ours_live", live).report),
                lambda: found.peer.append(peer_live(python, few, RATE, count)),
            ]
            for turn in turns if number % 2 else turns[::-1]:
                turn()
    return found


def same_work(found: Found) -> None:
    """Raise InvariantBroken unless the last replays made the same calls and saw the same."""
    last = {side: found.replays[side][-1].report for side in SAME_WORK}
    for what in ("events", "calls", "crossings"):
        counts = {side: report[what] for side, report in last.items()}
        require(len(set(counts.values())) == 1, f"{what} differ: {counts}")


def results(found: Found) -> dict[str, Result]:
    """Return a result for each goal."""
    return {
        "quotes": _quotes(found),
        "frames": _frames(found),
        "process": _process(found),
        "orders": _orders(found),
        "ticks": _ticks(found),
    }


def _by_round(above: list[float], below: list[float]) -> list[float]:
    return [a / b for a, b in zip(above, below, strict=True)]


def _quotes(found: Found) -> Result:
    report = found.replays["peer"][0].report
    events = report["events"]
    ours_s, peer_s = found.seconds("ours"), found.seconds("peer")
    idle_s, idle_peer_s, bare_s = (found.seconds(side) for side in ("idle", "idle peer", "bare"))
    result = Result(f"Replay of quotes from memory, {feed.STRATEGIES} strategies", "G1")
    result.figures = [
        over_rounds("nautilus / ours, CPU", _by_round(peer_s, ours_s), "x", must=4.0, stretch=6.0),
        over_rounds("ours, events per CPU s", [events / s for s in ours_s]),
        over_rounds("nautilus, events per CPU s", [events / s for s in peer_s]),
        _per_event("ours, an event", ours_s, events),
        _per_event("ours, with callbacks that do nothing", idle_s, events),
        _per_event("ours, without strategies", bare_s, events),
        _per_event("nautilus, an event", peer_s, events),
        _per_event("nautilus, with callbacks that do nothing", idle_peer_s, events),
        over_rounds("nautilus / ours, callbacks that do nothing", _by_round(idle_peer_s, idle_s)),
    ]
    result.counts = [
        f"both: {events:,} quotes, {report['calls']:,} callbacks, {report['crossings']:,} "
        "crossings counted, equal"
    ]
    result.notes = [
        "where the time goes: the difference to callbacks that do nothing is the strategies' own "
        "arithmetic (two averages of the mid, did they change places?), the same Python on both "
        "sides but for the mid, which our book holds and the peer's strategy makes of two prices",
        "ours is the daemon's engine with streams, book, ledger and a second's tick for each "
        "hundred quotes (bars, drawdown, valuation); the peer gets ready-made QuoteTick objects, "
        "no ticks, and its log is off; the collector is settled alike",
    ]
    return result


def _frames(found: Found) -> Result:
    events = found.replays["peer"][0].report["events"]
    ours_s, peer_s = found.seconds("frames"), found.seconds("peer")
    decode = [a - b for a, b in zip(ours_s, found.seconds("ours"), strict=True)]
    result = Result("The same from recorded frames, decoding included", "G2")
    result.figures = [
        over_rounds("nautilus / ours, CPU", _by_round(peer_s, ours_s), "x", must=3.0, stretch=5.0),
        over_rounds("ours, events per CPU s", [events / s for s in ours_s]),
        _per_event("ours, decoding and checking a frame", decode, events),
    ]
    result.notes = ["the peer's side is that of G1: its quotes are made beforehand, untimed"]
    return result


def _process(found: Found) -> Result:
    ours_, peer = found.replays["ours"], found.replays["peer"]
    cpu = [told.cpu_s for told in ours_], [told.cpu_s for told in peer]
    peak = [told.peak_mb for told in ours_], [told.peak_mb for told in peer]
    outside = [told.cpu_s - told.report["cpu_s"] for told in ours_]
    result = Result("The whole process of G1: start, reading and decoding the file, run", "G4")
    result.figures = [
        over_rounds(
            "ours / nautilus, CPU", _by_round(*cpu), "", must=0.35, stretch=0.25, lower=True
        ),
        over_rounds("ours, CPU", cpu[0], "s"),
        over_rounds("ours, of that outside the replay", outside, "s"),
        over_rounds("nautilus, CPU", cpu[1], "s"),
        over_rounds("ours / nautilus, peak memory", _by_round(*peak)),
        over_rounds("ours, peak memory", peak[0], "MB"),
        over_rounds("nautilus, peak memory", peak[1], "MB"),
    ]
    result.notes = [
        "both hold all events in memory: a tape's replay does not, and needs less of it",
        "both decode the frames with typed msgspec decoders",
    ]
    return result


def _orders(found: Found) -> Result:
    result = Result(f"Wire to order, {feed.STRATEGIES} strategies, {RATE:,} quotes a second", "G6")
    waits = {name: [side["order_us"] for side in getattr(found, name)] for name in ("ours", "peer")}
    p50 = {name: [median(w) for w in found] for name, found in waits.items()}
    p99 = {name: [percentile(w, 0.99) for w in found] for name, found in waits.items()}
    ours_quote = [median(side["quote_us"]) for side in found.ours]
    admission = [median(side["admission_us"]) for side in found.ours]
    gate = [median(side["gate_us"]) for side in found.ours]
    peer_quote = [median(side["quote_us"]) for side in found.peer]
    result.figures = [
        over_rounds(
            "ours / nautilus, p50",
            _by_round(p50["ours"], p50["peer"]),
            must=0.30,
            stretch=0.20,
            lower=True,
        ),
        over_rounds("ours / nautilus, p99", _by_round(p99["ours"], p99["peer"])),
        over_rounds("ours, p50", p50["ours"], "us"),
        over_rounds("ours, p99", p99["ours"], "us"),
        over_rounds("nautilus, p50", p50["peer"], "us"),
        over_rounds("nautilus, p99", p99["peer"], "us"),
        over_rounds("ours, any quote to the end of its step, p50", ours_quote, "us"),
        over_rounds("ours, admission of a signal, p50", admission, "us"),
        over_rounds("ours, of that the filters", gate, "us"),
        over_rounds("nautilus, quote to the first callback, p50", peer_quote, "us"),
    ]
    result.counts = [
        f"orders: ours {sum(map(len, waits['ours'])):,} "
        f"({sum(side['admitted'] for side in found.ours):,} admitted), "
        f"nautilus {sum(map(len, waits['peer'])):,}; one quote in {feed.ORDER_EVERY} asks for one, "
        "ours comes to nothing while the bot's last trade on the coin is still open",
    ]
    result.notes = [
        "where our time goes: beyond what any quote takes, into admission (sizing, the filters, "
        "the paper order and its twin opened in the ledger, rows of the decision and of every "
        "check) and the digest of those rows, in code that has gone cold since the last order",
        "ours ends with the engine's step; there is no order entry to a venue yet, so nothing is "
        "sent",
        "nautilus ends where its execution client has the order, past data, risk and execution "
        "engines; it sends nothing either, and its orders stay open unfilled, while ours are "
        "filled on paper and followed to their exits",
    ]
    return result


def _ticks(found: Found) -> Result:
    ours_us, peer_us = ([side["cpu_us"] for side in sides] for sides in (found.ours, found.peer))
    frames_s, replayed = found.seconds("frames"), found.replays["frames"][0].report["events"]
    result = Result(f"CPU of a quote at {RATE:,} a second, from the same live runs", "G10")
    result.figures = [
        over_rounds(
            "ours / nautilus, CPU",
            _by_round(ours_us, peer_us),
            must=0.40,
            stretch=0.25,
            lower=True,
        ),
        over_rounds("ours, a quote", ours_us, "us"),
        _per_event("ours, hot from frame to the end of its step (G2)", frames_s, replayed),
        over_rounds("nautilus, a quote", peer_us, "us"),
    ]
    skipped = sum(side["skipped"] for side in found.ours)
    events = sum(side["events"] for side in found.ours)
    heard = sum(side["events"] for side in found.peer)
    result.counts = [
        f"quotes: ours {events:,} stepped and {skipped:,} passed over for a newer one of the same "
        f"socket read, nautilus {heard:,}"
    ]
    result.notes = [
        "both on uvloop; kernel receive included; the peer's Rust threads counted",
        "where our time goes: what is not in the hot step is the socket, the websocket protocol "
        "(in Python here, in Rust there), tape lines, open trades, and caches gone cold between "
        "quotes",
        "a quote passed over is decoded and written down, but heard by no strategy: on a busy "
        "machine that is in our favour",
    ]
    return result


def _per_event(what: str, seconds: list[float], events: int) -> Figure:
    return over_rounds(what, [s / events * 1e6 for s in seconds], "us")
