"""Tables limit_day and final_day: what a limit judged and blocked, by the day it counts on."""

from __future__ import annotations

from collections.abc import Iterator
from typing import ClassVar

from msgspec import Struct

from shadow.store.tables.row import Row


class LimitDayRow(Row, frozen=True):
    """Outcomes to add to a day of one series, bot and sample (`clean` or `repaired`).

    `judged` counts trades that the limit answered for and no other enforced one refused,
    `blocked` those of them it refused, both with the sum of their net R; `best_r` and `worst_r`
    are the extremes of a single trade.
    """

    table: ClassVar[str] = "limit_day"
    clash: ClassVar[str] = """ON CONFLICT DO UPDATE SET judged = judged + excluded.judged,
  judged_r = judged_r + excluded.judged_r, blocked = blocked + excluded.blocked,
  blocked_r = blocked_r + excluded.blocked_r, best_r = MAX(best_r, excluded.best_r),
  worst_r = MIN(worst_r, excluded.worst_r)"""

    day: str
    filter: str
    series_id: str
    bot: str
    sample: str
    judged: int
    judged_r: float
    blocked: int
    blocked_r: float
    best_r: float
    worst_r: float


class MatchedDayRow(LimitDayRow, frozen=True):
    """The same of the plain limit that a limit is held against: it blocks the wildest as often.

    It judges what the limit judged, once it knows enough of earlier days.
    """

    table: ClassVar[str] = "matched_day"


class LimitShift(Struct, array_like=True, frozen=True, gc=False):
    """A move of what a series has on days from `from_day` until before `to_day` to that day."""

    filter: str
    series_id: str
    from_day: str
    to_day: str

    def statements(self) -> Iterator[tuple[str, tuple[str, ...]]]:
        """Yield the SQL that moves the rows, with its parameters."""
        where = "WHERE filter = ? AND series_id = ? AND day >= ? AND day < ?"
        kept = ", ".join(name for name in LimitDayRow.__struct_fields__ if name != "day")
        which = (self.filter, self.series_id, self.from_day, self.to_day)
        for kind in (LimitDayRow, MatchedDayRow):
            yield (
                f"INSERT INTO {kind.table} (day, {kept}) SELECT ?, {kept} FROM {kind.table}"
                f" {where} {kind.clash}",
                (self.to_day, *which),
            )
            yield f"DELETE FROM {kind.table} {where}", which


class FinalDayRow(Row, frozen=True):
    """The UTC day on which a trade's outcome became final, where that is after its close."""

    table: ClassVar[str] = "final_day"

    trade_id: int
    day: str


LIMITS_9 = """\
CREATE TABLE limit_day (
  day TEXT NOT NULL,
  filter TEXT NOT NULL,
  series_id TEXT NOT NULL,
  bot TEXT NOT NULL,
  sample TEXT NOT NULL CHECK (sample IN ('clean', 'repaired')),
  judged INTEGER NOT NULL,
  judged_r REAL NOT NULL,
  blocked INTEGER NOT NULL,
  blocked_r REAL NOT NULL,
  best_r REAL NOT NULL,
  worst_r REAL NOT NULL,
  PRIMARY KEY (filter, series_id, day, bot, sample)
) STRICT, WITHOUT ROWID;

CREATE TABLE matched_day (
  day TEXT NOT NULL,
  filter TEXT NOT NULL,
  series_id TEXT NOT NULL,
  bot TEXT NOT NULL,
  sample TEXT NOT NULL CHECK (sample IN ('clean', 'repaired')),
  judged INTEGER NOT NULL,
  judged_r REAL NOT NULL,
  blocked INTEGER NOT NULL,
  blocked_r REAL NOT NULL,
  best_r REAL NOT NULL,
  worst_r REAL NOT NULL,
  PRIMARY KEY (filter, series_id, day, bot, sample)
) STRICT, WITHOUT ROWID;

CREATE TABLE final_day (
  trade_id INTEGER PRIMARY KEY,
  day TEXT NOT NULL
) STRICT;

"""
