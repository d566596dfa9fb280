"""Fade of RSI extremes."""

from __future__ import annotations

import itertools
from typing import Annotated, ClassVar

from msgspec import Meta, Struct

from divisions.bot import Action, Bars, Bot, NoMemory, Positive, Seconds, plan
from divisions.features import true_range_mean
from market.coin import Coin
from market.decision import BUY, SELL, ExitCall, Signal
from market.view import View
from quant.sums import sum_in_order


class Params(Struct, frozen=True, forbid_unknown_fields=True):
    """`window` in bars, `edge` the share of gains that is too much; distances in true ranges."""

    window: Bars = 14
    edge: Annotated[float, Meta(gt=0.5, lt=1.0)] = 0.8
    stop_ranges: Positive = 2.5
    target_ranges: Positive = 3.0
    horizon_s: Seconds = 5_400.0


class RsiFade(Bot[Params, NoMemory]):
    """Fade: sell when nearly all of the recent movement was up, buy when nearly all was down.

    strength = Σ gains / (Σ gains + Σ losses) over `window` closes, plain sums; beyond `edge` sell,
    below 1 − `edge` buy; exit call when it passes one half. Source: J. W. Wilder's relative
    strength index (1978, "New Concepts in Technical Trading Systems"). Fails in trends, where
    strength stays at its edge.
    """

    name = "rsi_fade"
    division = "reversion"
    admitted_as = "rsi_fade"
    timeframes = ("5m",)
    warm_up = 16
    search: ClassVar[dict[str, tuple[float, ...]]] = {
        "window": (7, 14, 21),
        "edge": (0.7, 0.75, 0.8, 0.85),
        "stop_ranges": (1.5, 2.5, 4.0),
        "target_ranges": (2.0, 3.0, 4.0),
    }
    params_type = Params

    def on_bar(self, memory: NoMemory, coin: Coin, view: View, timeframe: str) -> Action | None:
        """Weigh gains against losses, now and one bar ago."""
        p = self.params
        series = coin.bars.series[timeframe]
        if len(series) < p.window + 2 or not coin.book.ok:
            return None
        close = series.close[-p.window - 2 :]
        changes = [b - a for a, b in itertools.pairwise(close)]
        strength, before = _strength(changes[1:]), _strength(changes[:-1])
        if (strength - 0.5) * (before - 0.5) < 0.0:
            side = BUY if strength > 0.5 else SELL
            return ExitCall(coin.name, side, "gains and losses are even again")
        if 1.0 - p.edge < strength < p.edge:
            return None
        side = SELL if strength > 0.5 else BUY
        unit = true_range_mean(series, p.window)
        return Signal(
            coin.name,
            side,
            min(1.0, abs(strength - 0.5) + 0.25),
            plan(
                coin,
                side,
                stop=p.stop_ranges * unit,
                target=p.target_ranges * unit,
                horizon_s=p.horizon_s,
            ),
            f"gains are {strength:.0%} of the movement of {p.window} bars",
            {"strength": strength, "range": unit},
        )


def _strength(changes: list[float]) -> float:
    """Return the share of gains; one half when nothing moved."""
    gains = sum_in_order(c for c in changes if c > 0.0)
    moved = sum_in_order(abs(c) for c in changes)
    return gains / moved if moved > 0.0 else 0.5
