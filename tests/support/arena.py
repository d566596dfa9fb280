"""Arena of bots without gate or sizing: a plain account of what their signals earn.

No gate, no sizing: one trade a bot, coin and side at a time, entered and left at the touch of the
first book at least 400 ms after the decision, with the taker fee on both legs and funding as it
runs. What it leaves out of the real ledger (depth, lots, gaps) favours nobody.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from math import sqrt
from typing import NamedTuple

from divisions.lane import Lane
from market.coin import Coin
from market.decision import ExitCall, ExitPlan, Signal
from market.events import BboUpdate, BookUpdate, Candles, ContextUpdate, TradesUpdate
from market.instrument import Instrument
from tests.support.stage import Stage

FEE = 4.5e-4
LATENCY_NS = 400_000_000
HOUR_NS = 3_600_000_000_000


class Closed(NamedTuple):
    """A trade that is over: when it was decided, and its net as a share of its notional."""

    decided_ns: int
    net: float


@dataclass
class Position:
    """A trade under way; `entry` is 0.0 until it is filled."""

    side: int
    plan: ExitPlan
    decided_ns: int
    entry: float = 0.0
    best: float = 0.0
    leaving_ns: int = 0
    funding: float = 0.0


class Arena(Stage):
    """`closed` holds each bot's finished trades."""

    def __init__(self, lanes: Iterable[Lane], instruments: Mapping[str, Instrument]) -> None:
        super().__init__(lanes, instruments)
        self.closed: list[list[Closed]] = [[] for _ in self.lanes]
        self.positions: dict[str, dict[tuple[int, int], Position]] = {n: {} for n in self.coins}

    def _act(self, i: int, coin: Coin, action: Signal | ExitCall) -> None:
        super()._act(i, coin, action)
        positions = self.positions[coin.name]
        held = positions.get((i, action.side))
        if isinstance(action, ExitCall):
            if held is not None and held.entry and not held.leaving_ns:
                held.leaving_ns = self.view.now_ns
        elif held is None:
            positions[i, action.side] = Position(action.side, action.plan, self.view.now_ns)

    def _on_market(
        self,
        coin: Coin,
        event: BookUpdate | BboUpdate | TradesUpdate | ContextUpdate | Candles,
    ) -> None:
        passed_ns = event.recv_ns - coin.context.recv_ns if coin.context.recv_ns else 0
        super()._on_market(coin, event)
        if isinstance(event, ContextUpdate):
            for position in self.positions[coin.name].values():
                if position.entry:
                    position.funding += position.side * event.funding * passed_ns / HOUR_NS
        elif isinstance(event, BookUpdate) and coin.book.ok:
            self._mark(coin)

    def _mark(self, coin: Coin) -> None:
        now_ns, book = self.view.now_ns, coin.book
        positions = self.positions[coin.name]
        for key, held in list(positions.items()):
            side, plan = held.side, held.plan
            if not held.entry:
                if now_ns - held.decided_ns >= LATENCY_NS:
                    held.entry = book.ask if side > 0 else book.bid
                    held.best = book.mid
                continue
            if held.leaving_ns and now_ns - held.leaving_ns >= LATENCY_NS:
                price = book.bid if side > 0 else book.ask
                gross = side * (price / held.entry - 1.0)
                net = gross - FEE * (1.0 + price / held.entry) - held.funding
                self.closed[key[0]].append(Closed(held.decided_ns, net))
                del positions[key]
                continue
            mid = book.mid
            held.best = max(held.best, mid) if side > 0 else min(held.best, mid)
            stop = plan.stop_px
            if plan.trail:
                trailed = held.best - side * plan.trail
                stop = max(stop, trailed) if side > 0 else min(stop, trailed)
            if not held.leaving_ns and (
                side * (mid - stop) <= 0.0
                or (plan.target_px and side * (mid - plan.target_px) >= 0.0)
                or now_ns - held.decided_ns >= plan.horizon_ns
            ):
                held.leaving_ns = now_ns


def luck(results: list[Closed], blocks: int = 12) -> float:
    """Return how likely chance alone earns this much: one-sided, clustered on blocks of time.

    Trades of one hour are no independent witnesses, so means are compared over equal stretches of
    time with Student's t. 1.0 when there is too little to say anything.
    """
    from scipy.stats import t as student  # noqa: PLC0415 - half a second of every collection

    if len(results) < 10:
        return 1.0
    first = min(r.decided_ns for r in results)
    length = (max(r.decided_ns for r in results) - first) // blocks + 1
    sums, counts = [0.0] * blocks, [0] * blocks
    for result in results:
        block = (result.decided_ns - first) // length
        sums[block] += result.net
        counts[block] += 1
    mean = sum(sums) / len(results)
    used = [(s, n) for s, n in zip(sums, counts, strict=True) if n]
    if len(used) < 5:
        return 1.0
    spread = sqrt(sum((s - mean * n) ** 2 for s, n in used) * len(used) / (len(used) - 1))
    return float(student.sf(mean * len(results) / spread, len(used) - 1)) if spread else 1.0
