"""Cross-sectional reversal."""

from __future__ import annotations

from math import log
from typing import ClassVar

from msgspec import Struct

from divisions.bot import Bars, Bot, NoMemory, Positive, Seconds, plan
from divisions.features import mean_and_deviation
from market.coin import Coin
from market.decision import BUY, SELL, Signal
from market.view import View

COINS_MIN = 4


class Params(Struct, frozen=True, forbid_unknown_fields=True):
    """`window` in bars; `entry` in cross-sectional deviations; distances in 1-minute vols."""

    window: Bars = 2
    entry: Positive = 1.6
    floor_vols: Positive = 4.0
    stop_vols: Positive = 8.0
    horizon_s: Seconds = 3_600.0


class CrossReversal(Bot[Params, NoMemory]):
    """Reversal across coins: buy the one that has just fallen behind, sell the one that ran ahead.

    score = log return over `window` quarter hours / the coin's own volatility; z = its distance
    from the mean of all coins in cross-sectional deviations, and the coin must stand `floor_vols`
    one-minute volatilities from that mean. The target is the way back to it. Idea: short-term
    reversal (Lehmann 1990; Jegadeesh 1990): part of a relative move is pressure, not news. Fails
    when the coin has news of its own. Needs at least four coins.
    """

    name = "cross_reversal"
    division = "relative"
    admitted_as = "cross_reversal"
    timeframes = ("15m",)
    warm_up = 3
    search: ClassVar[dict[str, tuple[float, ...]]] = {
        "window": (2, 4, 8),
        "entry": (1.3, 1.6, 2.0),
        "floor_vols": (3.0, 4.0, 6.0),
        "stop_vols": (5.0, 8.0, 12.0),
    }
    params_type = Params

    def on_bar(self, memory: NoMemory, coin: Coin, view: View, timeframe: str) -> Signal | None:
        """Score every coin that has the bar, then see where this one stands."""
        p = self.params
        own = coin.bars.series[timeframe]
        if len(own) < p.window + 1 or not coin.book.ok:
            return None
        scores = []
        for other in view.coins.values():
            series = other.bars.series[timeframe]
            if len(series) > p.window and series.start_ms[-1] == own.start_ms[-1]:
                change = log(series.close[-1] / series.close[-1 - p.window])
                scores.append(change / other.daily_vol())
        if len(scores) < COINS_MIN:
            return None
        mean, deviation = mean_and_deviation(scores)
        if deviation <= 0.0:
            return None
        unit = coin.minute_move()
        change = log(own.close[-1] / own.close[-1 - p.window])
        away = change - mean * coin.daily_vol()
        z = away / coin.daily_vol() / deviation
        target = abs(away) * coin.book.mid
        if abs(z) < p.entry or target < p.floor_vols * unit:
            return None
        side = SELL if z > 0.0 else BUY
        return Signal(
            coin.name,
            side,
            min(1.0, abs(z) / (2.0 * p.entry)),
            plan(
                coin,
                side,
                stop=p.stop_vols * unit,
                target=min(target, 0.5 * coin.book.mid),
                horizon_s=p.horizon_s,
            ),
            f"{z:+.2f} deviations from {len(scores)} coins over {p.window} bars",
            {"z": z, "away_bps": away * 1e4, "coins": float(len(scores))},
        )
