"""Fade of a stretch away from VWAP."""

from __future__ import annotations

from math import sqrt
from typing import ClassVar

from msgspec import Struct

from divisions.bot import Bars, Bot, NoMemory, Positive, Seconds, plan
from market.coin import Coin
from market.decision import BUY, SELL, Signal
from market.view import View


class Params(Struct, frozen=True, forbid_unknown_fields=True):
    """`window` in bars; `entry` and `stop` in volume-weighted deviations."""

    window: Bars = 60
    entry: Positive = 2.2
    stop: Positive = 1.5
    horizon_s: Seconds = 2_700.0


class VwapStretch(Bot[Params, NoMemory]):
    """Fade of a price far from the average price paid, weighted by volume.

    vwap = Σ typical × volume / Σ volume over `window` bars, typical = (high + low + close) / 3;
    the deviation is volume-weighted too. The target is half-way back. Idea: participants anchor
    on the average price paid (Berkowitz, Logue & Noser 1988 made it the execution benchmark).
    Fails when the volume itself is informed.
    """

    name = "vwap_stretch"
    division = "reversion"
    admitted_as = "vwap_stretch"
    timeframes = ("1m",)
    warm_up = 60
    search: ClassVar[dict[str, tuple[float, ...]]] = {
        "window": (30, 60, 120),
        "entry": (1.8, 2.2, 2.8),
        "stop": (1.0, 1.5, 2.0),
    }
    params_type = Params

    def on_bar(self, memory: NoMemory, coin: Coin, view: View, timeframe: str) -> Signal | None:
        """Measure the stretch in volume-weighted deviations."""
        p = self.params
        s = coin.bars.series[timeframe]
        if len(s) < p.window or not coin.book.ok:
            return None
        weight = total = square = 0.0
        for i in range(len(s) - p.window, len(s)):
            typical = (s.high[i] + s.low[i] + s.close[i]) / 3.0
            volume = s.volume[i]
            weight += volume
            total += volume * typical
            square += volume * typical * typical
        if weight <= 0.0:
            return None
        vwap = total / weight
        deviation = sqrt(max(square / weight - vwap * vwap, 0.0))
        if deviation <= 1e-9 * vwap:
            return None
        z = (s.close[-1] - vwap) / deviation
        if abs(z) < p.entry:
            return None
        side = SELL if z > 0.0 else BUY
        return Signal(
            coin.name,
            side,
            min(1.0, abs(z) / (2.0 * p.entry)),
            plan(
                coin,
                side,
                stop=p.stop * deviation,
                target=0.5 * abs(z) * deviation,
                horizon_s=p.horizon_s,
            ),
            f"close is {z:+.2f} deviations from the {p.window}-bar vwap {vwap:g}",
            {"z": z, "vwap": vwap, "deviation": deviation},
        )
