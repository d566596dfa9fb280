"""Mean reversion of the perpetual's premium over its oracle."""

from __future__ import annotations

from math import sqrt
from typing import Annotated, ClassVar

from msgspec import Meta, Struct

from divisions.bot import Action, Bot, Positive, Seconds, plan
from market.coin import Coin
from market.decision import BUY, SELL, ExitCall, Signal
from market.view import View


class Params(Struct, frozen=True, forbid_unknown_fields=True):
    """`half_life` in contexts (about seconds); `entry` in deviations; `floor_bps` a premium."""

    half_life: Annotated[float, Meta(ge=1.0, le=1_000_000.0)] = 900.0
    entry: Positive = 2.5
    floor_bps: Positive = 3.0
    stop_vols: Positive = 8.0
    horizon_s: Seconds = 3_600.0


class Memory(Struct):
    """Running mean and variance of the premium in bps, the count, and the side called for."""

    mean: float = 0.0
    variance: float = 0.0
    seen: int = 0
    side: int = 0


class PremiumReversion(Bot[Params, Memory]):
    """Reversion: sell a perpetual unusually dear against its oracle, buy one unusually cheap.

    premium = mid / oracle − 1 in bps against its own exponentially weighted mean and deviation;
    both `entry` deviations and `floor_bps` must be exceeded. Exit call when the premium is back
    at its mean. Idea: funding pulls the perpetual to the index (He, Manela, Ross & von Wachter
    2022, "Fundamentals of perpetual futures"). Fails when the oracle lags a real move.
    """

    name = "premium_reversion"
    division = "carry"
    admitted_as = "premium_reversion"
    warm_up = 120
    search: ClassVar[dict[str, tuple[float, ...]]] = {
        "half_life": (300.0, 900.0, 3600.0),
        "entry": (2.0, 2.5, 3.0),
        "floor_bps": (2.0, 3.0, 5.0),
    }
    params_type = Params
    memory_type = Memory

    def on_context(self, memory: Memory, coin: Coin, view: View) -> Action | None:
        """Weigh the premium against its own recent past, then let the past include it."""
        oracle = coin.context.oracle_px
        book = coin.book
        if not book.ok or oracle <= 0.0:
            return None
        p, m = self.params, memory
        premium = (book.mid / oracle - 1.0) * 1e4
        deviation = sqrt(m.variance)
        mean = m.mean
        away = premium - mean
        ready = m.seen >= self.warm_up and deviation > 0.0
        m.seen += 1
        weight = max(0.6931471805599453 / p.half_life, 1.0 / m.seen)
        m.mean += away * weight
        m.variance = (1.0 - weight) * (m.variance + weight * away * away)
        if not ready:
            return None
        if m.side and m.side * away >= 0.0:
            side, m.side = m.side, 0
            return ExitCall(coin.name, side, "premium is back at its mean")
        if abs(away) < p.entry * deviation or abs(away) < p.floor_bps:
            return None
        side = SELL if away > 0.0 else BUY
        m.side = side
        unit = coin.minute_move()
        return Signal(
            coin.name,
            side,
            min(1.0, abs(away) / (2.0 * p.entry * deviation)),
            plan(coin, side, stop=p.stop_vols * unit, horizon_s=p.horizon_s),
            f"premium is {premium:+.1f} bps, {away / deviation:+.1f} deviations from usual",
            {"premium_bps": premium, "mean_bps": mean, "deviation_bps": deviation},
        )
