"""Time-series momentum."""

from __future__ import annotations

from math import log, sqrt
from typing import ClassVar

from msgspec import Struct

from divisions.bot import Action, Bars, Bot, NoMemory, Positive, Seconds, plan
from divisions.features import log_returns, root_mean_square
from market.coin import Coin
from market.decision import BUY, SELL, ExitCall, Signal
from market.view import View


class Params(Struct, frozen=True, forbid_unknown_fields=True):
    """`window` and `vol_bars` in bars; `entry` in deviations; `stop_devs` in hourly ones."""

    window: Bars = 24
    vol_bars: Bars = 48
    entry: Positive = 1.0
    stop_devs: Positive = 3.0
    horizon_s: Seconds = 43_200.0


class TsMomentum(Bot[Params, NoMemory]):
    """Momentum: hold what has risen over a day, sell what has fallen, in its own volatility.

    z = log(close / close `window` hours ago) / (σ √window), σ the root mean square of `vol_bars`
    hourly log returns. A signal needs |z| above `entry`; exit call when z changes its sign. Idea:
    time-series momentum (Moskowitz, Ooi & Pedersen 2012). Fails at sharp reversals, and a market
    that swings within the window pays it twice.
    """

    name = "ts_momentum"
    division = "trend"
    admitted_as = "ts_momentum"
    timeframes = ("1h",)
    warm_up = 49
    search: ClassVar[dict[str, tuple[float, ...]]] = {
        "window": (12, 24, 48, 72),
        "entry": (0.7, 1.0, 1.5),
        "stop_devs": (2.0, 3.0, 4.5),
    }
    params_type = Params

    def on_bar(self, memory: NoMemory, coin: Coin, view: View, timeframe: str) -> Action | None:
        """Measure the return over the window in its own deviations."""
        p = self.params
        close = coin.bars.series[timeframe].close
        if len(close) < max(p.window + 2, p.vol_bars + 1) or not coin.book.ok:
            return None
        unit = root_mean_square(log_returns(close, p.vol_bars))
        if unit <= 1e-9:
            return None
        move = log(close[-1] / close[-1 - p.window])
        before = log(close[-2] / close[-2 - p.window])
        z = move / (unit * sqrt(p.window))
        side = BUY if z > 0.0 else SELL
        if move * before < 0.0:
            return ExitCall(coin.name, -side, f"the {p.window}-bar return changed its sign")
        if abs(z) < p.entry:
            return None
        return Signal(
            coin.name,
            side,
            min(1.0, abs(z) / (2.0 * p.entry)),
            plan(coin, side, stop=p.stop_devs * unit * coin.book.mid, horizon_s=p.horizon_s),
            f"{p.window}-bar return is {z:+.2f} deviations",
            {"z": z, "return": move, "deviation": unit},
        )
