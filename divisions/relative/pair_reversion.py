"""Mean reversion of cointegrated pairs."""

from __future__ import annotations

import itertools
from math import log
from typing import Annotated, ClassVar

from msgspec import Meta, Struct

from divisions.bot import Action, Bot, NoMemory, Positive, Seconds, plan
from divisions.features import line_fit, root_mean_square
from market.coin import Coin
from market.decision import BUY, SELL, ExitCall, Signal
from market.view import View

# The first of these that is not the coin itself is its partner.
PARTNERS = ("ETH", "BTC")


class Params(Struct, frozen=True, forbid_unknown_fields=True):
    """`window` in bars, `pull` a t value; `entry` and `stop` in deviations of the residual."""

    window: Annotated[int, Meta(ge=20, le=200)] = 96
    pull: Positive = 3.0
    entry: Positive = 1.8
    stop: Positive = 1.5
    horizon_s: Seconds = 14_400.0


class PairReversion(Bot[Params, NoMemory]):
    """Reversion to the price that a coin's partner implies, while the tie has held.

    log own = a + b log partner + e by least squares over `window` bars; e is tied when its changes
    depend on its level with a t value beyond −`pull` (Engle & Granger 1987; their 5 % bound is
    −3.3). A signal needs |e| above `entry` deviations; exit call when e crosses zero. Idea: pairs
    trading (Gatev, Goetzmann & Rouwenhorst 2006), here one leg only: the partner is not traded.
    Fails when the tie breaks, and, unhedged, when both move together.
    """

    name = "pair_reversion"
    division = "relative"
    admitted_as = "pair_reversion"
    timeframes = ("5m",)
    warm_up = 96
    search: ClassVar[dict[str, tuple[float, ...]]] = {
        "window": (60, 96, 120),
        "pull": (2.5, 3.0, 3.5),
        "entry": (1.5, 1.8, 2.3),
        "stop": (1.0, 1.5, 2.5),
    }
    params_type = Params

    def on_bar(self, memory: NoMemory, coin: Coin, view: View, timeframe: str) -> Action | None:
        """Fit the tie, look how far the coin is from it, then whether it holds."""
        p = self.params
        partner = view.coins.get(PARTNERS[0])
        if partner is coin:
            partner = view.coins.get(PARTNERS[1])
        if partner is None or not coin.book.ok:
            return None
        own, other = coin.bars.series[timeframe], partner.bars.series[timeframe]
        n = p.window
        if len(own) < n or len(other) < n or own.start_ms[-1] != other.start_ms[-1]:
            return None
        y, x = [log(c) for c in own.close[-n:]], [log(c) for c in other.close[-n:]]
        base, slope, _ = line_fit(x, y)
        e = [b - base - slope * a for a, b in zip(x, y, strict=True)]
        deviation = root_mean_square(e)
        if deviation <= 1e-9 or slope <= 0.0:
            return None
        if e[-1] * e[-2] < 0.0:
            side = BUY if e[-1] > 0.0 else SELL
            return ExitCall(coin.name, side, "back at what its partner implies")
        z = e[-1] / deviation
        if abs(z) < p.entry:
            return None
        _, _, pull = line_fit(e[:-1], [b - a for a, b in itertools.pairwise(e)])
        if pull > -p.pull:
            return None
        side = SELL if z > 0.0 else BUY
        unit = deviation * coin.book.mid
        return Signal(
            coin.name,
            side,
            min(1.0, abs(z) / (2.0 * p.entry)),
            plan(coin, side, stop=p.stop * unit, target=abs(z) * unit, horizon_s=p.horizon_s),
            f"{z:+.2f} deviations from what {partner.name} implies, tie t {pull:+.1f}",
            {"z": z, "beta": slope, "t": pull, "deviation_bps": deviation * 1e4},
        )
