"""Order-flow imbalance at the touch."""

from __future__ import annotations

from math import exp
from typing import ClassVar

from msgspec import Struct

from divisions.bot import Bot, Positive, Seconds, plan
from market.coin import Coin
from market.decision import BUY, SELL, Signal
from market.events import NS_PER_S
from market.view import View


class Params(Struct, frozen=True, forbid_unknown_fields=True):
    """`half_life_s` of the flow; `entry` in mean absolute flows; `stop_vols` in 1-minute vols."""

    half_life_s: Seconds = 8.0
    entry: Positive = 2.5
    sample_s: Seconds = 1.0
    stop_vols: Positive = 2.5
    target_vols: Positive = 3.5
    horizon_s: Seconds = 180.0


class Memory(Struct):
    """Last touch, decayed flow and its typical size in base units, and times in ns."""

    bid: float = 0.0
    bid_sz: float = 0.0
    ask: float = 0.0
    ask_sz: float = 0.0
    flow: float = 0.0
    scale: float = 0.0
    samples: int = 0
    last_ns: int = 0
    sampled_ns: int = 0


class OrderFlow(Bot[Params, Memory]):
    """Momentum of sustained order-flow imbalance at the best bid and offer.

    e = ΔQ_bid − ΔQ_ask, where a better price adds its whole queue and a worse one takes the old
    queue away (Cont, Kukanov & Stoikov 2014, "The price impact of order book events"). The flow
    is the sum of e, decayed with `half_life_s`; its scale is a slow mean of |flow|. Once a second
    a flow beyond `entry` scales is a signal. Fails when the flow is spoofed, and its edge is
    small beside the taker fee.
    """

    name = "order_flow"
    division = "flow"
    admitted_as = "order_flow"
    warm_up = 30
    search: ClassVar[dict[str, tuple[float, ...]]] = {
        "half_life_s": (4.0, 8.0, 15.0, 30.0),
        "entry": (2.0, 2.5, 3.0, 4.0),
        "stop_vols": (1.5, 2.5, 4.0),
    }
    params_type = Params
    memory_type = Memory

    def __init__(self, params: Params) -> None:
        super().__init__(params)
        self._rate = 0.6931471805599453 / (params.half_life_s * NS_PER_S)
        self._sample_ns = int(params.sample_s * NS_PER_S)

    def on_book(self, memory: Memory, coin: Coin, view: View) -> Signal | None:
        """Add the touch's change to the flow; once a second, compare it with its scale."""
        book = coin.book
        now_ns = book.recv_ns
        m = memory
        if m.last_ns:
            event = 0.0
            if book.bid >= m.bid:
                event += book.bid_sz
            if book.bid <= m.bid:
                event -= m.bid_sz
            if book.ask <= m.ask:
                event -= book.ask_sz
            if book.ask >= m.ask:
                event += m.ask_sz
            m.flow = m.flow * exp(-self._rate * (now_ns - m.last_ns)) + event
        m.last_ns = now_ns
        m.bid, m.bid_sz, m.ask, m.ask_sz = book.bid, book.bid_sz, book.ask, book.ask_sz
        if now_ns - m.sampled_ns < self._sample_ns:
            return None
        m.sampled_ns = now_ns
        m.samples += 1
        size = abs(m.flow)
        m.scale += (size - m.scale) * max(1.0 / 300.0, 1.0 / m.samples)
        if m.samples < self.warm_up or size <= 0.0 or size < self.params.entry * m.scale:
            return None
        return self._signal(m, coin)

    def _signal(self, m: Memory, coin: Coin) -> Signal:
        p = self.params
        side = BUY if m.flow > 0.0 else SELL
        unit = coin.minute_move()
        strength = abs(m.flow) / m.scale
        return Signal(
            coin.name,
            side,
            min(1.0, strength / (2.0 * p.entry)),
            plan(
                coin,
                side,
                stop=p.stop_vols * unit,
                target=p.target_vols * unit,
                horizon_s=p.horizon_s,
            ),
            f"order flow at the touch is {strength:.1f} times its usual size",
            {"flow": m.flow, "scale": m.scale},
        )
