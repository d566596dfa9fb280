"""Cross-sectional momentum."""

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
    """`window` in bars; `entry` in cross-sectional deviations; `stop_vols` in 1-minute vols."""

    window: Bars = 12
    entry: Positive = 1.3
    stop_vols: Positive = 12.0
    horizon_s: Seconds = 3_600.0


class CrossMomentum(Bot[Params, NoMemory]):
    """Momentum across coins: buy the one that outran the others, sell the one that fell behind.

    Scores are log returns over `window` bars divided by the coin's own volatility, compared
    across coins at the same bar; a coin beyond `entry` deviations of the cross-section speaks.
    Idea: relative momentum (Jegadeesh & Titman 1993; for coins, Liu, Tsyvinski & Wu 2022).
    Fails at turning points, all at once. Needs at least four coins.
    """

    name = "cross_momentum"
    division = "relative"
    admitted_as = "cross_momentum"
    timeframes = ("5m",)
    warm_up = 13
    search: ClassVar[dict[str, tuple[float, ...]]] = {
        "window": (6, 12, 24, 48),
        "entry": (1.0, 1.3, 1.6),
        "stop_vols": (8.0, 12.0, 16.0),
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
        score = log(own.close[-1] / own.close[-1 - p.window]) / coin.daily_vol()
        mean, deviation = mean_and_deviation(scores)
        if deviation <= 0.0:
            return None
        z = (score - mean) / deviation
        if abs(z) < p.entry:
            return None
        side = BUY if z > 0.0 else SELL
        unit = coin.minute_move()
        return Signal(
            coin.name,
            side,
            min(1.0, abs(z) / (2.0 * p.entry)),
            plan(coin, side, stop=p.stop_vols * unit, horizon_s=p.horizon_s),
            f"{z:+.2f} deviations from {len(scores)} coins over {p.window} bars",
            {"z": z, "coins": float(len(scores))},
        )
