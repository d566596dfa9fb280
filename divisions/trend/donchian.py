"""Breakout of the Donchian channel."""

from __future__ import annotations

from typing import ClassVar

from msgspec import Struct

from divisions.bot import Bars, Bot, NoMemory, Positive, Seconds, plan
from divisions.features import true_range_mean
from market.coin import Coin
from market.decision import BUY, SELL, Signal
from market.view import View


class Params(Struct, frozen=True, forbid_unknown_fields=True):
    """`channel` and `range_bars` in bars, distances in mean true ranges."""

    channel: Bars = 20
    range_bars: Bars = 14
    stop_ranges: Positive = 2.0
    trail_ranges: Positive = 3.0
    horizon_s: Seconds = 14_400.0


class Donchian(Bot[Params, NoMemory]):
    """Breakout: buy a close above the highest high of `channel` bars, sell one below the low.

    Idea: a price nobody has paid for a while is news. Source: R. Donchian's channel rule; the
    Turtle traders' System 1 is its best-known form. Stop and trailing stop are multiples of the
    mean true range, in USD. Fails in ranges, where every edge is tested and given back.
    """

    name = "donchian"
    division = "trend"
    admitted_as = "donchian"
    timeframes = ("5m",)
    warm_up = 21
    search: ClassVar[dict[str, tuple[float, ...]]] = {
        "channel": (10, 20, 40, 55),
        "stop_ranges": (1.5, 2.0, 3.0),
        "trail_ranges": (2.0, 3.0, 4.0),
    }
    params_type = Params

    def on_bar(self, memory: NoMemory, coin: Coin, view: View, timeframe: str) -> Signal | None:
        """Compare the newest close with the channel of the bars before it."""
        p = self.params
        series = coin.bars.series[timeframe]
        if len(series) < max(p.channel, p.range_bars) + 1 or not coin.book.ok:
            return None
        close = series.close[-1]
        top = max(series.high[-p.channel - 1 : -1])
        bottom = min(series.low[-p.channel - 1 : -1])
        side = BUY if close > top else SELL if close < bottom else 0
        unit = true_range_mean(series, p.range_bars)
        if not side or unit <= 0.0:
            return None
        edge = top if side == BUY else bottom
        excess = abs(close - edge) / unit
        return Signal(
            coin.name,
            side,
            min(1.0, 0.5 + 0.5 * excess),
            plan(
                coin,
                side,
                stop=p.stop_ranges * unit,
                trail=p.trail_ranges * unit,
                horizon_s=p.horizon_s,
            ),
            f"close {close:g} beyond the {p.channel}-bar edge {edge:g}",
            {"close": close, "edge": edge, "range": unit},
        )
