"""Drift of the microprice."""

from __future__ import annotations

from typing import Annotated, ClassVar

from msgspec import Meta, Struct

from divisions.bot import Bot, Positive, Seconds, Share, less, plan
from market.coin import Coin
from market.decision import BUY, SELL, Signal
from market.events import NS_PER_S
from market.view import View

Samples = Annotated[float, Meta(ge=1.0, le=100_000.0)]


class Params(Struct, frozen=True, forbid_unknown_fields=True):
    """`fast` and `slow` in samples; `entry` in usual drifts; `lean` a share; distances in vols."""

    fast: Samples = 5.0
    slow: Samples = 40.0
    entry: Positive = 3.0
    lean: Share = 0.3
    sample_s: Seconds = 1.0
    stop_vols: Positive = 2.5
    target_vols: Positive = 4.0
    horizon_s: Seconds = 240.0

    def __post_init__(self) -> None:
        """Refuse what never speaks."""
        less(self, "fast", "slow")


class Memory(Struct):
    """Sums of the running sample; both averages and the usual distance, in USD; times in ns."""

    total: float = 0.0
    count: int = 0
    fast: float = 0.0
    slow: float = 0.0
    usual: float = 0.0
    samples: int = 0
    sampled_ns: int = 0


class MicropriceDrift(Bot[Params, Memory]):
    """Momentum of the microprice while the touch leans the same way.

    micro = (bid × ask size + ask × bid size) / (bid size + ask size), averaged over each second.
    drift = its fast minus its slow exponential average, against a slow mean of |drift|; lean =
    (bid size − ask size) / (bid size + ask size). Idea: the micro-price predicts the mid better
    than the mid itself (Stoikov 2018). Fails when queues are a bluff, and its edge is small beside
    the taker fee.
    """

    name = "microprice_drift"
    division = "flow"
    admitted_as = "microprice_drift"
    warm_up = 60
    search: ClassVar[dict[str, tuple[float, ...]]] = {
        "fast": (3.0, 5.0, 10.0),
        "slow": (30.0, 40.0, 80.0),
        "entry": (2.5, 3.0, 4.0),
        "lean": (0.1, 0.3, 0.5),
    }
    params_type = Params
    memory_type = Memory

    def __init__(self, params: Params) -> None:
        super().__init__(params)
        self._sample_ns = int(params.sample_s * NS_PER_S)

    def on_book(self, memory: Memory, coin: Coin, view: View) -> Signal | None:
        """Add the micro-price to the running sample; once a second, see where it heads."""
        book = coin.book
        m = memory
        sizes = book.bid_sz + book.ask_sz
        if sizes > 0.0:
            m.total += (book.bid * book.ask_sz + book.ask * book.bid_sz) / sizes
            m.count += 1
        now_ns = book.recv_ns
        if now_ns - m.sampled_ns < self._sample_ns or not m.count:
            return None
        m.sampled_ns = now_ns
        micro = m.total / m.count
        m.total, m.count = 0.0, 0
        p = self.params
        m.samples += 1
        if m.samples == 1:
            m.fast = m.slow = micro
        m.fast += (micro - m.fast) / p.fast
        m.slow += (micro - m.slow) / p.slow
        drift = m.fast - m.slow
        size = abs(drift)
        usual = m.usual
        m.usual += (size - usual) * max(1.0 / 300.0, 1.0 / m.samples)
        if m.samples <= self.warm_up or usual <= 0.0 or size < p.entry * usual:
            return None
        lean = (book.bid_sz - book.ask_sz) / sizes if sizes > 0.0 else 0.0
        side = BUY if drift > 0.0 else SELL
        if side * lean < p.lean:
            return None
        unit = coin.minute_move()
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
            f"micro-price drifts {size / usual:.1f} times the usual, touch leans {lean:+.0%}",
            {"drift": drift, "usual": usual, "lean": lean},
        )
