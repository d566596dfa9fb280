"""Taken against blocked: what both have made, day by day, summed up."""

from __future__ import annotations

from collections import defaultdict
from itertools import accumulate
from sqlite3 import Connection

from msgspec import Struct

_TAKEN = "SELECT day, SUM(net_e6) FROM shortfall_day GROUP BY day"
_ANY = """
SELECT day, SUM(net_e6) FROM slice_day
WHERE (by, scope) = ('division', 'blocked') AND entries > 0 GROUP BY day
"""
# Phantoms by their days' marks; an episode of one limit alone.
_BY = """
SELECT filter, day, SUM(net_e6) FROM rollup_day WHERE scope = 'sole' AND mode <> 'stage'
GROUP BY filter, day
"""


class BlockedPanel(Struct):
    """USD summed up over `days`: of the trades taken, of what any limit blocked, and by limit.

    The first two count on the day of the close; a limit's own, of signals that it alone blocked,
    by what phantoms made each day.
    """

    days: list[str]
    taken: list[float]
    any: list[float]
    by: dict[str, list[float]]


def blocked_panel(db: Connection) -> BlockedPanel:
    """Return the lines over all days on which anything was booked."""
    taken, blocked = dict(db.execute(_TAKEN).fetchall()), dict(db.execute(_ANY).fetchall())
    by: dict[str, dict[str, int]] = defaultdict(dict)
    for name, day, e6 in db.execute(_BY):
        by[name][day] = e6
    days = sorted({*taken, *blocked, *(day for found in by.values() for day in found)})

    def line(found: dict[str, int]) -> list[float]:
        return [e6 / 1e6 for e6 in accumulate(found.get(day, 0) for day in days)]

    return BlockedPanel(
        days, line(taken), line(blocked), {name: line(by[name]) for name in sorted(by)}
    )
