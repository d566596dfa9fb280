"""Momentum in bursts of trades."""

from __future__ import annotations

from math import exp
from typing import ClassVar

from msgspec import Struct

from divisions.bot import Bot, Positive, Seconds, less, plan
from market.coin import Coin
from market.decision import BUY, SELL, Signal
from market.events import NS_PER_S, TradesUpdate
from market.view import View

LN2 = 0.6931471805599453


class Params(Struct, frozen=True, forbid_unknown_fields=True):
    """Half-lives; `burst` a ratio of rates, `least` a count; `move` and distances in vols."""

    fast_s: Seconds = 8.0
    slow_s: Seconds = 180.0
    burst: Positive = 2.5
    least: Positive = 6.0
    move: Positive = 0.7
    sample_s: Seconds = 1.0
    stop_vols: Positive = 2.5
    target_vols: Positive = 4.0
    horizon_s: Seconds = 240.0

    def __post_init__(self) -> None:
        """Refuse what never speaks."""
        less(self, "fast_s", "slow_s")


class Memory(Struct):
    """Decayed counts of prints, a decayed mid in USD, and times in ns."""

    fast: float = 0.0
    slow: float = 0.0
    anchor: float = 0.0
    samples: int = 0
    first_ns: int = 0
    last_ns: int = 0
    sampled_ns: int = 0


class BurstFollow(Bot[Params, Memory]):
    """Momentum: when trades come in a burst, go the way the price has gone since it began.

    Rates are counts of prints decayed with `fast_s` and `slow_s`, each over its mean life; a burst
    is a fast rate above `burst` times the slow one and a fast count of at least `least`. The mid
    must stand `move` one-minute volatilities from its fast average. Idea: trades excite trades
    (Hawkes 1971; Filimonov & Sornette 2012). Fails when the burst is the end: a stop run, a
    liquidation.
    """

    name = "burst_follow"
    division = "flow"
    admitted_as = "burst_follow"
    warm_up = 30
    search: ClassVar[dict[str, tuple[float, ...]]] = {
        "fast_s": (5.0, 8.0, 15.0),
        "burst": (2.0, 2.5, 4.0),
        "move": (0.5, 0.7, 1.0),
    }
    params_type = Params
    memory_type = Memory

    def __init__(self, params: Params) -> None:
        super().__init__(params)
        self._fast = LN2 / (params.fast_s * NS_PER_S)
        self._slow = LN2 / (params.slow_s * NS_PER_S)
        self._sample_ns = int(params.sample_s * NS_PER_S)

    def on_trades(
        self, memory: Memory, coin: Coin, view: View, update: TradesUpdate
    ) -> Signal | None:
        """Count the prints; once a second, compare the rates."""
        book = coin.book
        if not book.ok:
            return None
        m = memory
        now_ns = update.recv_ns
        if not m.last_ns:
            m.first_ns = m.last_ns = now_ns
            m.anchor = book.mid
        passed_ns = now_ns - m.last_ns
        m.last_ns = now_ns
        kept = exp(-self._fast * passed_ns)
        m.anchor = book.mid + (m.anchor - book.mid) * kept
        m.fast *= kept
        m.slow *= exp(-self._slow * passed_ns)
        for trade in update.prints:
            age_ns = coin.age_ns(trade, now_ns)
            m.fast += exp(-self._fast * age_ns)
            m.slow += exp(-self._slow * age_ns)
        if now_ns - m.sampled_ns < self._sample_ns:
            return None
        m.sampled_ns = now_ns
        m.samples += 1
        p = self.params
        # The slow count is not full before it has lived; what it holds belongs to the time so far.
        lived = 1.0 - exp(-self._slow * (now_ns - m.first_ns))
        if m.samples < self.warm_up or lived < 0.2:
            return None
        ratio = m.fast * self._fast * lived / (m.slow * self._slow) if m.slow > 0.0 else 0.0
        unit = coin.minute_move()
        moved = (book.mid - m.anchor) / unit
        if ratio < p.burst or m.fast < p.least or abs(moved) < p.move:
            return None
        side = BUY if moved > 0.0 else SELL
        return Signal(
            coin.name,
            side,
            min(1.0, ratio / (2.0 * p.burst)),
            plan(
                coin,
                side,
                stop=p.stop_vols * unit,
                target=p.target_vols * unit,
                horizon_s=p.horizon_s,
            ),
            f"trades come {ratio:.1f} times as often, the mid went {moved:+.2f} volatilities",
            {"ratio": ratio, "moved_vols": moved},
        )
