"""Absorption: aggression that does not move the price."""

from __future__ import annotations

from math import exp
from typing import ClassVar

from msgspec import Struct

from divisions.bot import Bot, Positive, Seconds, plan
from market.coin import Coin
from market.decision import BUY, SELL, Signal
from market.events import NS_PER_S, TradesUpdate
from market.view import View


class Params(Struct, frozen=True, forbid_unknown_fields=True):
    """`half_life_s` of flow and anchor; `entry` in usual flows; `give` and distances in vols."""

    half_life_s: Seconds = 20.0
    entry: Positive = 3.0
    give: Positive = 0.2
    sample_s: Seconds = 1.0
    stop_vols: Positive = 2.0
    target_vols: Positive = 4.0
    horizon_s: Seconds = 300.0


class Memory(Struct):
    """Decayed signed volume and its usual size in base units, a decayed mid; times in ns."""

    flow: float = 0.0
    anchor: float = 0.0
    usual: float = 0.0
    samples: int = 0
    last_ns: int = 0
    sampled_ns: int = 0


class Absorption(Bot[Params, Memory]):
    """Fade of aggressors whose volume is absorbed without moving the price.

    flow = Σ signed volume decayed with `half_life_s`; anchor = the mid averaged with the same
    half-life. A signal needs |flow| beyond `entry` times its slow mean while the mid has given way
    by less than `give` one-minute volatilities in the flow's direction. Idea: a large hidden order
    stands there (Frey & Sandås 2009, on icebergs). Fails when the hidden order is used up.
    """

    name = "absorption"
    division = "flow"
    admitted_as = "absorption"
    warm_up = 30
    search: ClassVar[dict[str, tuple[float, ...]]] = {
        "half_life_s": (10.0, 20.0, 40.0),
        "entry": (2.0, 3.0, 4.0),
        "give": (0.1, 0.2, 0.4),
    }
    params_type = Params
    memory_type = Memory

    def __init__(self, params: Params) -> None:
        super().__init__(params)
        self._rate = 0.6931471805599453 / (params.half_life_s * NS_PER_S)
        self._sample_ns = int(params.sample_s * NS_PER_S)

    def on_trades(
        self, memory: Memory, coin: Coin, view: View, update: TradesUpdate
    ) -> Signal | None:
        """Add the prints; once a second, ask what they moved."""
        book = coin.book
        if not book.ok:
            return None
        m = memory
        now_ns = update.recv_ns
        mid = book.mid
        kept = exp(-self._rate * (now_ns - m.last_ns)) if m.last_ns else 0.0
        m.last_ns = now_ns
        m.anchor = mid + (m.anchor - mid) * kept
        flow = m.flow * kept
        for trade in update.prints:
            size = trade.sz * exp(-self._rate * coin.age_ns(trade, now_ns))
            flow += size if trade.aggressor > 0 else -size
        m.flow = flow
        if now_ns - m.sampled_ns < self._sample_ns:
            return None
        m.sampled_ns = now_ns
        m.samples += 1
        size, usual = abs(flow), m.usual
        m.usual += (size - usual) * max(1.0 / 300.0, 1.0 / m.samples)
        p = self.params
        if m.samples < self.warm_up or usual <= 0.0 or size < p.entry * usual:
            return None
        unit = coin.minute_move()
        pushed = BUY if flow > 0.0 else SELL
        gave = pushed * (mid - m.anchor) / unit
        if gave > p.give:
            return None
        side = -pushed
        return Signal(
            coin.name,
            side,
            min(1.0, size / (2.0 * p.entry * usual)),
            plan(
                coin,
                side,
                stop=p.stop_vols * unit,
                target=p.target_vols * unit,
                horizon_s=p.horizon_s,
            ),
            f"{size / usual:.1f} times the usual flow moved the mid {gave:+.2f} volatilities",
            {"flow": flow, "usual": usual, "gave_vols": gave},
        )
