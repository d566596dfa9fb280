"""Signals and money by filter, and what the head of a report says, from daily sums alone."""

from __future__ import annotations

import sqlite3

from msgspec import Struct, field

from shadow.store.query import open_by_limit

SCOPES = ("sole", "shared", "fail_closed")

_SUMS = """
SELECT filter, mode, scope, SUM(signals), SUM(entries), SUM(bps), SUM(net_e6), MAX(day)
FROM rollup_day WHERE day >= ? AND filter <> '' AND mode IN ('enforce', 'observe')
GROUP BY filter, mode, scope
"""

_LEFT_OUT = """
SELECT filter, scope, SUM(entries) FROM rollup_day WHERE mode = 'left_out' AND day >= ?
GROUP BY filter, scope
"""


class Counts(Struct):
    """What a filter refused, what of that has no outcome, and what the rest would have earned.

    `mode` is that of the newest day. `left_out` is by reason, `beside` by the other limit.
    """

    mode: str = ""
    day: str = ""
    sole: int = 0
    shared: int = 0
    fail_closed: int = 0
    entries: int = 0
    bps: float = 0.0
    net_e6: int = 0
    clamped_e6: int = 0
    left_out: dict[str, int] = field(default_factory=dict)
    beside: dict[str, int] = field(default_factory=dict)

    @property
    def companion(self) -> str:
        """The limit that most often refused the same signals, "" where none did."""
        return max(sorted(self.beside), key=self.beside.__getitem__, default="")


def counts(db: sqlite3.Connection, since: str) -> dict[str, Counts]:
    """Return the counts of every filter from a UTC day on."""
    found: dict[str, Counts] = {}
    for name, mode, scope, signals, entries, bps, net_e6, day in db.execute(_SUMS, (since,)):
        one = found.setdefault(name, Counts())
        if day > one.day:
            one.mode, one.day = mode, day
        if scope in SCOPES:
            setattr(one, scope, getattr(one, scope) + signals)
        if scope == "sole":
            one.entries += entries
            one.bps += bps
            one.net_e6 += net_e6
        elif scope == "clamped":
            one.clamped_e6 += net_e6
    for name, reason, count in db.execute(_LEFT_OUT, (since,)):
        one = found.setdefault(name, Counts())
        if reason.startswith("joint:"):
            one.beside[reason.removeprefix("joint:")] = count
        else:
            one.left_out[reason] = count
    for name, count in open_by_limit(db).items():
        found.setdefault(name, Counts()).left_out["open"] = count
    return found
