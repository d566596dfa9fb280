"""Ornstein–Uhlenbeck reversion."""

from __future__ import annotations

import itertools
from math import log
from typing import Annotated, ClassVar

from msgspec import Meta, Struct

from divisions.bot import Bot, NoMemory, Positive, Seconds, plan
from divisions.features import line_fit, mean_and_deviation
from market.coin import Coin
from market.decision import BUY, SELL, Signal
from market.view import View

LN2 = 0.6931471805599453


class Params(Struct, frozen=True, forbid_unknown_fields=True):
    """`window` in bars, `pull` a t value; `entry` and `stop` in deviations of the log closes."""

    window: Annotated[int, Meta(ge=10, le=200)] = 60
    pull: Positive = 2.6
    entry: Positive = 1.5
    stop: Positive = 1.5
    horizon_s: Seconds = 14_400.0


class OuReversion(Bot[Params, NoMemory]):
    """Reversion to the mean, only where the recent past was really pulled towards it.

    Least squares of x(t+1) − x(t) on x(t), x log closes: the slope b must be negative with a t
    value beyond −`pull`; a random walk passes −2.9 one time in twenty (Dickey & Fuller 1979).
    Then a close more than `entry` deviations from the mean is faded with the mean as target, for
    four half-lives, ln 2 / −b bars each. Idea: Uhlenbeck & Ornstein 1930; Poterba & Summers 1988.
    Fails when the range breaks, at its edge, where it is always positioned.
    """

    name = "ou_reversion"
    division = "reversion"
    admitted_as = "ou_reversion"
    timeframes = ("5m",)
    warm_up = 61
    search: ClassVar[dict[str, tuple[float, ...]]] = {
        "window": (40, 60, 90),
        "pull": (2.2, 2.6, 3.0),
        "entry": (1.2, 1.5, 2.0),
        "stop": (1.0, 1.5, 2.5),
    }
    params_type = Params

    def on_bar(self, memory: NoMemory, coin: Coin, view: View, timeframe: str) -> Signal | None:
        """Ask for the distance first, which is cheap, then for the pull."""
        p = self.params
        close = coin.bars.series[timeframe].close
        if len(close) < p.window + 1 or not coin.book.ok:
            return None
        x = [log(value) for value in close[-p.window - 1 :]]
        mean, deviation = mean_and_deviation(x)
        if deviation <= 1e-9:
            return None
        z = (x[-1] - mean) / deviation
        if abs(z) < p.entry:
            return None
        _, slope, t = line_fit(x[:-1], [b - a for a, b in itertools.pairwise(x)])
        if t > -p.pull:
            return None
        half_life = LN2 / -slope
        side = SELL if z > 0.0 else BUY
        unit = deviation * coin.book.mid
        bar_s = coin.bars.series[timeframe].step_ms / 1_000
        return Signal(
            coin.name,
            side,
            min(1.0, abs(z) / (2.0 * p.entry)),
            plan(
                coin,
                side,
                stop=p.stop * unit,
                target=abs(z) * unit,
                horizon_s=min(p.horizon_s, (1.0 + 4.0 * half_life) * bar_s),
            ),
            f"{z:+.2f} deviations from a mean that pulls with t {t:+.1f}",
            {"z": z, "t": t, "half_life_bars": half_life},
        )
