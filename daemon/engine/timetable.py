"""Timetable: what is due by the second, at a bar's close, on the hour and at 00:00 UTC.

Time is an event: the receive time of whatever came last. Nothing here reads a clock.
"""

from __future__ import annotations

from daemon.engine.branch import Branch
from daemon.engine.market_half import MarketHalf
from daemon.engine.outcome import Outbox
from daemon.engine.weighing import Weighing
from market.events import MS_PER_DAY, MS_PER_HOUR, MS_PER_MINUTE, NS_PER_HOUR, NS_PER_MS

# Prints come up to half a second after their venue time; a bar waits for them before it closes.
BAR_GRACE_MS = 500


class Timetable:
    """Periodic work of market half, desk and weights."""

    def __init__(self, market: MarketHalf, branch: Branch, weighing: Weighing, out: Outbox) -> None:
        self._market = market
        self._branch = branch
        self._weighing = weighing
        self._out = out

    def on_second(self) -> None:
        """Close bars that are due, then let a second pass for lenses and desk."""
        vitals = self._out.vitals
        now_ms = vitals.now_ns // NS_PER_MS
        if now_ms >= vitals.next_close_ms:
            vitals.next_close_ms = (now_ms - BAR_GRACE_MS) // MS_PER_MINUTE * MS_PER_MINUTE
            vitals.next_close_ms += MS_PER_MINUTE + BAR_GRACE_MS
            self._market.close_bars(now_ms - BAR_GRACE_MS)
            self._branch.on_minute()
        self._market.lenses.on_second(now_ms)
        self._market.learn_books()
        self._branch.on_second()

    def roll(self) -> None:
        """Settle every hour that ended since the last event, and the days among them."""
        self._settle_hours()
        self._weighing.enrol(self._market.heard_bots(), self._out.now_ns // NS_PER_MS)

    def _settle_hours(self) -> None:
        vitals, branch = self._out.vitals, self._branch
        now_ns = vitals.now_ns
        branch.suspend_stale()
        if not vitals.next_hour_ns:
            today_ms = now_ns // NS_PER_MS // MS_PER_DAY * MS_PER_DAY
            branch.desk.day_ms = branch.desk.day_ms or today_ms
            vitals.next_hour_ns = now_ns // NS_PER_HOUR * NS_PER_HOUR + NS_PER_HOUR
            if branch.desk.day_ms == today_ms:
                return
        while vitals.next_hour_ns <= now_ns:
            hour_ms = vitals.next_hour_ns // NS_PER_MS
            branch.on_hour(hour_ms)
            if hour_ms % MS_PER_DAY == 0:
                self._weighing.step(hour_ms)
            vitals.next_hour_ns += MS_PER_HOUR * NS_PER_MS
        branch.begin_day()
