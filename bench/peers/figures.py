"""Figures of the comparison with the peers, and the goals they are held against."""

from __future__ import annotations

from statistics import median

from bench.peers import feed
from bench.peers.compare import RATE, Found, idle
from bench.peers.peer import Peer
from bench.result import Figure, Result
from bench.rounds import over_rounds, percentile

# must and stretch of each goal, in the sense of its ratio.
G1 = (4.0, 6.0)
G2 = (3.0, 5.0)
G4 = (0.35, 0.25)
G6 = (0.30, 0.20)
G10 = (0.40, 0.25)


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


def _times(peer: Peer, ours: list[float], theirs: list[float], goal: tuple[float, float]) -> Figure:
    """Return how many times our CPU a peer takes."""
    must, stretch = goal if peer.goals else (None, None)
    ratios = _by_round(theirs, ours)
    return over_rounds(f"{peer.name} / ours, CPU", ratios, "x", must=must, stretch=stretch)


def _share(
    peer: Peer, what: str, ours: list[float], theirs: list[float], goal: tuple[float, float]
) -> Figure:
    """Return which share of a peer's figure is ours."""
    must, stretch = goal if peer.goals else (None, None)
    ratios = _by_round(ours, theirs)
    name = f"ours / {peer.name}, {what}"
    return over_rounds(name, ratios, must=must, stretch=stretch, lower=True)


def _quotes(found: Found) -> Result:
    report = found.replays["ours"][0].report
    events = report["events"]
    ours_s, idle_s, bare_s = (found.seconds(side) for side in ("ours", "idle", "bare"))
    theirs = {peer: (found.seconds(peer.name), found.seconds(idle(peer))) for peer in found.peers}
    result = Result(f"Replay of quotes from memory, {feed.STRATEGIES} strategies", "G1")
    result.figures = [
        *(_times(peer, ours_s, seconds, G1) for peer, (seconds, _) in theirs.items()),
        over_rounds("ours, events per CPU s", [events / s for s in ours_s]),
        _per_event("ours, an event", ours_s, events),
        _per_event("ours, with callbacks that do nothing", idle_s, events),
        _per_event("ours, without strategies", bare_s, events),
    ]
    for peer, (seconds, idle_peer_s) in theirs.items():
        result.figures += [
            _per_event(f"{peer.name}, an event", seconds, events),
            _per_event(f"{peer.name}, with callbacks that do nothing", idle_peer_s, events),
            over_rounds(
                f"{peer.name} / ours, callbacks that do nothing", _by_round(idle_peer_s, idle_s)
            ),
        ]
    result.counts = [
        f"all: {events:,} quotes, {report['calls']:,} callbacks, {report['crossings']:,} "
        "crossings counted, equal"
    ]
    result.notes = [
        "where the time goes: the difference to callbacks that do nothing is the strategies' own "
        "arithmetic (two averages of the mid, did they change places?), the same Python on all "
        "sides but for the mid, which our book holds and a peer's strategy makes of two prices",
        "ours is the daemon's engine with streams, book, ledger and a second's tick for each "
        "hundred quotes (bars, drawdown, valuation); a peer gets ready-made QuoteTick objects, "
        "no ticks, and its log is off; the collector is settled alike",
        "version 1 on a second Python tells what a Python does from what a version does; the goals "
        "are held beside each version once",
        "the strategies are Python everywhere; version 2 can run strategies compiled into it, "
        "which is another comparison",
    ]
    return result


def _frames(found: Found) -> Result:
    events = found.replays["ours"][0].report["events"]
    ours_s = found.seconds("frames")
    decode = [a - b for a, b in zip(ours_s, found.seconds("ours"), strict=True)]
    result = Result("The same from recorded frames, decoding included", "G2")
    result.figures = [
        *(_times(peer, ours_s, found.seconds(peer.name), G2) for peer in found.peers),
        over_rounds("ours, events per CPU s", [events / s for s in ours_s]),
        _per_event("ours, decoding and checking a frame", decode, events),
    ]
    result.notes = ["a peer's side is that of G1: its quotes are made beforehand, untimed"]
    return result


def _process(found: Found) -> Result:
    ours = found.replays["ours"]
    cpu, peak = [told.cpu_s for told in ours], [told.peak_mb for told in ours]
    theirs = {peer: found.replays[peer.name] for peer in found.peers}
    outside = [told.cpu_s - told.report["cpu_s"] for told in ours]
    result = Result("The whole process of G1: start, reading and decoding the file, run", "G4")
    result.figures = [
        *(_share(peer, "CPU", cpu, [t.cpu_s for t in told], G4) for peer, told in theirs.items()),
        over_rounds("ours, CPU", cpu, "s"),
        over_rounds("ours, of that outside the replay", outside, "s"),
        over_rounds("ours, peak memory", peak, "MB"),
    ]
    for peer, told in theirs.items():
        peak_peer = [t.peak_mb for t in told]
        result.figures += [
            over_rounds(f"{peer.name}, CPU", [t.cpu_s for t in told], "s"),
            over_rounds(f"{peer.name}, peak memory", peak_peer, "MB"),
            over_rounds(f"ours / {peer.name}, peak memory", _by_round(peak, peak_peer)),
        ]
    result.notes = [
        "all hold all events in memory: a tape's replay does not, and needs less of it",
        "all decode the frames with typed msgspec decoders",
    ]
    return result


def _orders(found: Found) -> Result:
    result = Result(f"Wire to order, {feed.STRATEGIES} strategies, {RATE:,} quotes a second", "G6")
    waits = {name: [side["order_us"] for side in sides] for name, sides in found.live.items()}
    p50 = {name: [median(w) for w in rounds] for name, rounds in waits.items()}
    p99 = {name: [percentile(w, 0.99) for w in rounds] for name, rounds in waits.items()}
    own = found.live["ours"]
    result.figures = [_share(p, "p50", p50["ours"], p50[p.name], G6) for p in found.peers]
    result.figures += [
        over_rounds(f"ours / {p.name}, p99", _by_round(p99["ours"], p99[p.name]))
        for p in found.peers
    ]
    result.figures += [
        over_rounds("ours, p50", p50["ours"], "us"),
        over_rounds("ours, p99", p99["ours"], "us"),
        _median("ours, any quote to the end of its step, p50", own, "quote_us"),
        _median("ours, admission of a signal, p50", own, "admission_us"),
        _median("ours, of that the filters", own, "gate_us"),
    ]
    for peer in found.peers:
        result.figures += [
            over_rounds(f"{peer.name}, p50", p50[peer.name], "us"),
            over_rounds(f"{peer.name}, p99", p99[peer.name], "us"),
            _median(
                f"{peer.name}, quote to the first callback, p50",
                found.live[peer.name],
                "quote_us",
            ),
        ]
    result.counts = [
        f"orders: ours {sum(map(len, waits['ours'])):,} "
        f"({sum(side['admitted'] for side in own):,} admitted), "
        + ", ".join(f"{p.name} {sum(map(len, waits[p.name])):,}" for p in found.peers)
        + f"; one quote in {feed.ORDER_EVERY} asks for one, ours comes to nothing while the bot's "
        "last trade on the coin is still open",
    ]
    result.notes = [
        "where our time goes: beyond what any quote takes, into admission (sizing, the filters, "
        "the paper order and its twin opened in the ledger, rows of the decision and of every "
        "check) and the digest of those rows, in code that has gone cold since the last order",
        "ours ends with the engine's step, which has the order's intent in its outcome; nothing "
        "is sent",
        "a peer ends where its execution client has the order, past data, risk and execution "
        "engines; it sends nothing either, and its orders stay open unfilled, while ours are "
        "filled on paper and followed to their exits",
        "version 1's data client is its Rust websocket client with the glue of its adapter in "
        "Python; version 2's is its whole adapter, in Rust; the execution client is Python in both",
    ]
    return result


def _ticks(found: Found) -> Result:
    own = found.live["ours"]
    cpu = {name: [side["cpu_us"] for side in sides] for name, sides in found.live.items()}
    frames_s, replayed = found.seconds("frames"), found.replays["frames"][0].report["events"]
    result = Result(f"CPU of a quote at {RATE:,} a second, from the same live runs", "G10")
    result.figures = [
        *(_share(peer, "CPU", cpu["ours"], cpu[peer.name], G10) for peer in found.peers),
        over_rounds("ours, a quote", cpu["ours"], "us"),
        _per_event("ours, hot from frame to the end of its step (G2)", frames_s, replayed),
        *(over_rounds(f"{peer.name}, a quote", cpu[peer.name], "us") for peer in found.peers),
    ]
    skipped = sum(side["skipped"] for side in own)
    heard = [f"{p.name} {sum(s['events'] for s in found.live[p.name]):,}" for p in found.peers]
    result.counts = [
        f"quotes: ours {sum(side['events'] for side in own):,} stepped and {skipped:,} passed over "
        f"for a newer one of the same socket read, {', '.join(heard)}"
    ]
    result.notes = [
        "all on uvloop; kernel receive included; a peer's Rust threads counted",
        "where our time goes: what is not in the hot step is the socket, the websocket protocol "
        "(in Python here, in Rust there), tape lines, open trades, and caches gone cold between "
        "quotes",
        "a quote passed over is decoded and written down, but heard by no strategy: on a busy "
        "machine that is in our favour",
    ]
    return result


def _median(what: str, sides: list[dict[str, list[float]]], key: str) -> Figure:
    return over_rounds(what, [median(side[key]) for side in sides], "us")


def _per_event(what: str, seconds: list[float], events: int) -> Figure:
    return over_rounds(what, [s / events * 1e6 for s in seconds], "us")
