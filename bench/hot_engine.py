"""Speed of the engine hot, from a frame's bytes to the decision, beside an ordinary engine."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable

from bench.market import Stretch, stretch
from bench.result import Figure, Result
from bench.rounds import over_rounds, percentile, ratios, settled_gc
from bench.sides import Naive, Real, Side
from market.errors import require
from venue.hyperliquid import wire
from venue.tape.lines import Record

# The sides take turns this often within a round, so that all of them meet the same neighbours.
SLICES = 20
WAITS = {
    "frame": "a frame, ours",
    "floor": "a frame, decode alone",
    "decision": "a frame that led to a decision, ours",
    "tick": "a second's tick, ours",
}
SIDES: dict[str, Callable[[Stretch], Side]] = {
    "ours": Real,
    "naive": Naive,
    "lean": lambda market: Naive(market, lean=True),
}


def measure(rounds: int, market: Stretch | None = None) -> Result:
    """Time all sides over the same records; raises InvariantBroken unless they decide alike."""
    market = market or stretch()
    events = len(market.timed)
    seconds: dict[str, list[float]] = {name: [] for name in SIDES}
    waits: dict[str, list[list[int]]] = {name: [] for name in WAITS}
    for number in range(rounds):
        sides = {name: make(market) for name, make in SIDES.items()}
        for name, spent in one_round(market, sides, number).items():
            seconds[name].append(spent)
        same_decisions(sides)
        for name, found in one_by_one(market).items():
            waits[name].append(found)
    real, naive = sides["ours"], sides["naive"]
    admitted = sum(decision[4] == "admitted" for decision in real.decisions)
    result = Result(
        f"Hot engine: bytes of a frame to decision, {len(market.coins)} coins, "
        f"{len(market.config['bots'])} bots, gate and ledger",
        "G12",
        counts=[
            f"{len(market.frames):,} frames and {events - len(market.frames):,} seconds timed, "
            f"{market.warm:,} records before that to warm up",
            f"decisions ours {len(real.decisions)}, naive {len(naive.decisions)} "
            f"({admitted} admitted), one by one the same",
            f"trades opened and cash, ours:  {_account(real)}",
            f"trades opened and cash, naive: {_account(naive)}",
        ],
        notes=[
            "naive: json, float() per number, dict events, numpy per book, every bot asked about "
            "every event, trades as dicts in one list (bench/naive.py); no tape, rows or digest",
            "lean: the same, but volatility only when a minute has closed",
        ],
    )
    figures = result.figures
    figures.append(
        over_rounds(
            "naive / ours", ratios(seconds["naive"], seconds["ours"]), "x", must=3.5, stretch=5.0
        )
    )
    figures.append(over_rounds("lean / ours", ratios(seconds["lean"], seconds["ours"]), "x"))
    figures += [
        over_rounds(f"{name}, events per CPU s", [events / s for s in spent])
        for name, spent in seconds.items()
    ]
    for name, share in (("frame", 0.99), ("floor", 0.99), ("decision", 0.99), ("tick", 1.0)):
        figures += _waits(WAITS[name], waits[name], (0.5, share))
    return result


def one_round(market: Stretch, sides: dict[str, Side], number: int) -> dict[str, float]:
    """Warm every side, then let them take turns; return the CPU seconds of the timed part."""
    for side in sides.values():
        for record in market.records[: market.warm]:
            side.take(record)
    names = list(sides)
    spent = dict.fromkeys(names, 0.0)
    with settled_gc():
        for turn, part in enumerate(_slices(market.timed)):
            first = (number + turn) % len(names)
            for name in names[first:] + names[:first]:
                take = sides[name].take
                began = time.thread_time()
                for record in part:
                    take(record)
                spent[name] += time.thread_time() - began
    return spent


def same_decisions(sides: dict[str, Side]) -> None:
    """Raise InvariantBroken unless all sides came to the same decisions, trades and money."""
    real = sides["ours"]
    for name, side in sides.items():
        pairs = zip(real.decisions, side.decisions, strict=False)
        differs = next((pair for pair in pairs if pair[0] != pair[1]), None)
        require(differs is None, f"{name} decided otherwise: {differs}")
        counts = len(real.decisions), len(side.decisions)
        require(counts[0] == counts[1], f"{name}: {counts[1]} decisions, ours {counts[0]}")
        require(real.account() == side.account(), f"{name}: {side.account()}, {real.account()}")


def one_by_one(market: Stretch) -> dict[str, list[int]]:
    """Return the wall nanoseconds of each frame and tick, and of decoding each frame alone.

    A frame that led to a decision counts among the frames too.
    """
    side = Real(market)
    for record in market.records[: market.warm]:
        side.take(record)
    clock, decode = time.perf_counter_ns, wire.decode
    found: dict[str, list[int]] = {name: [] for name in WAITS}
    decided = len(side.decisions)
    with settled_gc():
        for record in market.timed:
            began = clock()
            side.take(record)
            spent = clock() - began
            found["frame" if record.kind == "F" else "tick"].append(spent)
            if record.kind == "F" and len(side.decisions) > decided:
                found["decision"].append(spent)
            decided = len(side.decisions)
        for raw in market.frames:
            began = clock()
            decode(raw)
            found["floor"].append(clock() - began)
    return found


def _slices(records: list[Record]) -> Iterable[list[Record]]:
    size = -(-len(records) // SLICES)
    return (records[at : at + size] for at in range(0, len(records), size))


def _waits(what: str, rounds: list[list[int]], shares: Iterable[float]) -> list[Figure]:
    return [
        over_rounds(
            f"{what}, {'longest' if share == 1.0 else f'p{share * 100:.0f}'}",
            [percentile(found, share) / 1e3 for found in rounds],
            "us",
        )
        for share in shares
    ]


def _account(side: Side) -> str:
    return ", ".join(f"{name} {count}" for name, count in side.account().items())
