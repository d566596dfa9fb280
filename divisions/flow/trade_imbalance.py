"""Trade imbalance: aggressive buying against aggressive selling."""

from __future__ import annotations

from math import exp
from typing import ClassVar

from msgspec import Struct

from divisions.bot import Bot, Positive, Seconds, Share, plan
from market.coin import Coin
from market.decision import BUY, SELL, Signal
from market.events import NS_PER_S, TradesUpdate
from market.view import View


class Params(Struct, frozen=True, forbid_unknown_fields=True):
    """`half_life_s` of the volumes; `entry` a share in (0, 1]; `burst` in usual volumes."""

    half_life_s: Seconds = 10.0
    entry: Share = 0.6
    burst: Positive = 1.2
    sample_s: Seconds = 1.0
    stop_vols: Positive = 2.5
    target_vols: Positive = 4.0
    horizon_s: Seconds = 240.0


class Memory(Struct):
    """Decayed buy and sell volumes and the usual total, in base units; times in ns."""

    buys: float = 0.0
    sells: float = 0.0
    usual: float = 0.0
    samples: int = 0
    last_ns: int = 0
    sampled_ns: int = 0


class TradeImbalance(Bot[Params, Memory]):
    """Momentum of one-sided aggression when trading is busier than usual.

    imbalance = (buys − sells) / (buys + sells) of aggressor volume, decayed with `half_life_s`;
    a signal needs |imbalance| above `entry` and a volume above `burst` times its slow mean.
    Idea: trade signs are strongly autocorrelated because large orders are split (Lillo & Farmer
    2004; Bouchaud et al. 2004). Fails when the last slice of the large order was just seen.
    """

    name = "trade_imbalance"
    division = "flow"
    admitted_as = "trade_imbalance"
    warm_up = 30
    search: ClassVar[dict[str, tuple[float, ...]]] = {
        "half_life_s": (5.0, 10.0, 20.0),
        "entry": (0.5, 0.6, 0.75),
        "burst": (1.0, 1.2, 2.0),
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
        """Add the prints; once a second, weigh the two sides."""
        m = memory
        now_ns = update.recv_ns
        decay = exp(-self._rate * (now_ns - m.last_ns)) if m.last_ns else 0.0
        m.buys *= decay
        m.sells *= decay
        m.last_ns = now_ns
        for trade in update.prints:
            size = trade.sz * exp(-self._rate * coin.age_ns(trade, now_ns))
            if trade.aggressor > 0:
                m.buys += size
            else:
                m.sells += size
        if now_ns - m.sampled_ns < self._sample_ns:
            return None
        m.sampled_ns = now_ns
        m.samples += 1
        total = m.buys + m.sells
        if total <= 0.0:
            return None
        m.usual += (total - m.usual) * max(1.0 / 300.0, 1.0 / m.samples)
        p = self.params
        imbalance = (m.buys - m.sells) / total
        if m.samples < self.warm_up or abs(imbalance) < p.entry or total < p.burst * m.usual:
            return None
        if not coin.book.ok:
            return None
        side = BUY if imbalance > 0.0 else SELL
        unit = coin.minute_move()
        return Signal(
            coin.name,
            side,
            min(1.0, abs(imbalance) * total / (2.0 * p.burst * m.usual)),
            plan(
                coin,
                side,
                stop=p.stop_vols * unit,
                target=p.target_vols * unit,
                horizon_s=p.horizon_s,
            ),
            f"aggressors {imbalance:+.0%} one-sided, volume {total / m.usual:.1f} times usual",
            {"imbalance": imbalance, "volume": total, "usual": m.usual},
        )
