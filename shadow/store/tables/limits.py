"""Table limit_day: what a limit judged and blocked, by the day its outcome was booked on."""

from __future__ import annotations

from typing import ClassVar

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

"""
