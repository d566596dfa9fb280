"""Regression slope of the closes."""

from __future__ import annotations

from math import log
from typing import ClassVar

from msgspec import Struct

from divisions.bot import Bars, Bot, NoMemory, Positive, Seconds, plan
from divisions.features import line_fit, true_range_mean
from market.coin import Coin
from market.decision import BUY, SELL, Signal
from market.view import View


class Params(Struct, frozen=True, forbid_unknown_fields=True):
    """`window` and `range_bars` in bars, `entry` a t value, distances in mean true ranges."""

    window: Bars = 24
    range_bars: Bars = 14
    entry: Positive = 12.0
    stop_ranges: Positive = 2.5
    trail_ranges: Positive = 3.5
    horizon_s: Seconds = 21_600.0


class TrendSlope(Bot[Params, NoMemory]):
    """Trend following of paths so straight that a random walk would hardly draw them.

    t = slope / its standard error, from least squares of log close on time over `window` bars. The
    bound is far above 2 because a random walk reaches t of 5 half the time (Granger & Newbold
    1974, spurious regression). Idea: smooth trends last (Clenow 2015, ranks by slope and fit).
    Fails when the line ends in a spike; it is then deep in the trend.
    """

    name = "trend_slope"
    division = "trend"
    admitted_as = "trend_slope"
    timeframes = ("15m",)
    warm_up = 24
    search: ClassVar[dict[str, tuple[float, ...]]] = {
        "window": (16, 24, 36),
        "entry": (9.0, 12.0, 16.0),
        "stop_ranges": (1.5, 2.5, 4.0),
        "trail_ranges": (2.5, 3.5, 5.0),
    }
    params_type = Params

    def on_bar(self, memory: NoMemory, coin: Coin, view: View, timeframe: str) -> Signal | None:
        """Fit the line and ask how sure its slope is."""
        p = self.params
        series = coin.bars.series[timeframe]
        if len(series) < max(p.window, p.range_bars + 1) or not coin.book.ok:
            return None
        y = [log(close) for close in series.close[-p.window :]]
        _, slope, t = line_fit([float(i) for i in range(p.window)], y)
        unit = true_range_mean(series, p.range_bars)
        if abs(t) < p.entry or unit <= 0.0:
            return None
        side = BUY if slope > 0.0 else SELL
        return Signal(
            coin.name,
            side,
            min(1.0, abs(t) / (2.0 * p.entry)),
            plan(
                coin,
                side,
                stop=p.stop_ranges * unit,
                trail=p.trail_ranges * unit,
                horizon_s=p.horizon_s,
            ),
            f"{p.window} closes climb {slope * 1e4:+.1f} bps a bar, t {t:+.1f}",
            {"slope_bps": slope * 1e4, "t": t, "range": unit},
        )
