"""Breakout from a volatility squeeze."""

from __future__ import annotations

from typing import Annotated, ClassVar

from msgspec import Meta, Struct

from divisions.bot import Bars, Bot, NoMemory, Positive, Seconds, Share, less, plan
from divisions.features import log_returns, root_mean_square
from market.coin import Coin
from market.decision import BUY, SELL, Signal
from market.view import View


class Params(Struct, frozen=True, forbid_unknown_fields=True):
    """`quiet` and `usual` in bars, `squeeze` a ratio, distances in usual deviations of a bar."""

    quiet: Bars = 12
    usual: Annotated[int, Meta(ge=20, le=200)] = 96
    squeeze: Share = 0.8
    stop_devs: Positive = 2.0
    trail_devs: Positive = 4.0
    horizon_s: Seconds = 10_800.0

    def __post_init__(self) -> None:
        """Refuse what never speaks."""
        less(self, "quiet", "usual")


class SqueezeBreakout(Bot[Params, NoMemory]):
    """Breakout: join the first close outside the range of an unusually quiet stretch.

    Quiet: the root mean square of the last `quiet` log returns before this bar is below `squeeze`
    times that of the `usual` ones. Breakout: the close lies beyond the highest high or lowest low
    of those bars. Idea: volatility clusters and its lows end in moves (J. Bollinger 2001, the
    Squeeze; Engle 1982). Fails on the first false break, which many squeezes have.
    """

    name = "squeeze_breakout"
    division = "trend"
    admitted_as = "squeeze_breakout"
    timeframes = ("5m",)
    warm_up = 98
    search: ClassVar[dict[str, tuple[float, ...]]] = {
        "quiet": (8, 12, 20),
        "squeeze": (0.6, 0.7, 0.8),
        "stop_devs": (1.5, 2.0, 3.0),
        "trail_devs": (3.0, 4.0, 6.0),
    }
    params_type = Params

    def on_bar(self, memory: NoMemory, coin: Coin, view: View, timeframe: str) -> Signal | None:
        """Ask for a break first, which is cheap, then for the quiet before it."""
        p = self.params
        series = coin.bars.series[timeframe]
        if len(series) < max(p.usual, p.quiet) + 2 or not coin.book.ok:
            return None
        close = series.close[-1]
        top = max(series.high[-p.quiet - 1 : -1])
        bottom = min(series.low[-p.quiet - 1 : -1])
        side = BUY if close > top else SELL if close < bottom else 0
        if not side:
            return None
        returns = log_returns(series.close[:-1], p.usual)
        usual = root_mean_square(returns)
        quiet = root_mean_square(returns[-p.quiet :])
        if usual <= 1e-9 or quiet >= p.squeeze * usual:
            return None
        unit = usual * coin.book.mid
        return Signal(
            coin.name,
            side,
            min(1.0, 0.5 * p.squeeze * usual / max(quiet, 1e-12)),
            plan(
                coin,
                side,
                stop=p.stop_devs * unit,
                trail=p.trail_devs * unit,
                horizon_s=p.horizon_s,
            ),
            f"broke {'above' if side == BUY else 'below'} a stretch {quiet / usual:.2f} as lively",
            {"quiet": quiet, "usual": usual, "edge": top if side == BUY else bottom},
        )
