"""Crossover of two exponential moving averages."""

from __future__ import annotations

from typing import ClassVar

from msgspec import Struct

from divisions.bot import Action, Bars, Bot, Positive, Seconds, less, plan
from market.coin import Coin
from market.decision import BUY, SELL, ExitCall, Signal
from market.view import View


class Params(Struct, frozen=True, forbid_unknown_fields=True):
    """`fast` and `slow` in bars; `gap_vols` and `stop_vols` in one-minute volatilities."""

    fast: Bars = 8
    slow: Bars = 34
    gap_vols: Positive = 0.6
    stop_vols: Positive = 6.0
    horizon_s: Seconds = 3_600.0

    def __post_init__(self) -> None:
        """Refuse what never speaks."""
        less(self, "fast", "slow")


class Memory(Struct):
    """Both averages in USD, how many bars they hold, and the newest bar they hold."""

    fast: float = 0.0
    slow: float = 0.0
    seen: int = 0
    start_ms: int = 0


class EmaCross(Bot[Params, Memory]):
    """Trend following while the fast average leads the slow one by more than noise would.

    Signal: |fast − slow| > gap_vols × one-minute volatility in USD, on the side of the fast one;
    exit call when they cross back. Idea: moving-average crossover (Brock, Lakonishok & LeBaron
    1992). Fails when the market turns faster than the slow average, and pays fees on every turn.
    """

    name = "ema_cross"
    division = "trend"
    admitted_as = "ema_cross"
    timeframes = ("1m",)
    warm_up = 35
    search: ClassVar[dict[str, tuple[float, ...]]] = {
        "fast": (5, 8, 12),
        "slow": (21, 34, 55),
        "gap_vols": (0.3, 0.6, 1.0),
        "stop_vols": (4.0, 6.0, 8.0),
    }
    params_type = Params
    memory_type = Memory

    def on_bar(self, memory: Memory, coin: Coin, view: View, timeframe: str) -> Action | None:
        """Advance both averages by the bars not seen yet, then compare them."""
        p = self.params
        series = coin.bars.series[timeframe]
        before = memory.fast - memory.slow
        self._advance(memory, series.close, series.start_ms, series.step_ms)
        if memory.seen <= p.slow or not coin.book.ok:
            return None
        gap = memory.fast - memory.slow
        side = BUY if gap > 0.0 else SELL
        if before * gap < 0.0:
            return ExitCall(coin.name, -side, "averages crossed back")
        unit = coin.minute_move()
        if abs(gap) < p.gap_vols * unit:
            return None
        return Signal(
            coin.name,
            side,
            min(1.0, abs(gap) / (4.0 * p.gap_vols * unit) + 0.25),
            plan(coin, side, stop=p.stop_vols * unit, horizon_s=p.horizon_s),
            f"fast EMA {abs(gap) / unit:.1f}σ {'above' if side == BUY else 'below'} slow EMA",
            {"fast": memory.fast, "slow": memory.slow, "vol_1m": unit},
        )

    def _advance(
        self, memory: Memory, close: list[float], start_ms: list[int], step_ms: int
    ) -> None:
        p = self.params
        if not start_ms:
            return
        behind = (start_ms[-1] - memory.start_ms) // step_ms if memory.start_ms else len(close)
        if behind >= len(close) or behind < 0:
            # A restarted series or fresh history: begin again from its first bar.
            memory.fast = memory.slow = close[0]
            memory.seen = 1
            behind = len(close) - 1
        for value in close[len(close) - behind :]:
            memory.fast += (value - memory.fast) * 2.0 / (p.fast + 1)
            memory.slow += (value - memory.slow) * 2.0 / (p.slow + 1)
            memory.seen += 1
        memory.start_ms = start_ms[-1]
