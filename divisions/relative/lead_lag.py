"""Lead–lag between BTC and the other coins."""

from __future__ import annotations

from math import log, sqrt
from typing import ClassVar

from msgspec import Struct

from divisions.bot import Bars, Bot, NoMemory, Positive, Seconds, plan
from market.coin import Coin
from market.decision import BUY, SELL, Signal
from market.view import View
from quant.sums import sum_in_order

LEADER = "BTC"


class Params(Struct, frozen=True, forbid_unknown_fields=True):
    """`window` of the beta in bars; `leader_move` and `gap` in standard deviations."""

    window: Bars = 60
    leader_move: Positive = 1.5
    gap: Positive = 1.0
    stop_vols: Positive = 3.0
    target_vols: Positive = 3.0
    horizon_s: Seconds = 300.0


class LeadLag(Bot[Params, NoMemory]):
    """Catch-up: when BTC has moved and a coin has not yet answered by its beta, expect the answer.

    beta = Σ x y / Σ x² of one-minute log returns (x BTC, y the coin) over `window` bars; gap =
    beta × last x − last y. A signal needs |last x| above `leader_move` of its deviations and
    |gap| above `gap` residual deviations. Idea: cross-asset information diffusion (Lo &
    MacKinlay 1990). Fails when the coin has its own reason to stay.
    """

    name = "lead_lag"
    division = "relative"
    admitted_as = "lead_lag"
    timeframes = ("1m",)
    warm_up = 62
    search: ClassVar[dict[str, tuple[float, ...]]] = {
        "window": (30, 60, 120),
        "leader_move": (1.0, 1.5, 2.0),
        "gap": (0.7, 1.0, 1.5),
    }
    params_type = Params

    def on_bar(self, memory: NoMemory, coin: Coin, view: View, timeframe: str) -> Signal | None:
        """Estimate beta on the bars before the last, then ask the last bar for its answer."""
        p = self.params
        leader = view.coins.get(LEADER)
        if leader is None or leader is coin or not coin.book.ok:
            return None
        ours, theirs = coin.bars.series[timeframe], leader.bars.series[timeframe]
        n = p.window + 1
        if len(ours) < n + 1 or len(theirs) < n + 1 or ours.start_ms[-1] != theirs.start_ms[-1]:
            return None
        y = [log(ours.close[i] / ours.close[i - 1]) for i in range(-n, 0)]
        x = [log(theirs.close[i] / theirs.close[i - 1]) for i in range(-n, 0)]
        xx = sum_in_order(v * v for v in x[:-1])
        if xx <= 0.0:
            return None
        beta = sum_in_order(a * b for a, b in zip(x[:-1], y[:-1], strict=True)) / xx
        residual = sum_in_order((b - beta * a) ** 2 for a, b in zip(x[:-1], y[:-1], strict=True))
        leader_sd, own_sd = sqrt(xx / p.window), sqrt(residual / p.window)
        gap = beta * x[-1] - y[-1]
        if own_sd <= 1e-9 or abs(x[-1]) < p.leader_move * leader_sd or abs(gap) < p.gap * own_sd:
            return None
        if gap * beta * x[-1] <= 0.0:
            return None
        side = BUY if gap > 0.0 else SELL
        unit = own_sd * coin.book.mid
        return Signal(
            coin.name,
            side,
            min(1.0, abs(gap) / (3.0 * p.gap * own_sd)),
            plan(
                coin,
                side,
                stop=p.stop_vols * unit,
                target=p.target_vols * unit,
                horizon_s=p.horizon_s,
            ),
            f"{LEADER} moved {x[-1] * 1e4:+.1f} bps, answer outstanding {gap * 1e4:+.1f} bps",
            {"beta": beta, "leader_bps": x[-1] * 1e4, "gap_bps": gap * 1e4},
        )
