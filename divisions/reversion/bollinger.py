"""Fade at the edges of a Bollinger band."""

from __future__ import annotations

from typing import ClassVar

from msgspec import Struct

from divisions.bot import Action, Bars, Bot, NoMemory, Positive, Seconds, plan
from divisions.features import mean_and_deviation
from market.coin import Coin
from market.decision import BUY, SELL, ExitCall, Signal
from market.view import View


class Params(Struct, frozen=True, forbid_unknown_fields=True):
    """`window` in bars; `entry` and `stop` in standard deviations of the closes."""

    window: Bars = 20
    entry: Positive = 2.0
    stop: Positive = 2.0
    horizon_s: Seconds = 1_800.0


class Bollinger(Bot[Params, NoMemory]):
    """Fade of closes more than `entry` deviations above their mean, or as far below.

    z = (close − mean) / deviation over `window` closes; the target is the mean, the exit call
    comes when z returns to zero. Idea: J. Bollinger's bands (2001, "Bollinger on Bollinger
    Bands") read as overreaction. Fails in trends, where the band walks with the price.
    """

    name = "bollinger"
    division = "reversion"
    admitted_as = "bollinger"
    timeframes = ("1m",)
    warm_up = 20
    search: ClassVar[dict[str, tuple[float, ...]]] = {
        "window": (15, 20, 30, 45),
        "entry": (1.8, 2.0, 2.5, 3.0),
        "stop": (1.5, 2.0, 3.0),
    }
    params_type = Params

    def on_bar(self, memory: NoMemory, coin: Coin, view: View, timeframe: str) -> Action | None:
        """Measure how far the newest close stands from the mean."""
        p = self.params
        close = coin.bars.series[timeframe].close
        if len(close) < p.window or not coin.book.ok:
            return None
        mean, deviation = mean_and_deviation(close[-p.window :])
        if deviation <= 1e-9 * mean:
            return None
        z = (close[-1] - mean) / deviation
        if abs(z) < p.entry:
            if (close[-2] - mean) * z < 0.0:
                return ExitCall(coin.name, BUY if z > 0.0 else SELL, "back at the mean")
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
                target=abs(z) * deviation,
                horizon_s=p.horizon_s,
            ),
            f"close is {z:+.2f} deviations from its {p.window}-bar mean",
            {"z": z, "mean": mean, "deviation": deviation},
        )
