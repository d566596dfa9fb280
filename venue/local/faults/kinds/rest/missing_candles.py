"""Fault: a reply of candles without its recent minutes, which a later reply tells of.

Reported by clients of the venue: a minute in which nobody traded may be left out for a while.
"""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta

from venue.local.faults.asked import Asked, Reply
from venue.local.faults.fault import Fault, Moment, described

Rows = Annotated[int, Meta(ge=1, le=100)]


class MissingCandles(Fault, frozen=True):
    """Missing candles: the newest `rows` closed ones are left out.

    Without `traded` only those in which nobody traded; with `running` the candle that has
    not ended is left out too.
    """

    name = "missing_candles"
    does = "leaves the newest closed rows out of candles"
    requests = frozenset(("candleSnapshot",))

    rows: Rows = 1
    traded: Annotated[bool, described("false: only rows without trades")] = True
    running: bool = False

    def after(self, asked: Asked, reply: Reply, moment: Moment) -> Reply:
        """Leave rows out of a reply."""
        data = reply.data()
        if not isinstance(data, list) or len(data) <= self.rows + 1:
            return reply
        *closed, running = data
        recent = [row for row in closed[-self.rows :] if row["n"] and not self.traded]
        kept = [*closed[: -self.rows], *recent]
        return reply.saying(kept if self.running else [*kept, running])
