"""Timetable: what is due by the second, at a bar's close, on the hour and at 00:00 UTC.

Time is an event: the receive time of whatever came last. Nothing here reads a clock. Bars, hours
and days end when they do at the venue, whatever our own clock says.
"""

from __future__ import annotations

from daemon.engine.desks import Desks
from daemon.engine.market_half import MarketHalf
from daemon.engine.outcome import Outbox
from daemon.engine.series.book import SeriesBook
from daemon.engine.weighing import Weighing
from market.events import (
    MS_PER_DAY,
    MS_PER_HOUR,
    MS_PER_MINUTE,
    NS_PER_DAY,
    NS_PER_HOUR,
    NS_PER_MS,
)

# Prints come up to half a second after their venue time; a bar waits for them before it closes.
BAR_GRACE_MS = 500
# Hours further back than a year are not walked through one by one.
WALK_NS_MAX = 366 * NS_PER_DAY


class Timetable:
    """Periodic work of market half, desk and weights."""

    def __init__(
        self,
        market: MarketHalf,
        desks: Desks,
        weighing: Weighing,
        series: SeriesBook,
        out: Outbox,
    ) -> None:
        self._market = market
        self._desks = desks
        self._weighing = weighing
        self._series = series
        self._out = out

    def on_second(self) -> None:
        """Close bars that are due, then let a second pass for lenses and desk."""
        vitals = self._out.vitals
        now_ms = self._out.venue_ms
        if now_ms >= vitals.next_close_ms:
            vitals.next_close_ms = (now_ms - BAR_GRACE_MS) // MS_PER_MINUTE * MS_PER_MINUTE
            vitals.next_close_ms += MS_PER_MINUTE + BAR_GRACE_MS
            self._market.close_bars(now_ms - BAR_GRACE_MS)
            self._desks.on_minute()
        self._market.lenses.on_second(now_ms)
        self._market.learn_books()
        self._desks.on_second()
        self._series.on_second(self._desks.main.desk)
        news = self._desks.main.view.clock.news(vitals.now_ns)
        if news:
            self._out.alarm("clock", news)

    def roll(self) -> None:
        """Settle every hour that ended since the last event, and the days among them."""
        self._settle_hours()
        self._weighing.enrol(self._market.heard_bots(), self._out.venue_ms)

    def _settle_hours(self) -> None:
        vitals, desks = self._out.vitals, self._desks
        now_ns = vitals.venue_ns
        desks.suspend_stale()
        if not vitals.next_hour_ns:
            today_ms = now_ns // NS_PER_MS // MS_PER_DAY * MS_PER_DAY
            if not desks.main.desk.day_ms:
                desks.main.desk.day_ms = today_ms
                self._out.touch("desk")
            vitals.next_hour_ns = now_ns // NS_PER_HOUR * NS_PER_HOUR + NS_PER_HOUR
            if desks.main.desk.day_ms == today_ms:
                return
        vitals.next_hour_ns = max(vitals.next_hour_ns, _first_hour_ns(now_ns))
        while vitals.next_hour_ns <= now_ns:
            hour_ms = vitals.next_hour_ns // NS_PER_MS
            desks.on_hour(hour_ms)
            if hour_ms % MS_PER_DAY == 0:
                self._weighing.step(hour_ms)
            vitals.next_hour_ns += MS_PER_HOUR * NS_PER_MS
        desks.begin_day(now_ns // NS_PER_DAY * MS_PER_DAY)
        self._series.end_day(now_ns // NS_PER_DAY * MS_PER_DAY)


def _first_hour_ns(now_ns: int) -> int:
    """Return the oldest hour that is still settled."""
    return (now_ns - WALK_NS_MAX) // NS_PER_HOUR * NS_PER_HOUR
