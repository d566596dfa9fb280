"""Cost of marking 100,000 open phantoms, as columns and as objects."""

from __future__ import annotations

import random
import time
from collections.abc import Callable

from bench.result import Result
from bench.rounds import over_rounds, ratios, settled_gc
from market.decision import ExitPlan, TradeKind
from market.errors import require
from market.events import NS_PER_S
from shadow.ledger.marks import Marks
from shadow.ledger.trade import Trade, TradeState

COINS = 150
PHANTOMS = 100_000
UPDATES_A_SECOND = 1_000
SECONDS = 2
HORIZON_S = 3_600.0


class Position:
    """An open phantom as an object with slots, holding what marking needs."""

    __slots__ = (
        "entry", "hi", "horizon_ns", "ident", "initial", "lo", "pnl", "side", "size", "stop",
        "target", "trail",
    )  # fmt: skip

    def __init__(self, trade: Trade, size: float) -> None:
        self.ident = trade.trade_id
        self.side = trade.side
        self.size = size
        self.entry = trade.entry_px
        self.stop = self.initial = trade.stop_px
        self.target = trade.plan.target_px
        self.trail = trade.plan.trail
        self.horizon_ns = trade.decided_ns + trade.plan.horizon_ns
        self.hi = trade.hi
        self.lo = trade.lo
        self.pnl = 0.0


Hit = tuple[int, str]


class Columns:
    """The real columns, one set a coin."""

    def __init__(self, phantoms: list[list[Trade]]) -> None:
        self.marks = [Marks() for _ in phantoms]
        self.hits: list[Hit] = []
        self.total = 0.0
        for marks, trades in zip(self.marks, phantoms, strict=True):
            for trade in trades:
                marks.add(trade, size_of(trade))

    def update(self, coin: int, mid: float) -> None:
        """Take a new mid of a coin."""
        marks = self.marks[coin]
        if marks.touch(mid):
            for trade, reason in marks.reached(mid):
                self.hits.append((trade.trade_id, reason))
                marks.remove(trade, size_of(trade))
        self.total = marks.total(mid)

    def second(self, now_ns: int) -> None:
        """Do what the ledger does once a second."""
        for marks in self.marks:
            marks.ratchet()
            for trade in marks.expired(now_ns):
                self.hits.append((trade.trade_id, "horizon"))
                marks.remove(trade, size_of(trade))

    def extremes(self) -> dict[int, tuple[float, float, float]]:
        """Return the highest and lowest mid and the stop of every trade still open."""
        for marks in self.marks:
            marks.write_back()
        return {t.trade_id: (t.hi, t.lo, t.stop_px) for m in self.marks for t in m.trades}


class Objects:
    """The same as a loop over objects, one list a coin."""

    def __init__(self, phantoms: list[list[Trade]]) -> None:
        self.open = [[Position(t, size_of(t)) for t in trades] for trades in phantoms]
        self.hits: list[Hit] = []
        self.total = 0.0

    def update(self, coin: int, mid: float) -> None:
        """Take a new mid of a coin."""
        total = 0.0
        hits = []
        for p in self.open[coin]:
            if mid > p.hi:
                p.hi = mid
            if mid < p.lo:
                p.lo = mid
            p.pnl = p.side * (mid - p.entry) * p.size
            total += p.pnl
            if p.side > 0:
                stopped, gained = mid <= p.stop, p.target and mid >= p.target
            else:
                stopped, gained = mid >= p.stop, p.target and mid <= p.target
            if stopped:
                hits.append((p, "stop" if p.stop == p.initial else "trail"))
            elif gained:
                hits.append((p, "target"))
        for p, reason in hits:
            self.hits.append((p.ident, reason))
            self.open[coin].remove(p)
            total -= p.pnl
        self.total = total

    def second(self, now_ns: int) -> None:
        """Ratchet trailing stops and end horizons."""
        for positions in self.open:
            for p in positions:
                if p.trail:
                    if p.side > 0:
                        p.stop = max(p.stop, p.hi - p.trail)
                    else:
                        p.stop = min(p.stop, p.lo + p.trail)
            for p in [p for p in positions if p.horizon_ns <= now_ns]:
                self.hits.append((p.ident, "horizon"))
                positions.remove(p)

    def extremes(self) -> dict[int, tuple[float, float, float]]:
        """Return the highest and lowest mid and the stop of every position still open."""
        return {p.ident: (p.hi, p.lo, p.stop) for positions in self.open for p in positions}


def measure(rounds: int, phantoms: int = PHANTOMS, coins: int = COINS) -> Result:
    """Mark the same phantoms along the same mids both ways; both must see the same."""
    seconds: dict[str, list[float]] = {"columns": [], "objects": []}
    makers: dict[str, Callable[[list[list[Trade]]], Columns | Objects]] = {
        "columns": Columns,
        "objects": Objects,
    }
    for number in range(rounds):
        sides = {name: make(opened(phantoms, coins, number)) for name, make in makers.items()}
        for name, spent in _race(sides, path_of_mids(coins, number), number).items():
            seconds[name].append(spent)
        columns, objects = sides["columns"], sides["objects"]
        require(sorted(columns.hits) == sorted(objects.hits), "the two saw different exits")
        require(columns.extremes() == objects.extremes(), "the two saw different extremes")
        near = abs(columns.total - objects.total) <= 1e-6 * abs(objects.total) + 1e-3
        require(near, f"totals differ: {columns.total}, {objects.total}")
    updates = UPDATES_A_SECOND * SECONDS
    result = Result(f"Marking {phantoms:,} open phantoms over {coins} coins", "G14")
    result.figures = [
        over_rounds(
            "objects / columns",
            ratios(seconds["objects"], seconds["columns"]),
            "x",
            must=30.0,
            stretch=60.0,
        ),
        *(
            over_rounds(f"{name}, a mid update", [s / updates * 1e6 for s in spent], "us")
            for name, spent in seconds.items()
        ),
    ]
    result.counts = [
        f"{updates:,} updates a round at {UPDATES_A_SECOND:,} a second, each with the coin's open "
        f"profit; the once-a-second sweep of all coins included",
        f"exits of the last round: {len(columns.hits)} both, the same; extremes and stops of the "
        f"other {len(columns.extremes()):,} equal",
    ]
    return result


def _race(
    sides: dict[str, Columns | Objects], path: list[tuple[int, float]], number: int
) -> dict[str, float]:
    names = list(sides)
    spent = dict.fromkeys(names, 0.0)
    with settled_gc():
        for second in range(SECONDS):
            part = path[second * UPDATES_A_SECOND : (second + 1) * UPDATES_A_SECOND]
            first = (number + second) % len(names)
            for name in names[first:] + names[:first]:
                side = sides[name]
                began = time.thread_time()
                for coin, mid in part:
                    side.update(coin, mid)
                side.second((second + 1) * NS_PER_S)
                spent[name] += time.thread_time() - began
    return spent


def opened(phantoms: int, coins: int, seed: int) -> list[list[Trade]]:
    """Return open phantoms by coin; a few stops and targets lie near, most lie far."""
    rng = random.Random(seed)
    found: list[list[Trade]] = [[] for _ in range(coins)]
    for number in range(1, phantoms + 1):
        coin = number % coins
        mid = 100.0 + coin
        side = rng.choice((1, -1))
        distance = mid * rng.uniform(0.002, 0.05)
        plan = ExitPlan(
            stop_px=mid - side * distance,
            horizon_ns=int(rng.uniform(0.5, HORIZON_S) * NS_PER_S),
            target_px=mid + side * 1.5 * distance if number % 2 else 0.0,
            trail=1.2 * distance if number % 3 == 0 else 0.0,
        )
        found[coin].append(_trade(number, f"C{coin}", side, mid, plan))
    return found


def _trade(number: int, coin: str, side: int, mid: float, plan: ExitPlan) -> Trade:
    return Trade(
        trade_id=number,
        kind=TradeKind.PHANTOM,
        cause="block",
        signal_id=number,
        bot="bot",
        division="flow",
        coin=coin,
        side=side,
        lots=1_000 + number % 977,
        decided_ns=0,
        due_ns=0,
        expires_ns=0,
        decision_mid=mid,
        plan=plan,
        stop_px=plan.stop_px,
        state=TradeState.OPEN,
        entry_px=mid,
        hi=mid,
        lo=mid,
    )


def size_of(trade: Trade) -> float:
    """Return the size in base units."""
    return trade.lots / 100.0


def path_of_mids(coins: int, seed: int) -> list[tuple[int, float]]:
    """Return (coin, mid) updates: walks of a basis point a step, some coins busier than others."""
    rng = random.Random(seed)
    mids = [100.0 + coin for coin in range(coins)]
    weights = [1.0 / (coin + 1) for coin in range(coins)]
    path = []
    for coin in rng.choices(range(coins), weights, k=UPDATES_A_SECOND * SECONDS):
        mids[coin] *= 1.0 + rng.gauss(0.0, 1e-4)
        path.append((coin, mids[coin]))
    return path
