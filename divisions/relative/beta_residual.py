"""Reversion of beta residuals."""

from __future__ import annotations

from math import sqrt
from typing import Annotated, ClassVar

from msgspec import Meta, Struct

from divisions.bot import Bars, Bot, NoMemory, Positive, Seconds, less, plan
from divisions.features import log_returns
from market.coin import Coin
from market.decision import BUY, SELL, Signal
from market.view import View
from quant.sums import sum_in_order

FACTOR = ("BTC", "ETH", "SOL")


class Params(Struct, frozen=True, forbid_unknown_fields=True):
    """`window` and `recent` in bars; `entry`, `stop` and `target` in deviations of a residual."""

    window: Annotated[int, Meta(ge=10, le=180)] = 64
    recent: Bars = 4
    entry: Positive = 2.0
    stop: Positive = 2.0
    target: Positive = 2.0
    horizon_s: Seconds = 7_200.0

    def __post_init__(self) -> None:
        """Refuse what never speaks."""
        less(self, "recent", "window")


class BetaResidual(Bot[Params, NoMemory]):
    """Fade of what a coin moved beyond its share in the market's move.

    market = mean log return of BTC, ETH and SOL without the coin itself; beta from the `window`
    bars before the `recent` ones; s = Σ recent (own − beta × market) / (σ √recent), σ the deviation
    of those residuals before. Beyond `entry` the coin is faded; stop and target are multiples of
    σ √recent. Idea: statistical arbitrage on residuals (Avellaneda & Lee 2010). Fails when the
    residual is news about the coin.
    """

    name = "beta_residual"
    division = "relative"
    admitted_as = "beta_residual"
    timeframes = ("15m",)
    warm_up = 69
    search: ClassVar[dict[str, tuple[float, ...]]] = {
        "window": (48, 64, 96),
        "recent": (2, 4, 8),
        "entry": (1.6, 2.0, 2.5),
        "stop": (1.5, 2.0, 3.0),
    }
    params_type = Params

    def on_bar(self, memory: NoMemory, coin: Coin, view: View, timeframe: str) -> Signal | None:
        """Estimate beta on the older bars, then sum what it leaves of the recent ones."""
        p = self.params
        own = coin.bars.series[timeframe]
        n = p.window + p.recent
        if len(own) < n + 1 or not coin.book.ok:
            return None
        parts = []
        for name in FACTOR:
            other = view.coins.get(name)
            if other is None or other is coin:
                continue
            series = other.bars.series[timeframe]
            if len(series) > n and series.start_ms[-1] == own.start_ms[-1]:
                parts.append(log_returns(series.close, n))
        if not parts:
            return None
        x = [sum_in_order(column) / len(parts) for column in zip(*parts, strict=True)]
        y = log_returns(own.close, n)
        xx = sum_in_order(a * a for a in x[: p.window])
        if xx <= 0.0:
            return None
        beta = sum_in_order(a * b for a, b in zip(x[: p.window], y[: p.window], strict=True)) / xx
        rest = [b - beta * a for a, b in zip(x, y, strict=True)]
        deviation = sqrt(sum_in_order(e * e for e in rest[: p.window]) / p.window * p.recent)
        if deviation <= 1e-9:
            return None
        score = sum_in_order(rest[p.window :]) / deviation
        if abs(score) < p.entry:
            return None
        side = SELL if score > 0.0 else BUY
        unit = deviation * coin.book.mid
        return Signal(
            coin.name,
            side,
            min(1.0, abs(score) / (2.0 * p.entry)),
            plan(coin, side, stop=p.stop * unit, target=p.target * unit, horizon_s=p.horizon_s),
            f"moved {score:+.2f} deviations on its own over {p.recent} bars",
            {"score": score, "beta": beta, "deviation_bps": deviation * 1e4},
        )
