"""Funding harvest."""

from __future__ import annotations

from typing import ClassVar

from msgspec import Struct

from divisions.bot import Action, Bot, Positive, Seconds, less, plan
from market.coin import Coin
from market.decision import BUY, SELL, ExitCall, Signal
from market.events import NS_PER_S
from market.view import View


class Params(Struct, frozen=True, forbid_unknown_fields=True):
    """Rates in bps an hour; `stop_days` in daily volatilities."""

    entry_bps_h: Positive = 0.25
    exit_bps_h: Positive = 0.10
    sample_s: Seconds = 60.0
    stop_days: Positive = 0.5
    horizon_s: Seconds = 28_800.0

    def __post_init__(self) -> None:
        """Refuse what never speaks."""
        less(self, "exit_bps_h", "entry_bps_h")


class Memory(Struct):
    """Time of the last context weighed, the count, and the side last called for."""

    sampled_ns: int = 0
    seen: int = 0
    side: int = 0


class FundingHarvest(Bot[Params, Memory]):
    """Carry: the side that is paid while hourly funding is far from its resting value.

    Venue rule: a positive rate is paid by longs to shorts on oracle notional, hourly; at rest it
    is 0.125 bps an hour. Above `entry_bps_h` sell, below −`entry_bps_h` buy; exit call once the
    magnitude falls under `exit_bps_h`. Idea: perpetual carry (He, Manela, Ross & von Wachter
    2022). Fails, being unhedged, whenever the crowd that pays is right.
    """

    name = "funding_harvest"
    division = "carry"
    admitted_as = "funding_harvest"
    warm_up = 5
    search: ClassVar[dict[str, tuple[float, ...]]] = {
        "entry_bps_h": (0.2, 0.25, 0.4, 0.8),
        "stop_days": (0.3, 0.5, 1.0),
    }
    params_type = Params
    memory_type = Memory

    def rearm_ns(self) -> int:
        """Return one and a half samples: it speaks once a sample, so less is no silence."""
        return int(1.5 * self.params.sample_s * NS_PER_S)

    def on_context(self, memory: Memory, coin: Coin, view: View) -> Action | None:
        """Once a minute, compare the running funding estimate with the bounds."""
        now_ns = coin.context.recv_ns
        p = self.params
        memory.seen += 1
        if memory.seen < self.warm_up or not coin.book.ok:
            return None
        if now_ns - memory.sampled_ns < p.sample_s * NS_PER_S:
            return None
        memory.sampled_ns = now_ns
        rate = coin.context.funding * 1e4
        if memory.side and -memory.side * rate < p.exit_bps_h:
            side, memory.side = memory.side, 0
            return ExitCall(coin.name, side, f"funding is down to {rate:+.2f} bps an hour")
        if abs(rate) < p.entry_bps_h:
            return None
        side = SELL if rate > 0.0 else BUY
        memory.side = side
        unit = coin.daily_vol() * coin.book.mid
        return Signal(
            coin.name,
            side,
            min(1.0, abs(rate) / (4.0 * p.entry_bps_h)),
            plan(coin, side, stop=p.stop_days * unit, horizon_s=p.horizon_s),
            f"funding runs at {rate:+.2f} bps an hour, paid to this side",
            {"funding_bps_h": rate},
        )
