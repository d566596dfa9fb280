"""Pullback in a trend."""

from __future__ import annotations

from typing import ClassVar

from msgspec import Struct

from divisions.bot import Bars, Bot, NoMemory, Positive, Seconds, plan
from divisions.features import mean_and_deviation, true_range_mean
from market.coin import Coin
from market.decision import BUY, SELL, Signal
from market.view import View

SLOW = "1h"


class Params(Struct, frozen=True, forbid_unknown_fields=True):
    """`slow` in hours, `fast` in 5-minute bars; `trend` and `dip` in deviations of closes."""

    slow: Bars = 24
    fast: Bars = 12
    trend: Positive = 1.0
    dip: Positive = 1.5
    stop_ranges: Positive = 3.0
    target_ranges: Positive = 6.0
    horizon_s: Seconds = 10_800.0


class Pullback(Bot[Params, NoMemory]):
    """Pullback entry: buy a dip on five minutes while the hours rise, sell a rally while they fall.

    trend = (last hourly close − mean) / deviation over `slow` hours; dip = the same of the last
    5-minute close over `fast` bars, with the other sign. Both must be beyond their bounds.
    Source: A. Elder's triple screen (1993, "Trading for a Living"). Fails when the dip is the
    turn.
    """

    name = "pullback"
    division = "trend"
    admitted_as = "pullback"
    timeframes = ("5m", SLOW)
    warm_up = 24
    search: ClassVar[dict[str, tuple[float, ...]]] = {
        "slow": (12, 24, 48),
        "trend": (0.5, 1.0, 1.5),
        "dip": (1.0, 1.5, 2.0),
        "stop_ranges": (2.0, 3.0, 4.5),
    }
    params_type = Params

    def on_bar(self, memory: NoMemory, coin: Coin, view: View, timeframe: str) -> Signal | None:
        """At each close of the short bars, look at both."""
        p = self.params
        if timeframe == SLOW or not coin.book.ok:
            return None
        series, hours = coin.bars.series[timeframe], coin.bars.series[SLOW].close
        if len(series) < max(p.fast + 1, self.warm_up) or len(hours) < max(p.slow, self.warm_up):
            return None
        mean, deviation = mean_and_deviation(series.close[-p.fast :])
        slow_mean, slow_deviation = mean_and_deviation(hours[-p.slow :])
        if deviation <= 1e-9 * mean or slow_deviation <= 1e-9 * slow_mean:
            return None
        dip = (series.close[-1] - mean) / deviation
        trend = (hours[-1] - slow_mean) / slow_deviation
        if dip * trend >= 0.0 or abs(trend) < p.trend or abs(dip) < p.dip:
            return None
        side = BUY if trend > 0.0 else SELL
        unit = true_range_mean(series, p.fast)
        return Signal(
            coin.name,
            side,
            min(1.0, abs(trend) / (2.0 * p.trend)),
            plan(
                coin,
                side,
                stop=p.stop_ranges * unit,
                target=p.target_ranges * unit,
                horizon_s=p.horizon_s,
            ),
            f"{dip:+.1f} deviations on five minutes in a trend of {trend:+.1f} on hours",
            {"trend": trend, "dip": dip, "range": unit},
        )
