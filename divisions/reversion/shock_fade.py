"""Fade of a shock: a single violent minute."""

from __future__ import annotations

from math import log
from typing import ClassVar

from msgspec import Struct

from divisions.bot import Bars, Bot, NoMemory, Positive, Seconds, plan
from divisions.features import log_returns, root_mean_square
from market.coin import Coin
from market.decision import BUY, SELL, Signal
from market.view import View
from quant.sums import sum_in_order


class Params(Struct, frozen=True, forbid_unknown_fields=True):
    """`window` in bars, `shock` in deviations, `surge` in usual volumes; distances in moves."""

    window: Bars = 60
    shock: Positive = 4.0
    surge: Positive = 1.5
    stop_moves: Positive = 0.7
    target_moves: Positive = 0.6
    horizon_s: Seconds = 1_200.0


class ShockFade(Bot[Params, NoMemory]):
    """Fade of a minute that moved far on much volume: somebody had to trade and paid for it.

    move = last log return; it must exceed `shock` root mean squares of the `window` returns before
    it, and its volume `surge` times their mean. The target gives back `target_moves` of it.
    Idea: returns on high volume are reversed, as they pay whoever takes the other side (Campbell,
    Grossman & Wang 1993). Fails when the move was news.
    """

    name = "shock_fade"
    division = "reversion"
    admitted_as = "shock_fade"
    timeframes = ("1m",)
    warm_up = 62
    search: ClassVar[dict[str, tuple[float, ...]]] = {
        "shock": (3.0, 4.0, 5.0),
        "surge": (1.0, 1.5, 2.5),
        "stop_moves": (0.5, 0.7, 1.0),
        "target_moves": (0.4, 0.6, 0.8),
    }
    params_type = Params

    def on_bar(self, memory: NoMemory, coin: Coin, view: View, timeframe: str) -> Signal | None:
        """Compare the newest minute with those before it."""
        p = self.params
        series = coin.bars.series[timeframe]
        n, close = p.window, series.close
        if len(close) < n + 2 or not coin.book.ok:
            return None
        move = log(close[-1] / close[-2])
        usual = sum_in_order(series.volume[-n - 1 : -1]) / n
        if move == 0.0 or series.volume[-1] < p.surge * usual:
            return None
        deviation = root_mean_square(log_returns(close[-n - 2 : -1], n))
        if deviation <= 1e-9 or abs(move) < p.shock * deviation:
            return None
        side = SELL if move > 0.0 else BUY
        unit = abs(close[-1] - close[-2])
        return Signal(
            coin.name,
            side,
            min(1.0, abs(move) / (2.0 * p.shock * deviation)),
            plan(
                coin,
                side,
                stop=p.stop_moves * unit,
                target=p.target_moves * unit,
                horizon_s=p.horizon_s,
            ),
            f"a minute of {move * 1e4:+.0f} bps, {abs(move) / deviation:.1f} deviations",
            {"move_bps": move * 1e4, "deviation_bps": deviation * 1e4, "usual": usual},
        )
