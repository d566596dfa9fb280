"""Tables limit_fold and choice_day: what the day rows of a series come to, read once for good."""

from __future__ import annotations

from typing import ClassVar

from shadow.store.tables.row import Row


class LimitFoldRow(Row, frozen=True):
    """The sums of a series up to the end of `day`, as JSON, under a version of the rule.

    `sample` is `all`, `clean` without what was repaired, or `matched` of the plain limit that it is
    held against. It can be made again from `limit_day`
    at any time and is none of what a run decides.
    """

    table: ClassVar[str] = "limit_fold"
    verb: ClassVar[str] = "INSERT OR REPLACE"

    filter: str
    series_id: str
    sample: str
    day: str
    rule: int
    fold: str


class ChoiceDayRow(Row, frozen=True):
    """What a day of a series came to under a version of the rule: a part of its fold."""

    table: ClassVar[str] = "choice_day"
    verb: ClassVar[str] = "INSERT OR REPLACE"

    filter: str
    series_id: str
    sample: str
    rule: int
    day: str
    u: float
    h: float
    slow_u: float
    slow_h: float
    judged: int
    judged_r: float
    blocked: int
    blocked_r: float


FOLDS_9 = """\
CREATE TABLE limit_fold (
  filter TEXT NOT NULL,
  series_id TEXT NOT NULL,
  sample TEXT NOT NULL CHECK (sample IN ('all', 'clean', 'matched')),
  day TEXT NOT NULL,
  rule INTEGER NOT NULL,
  fold TEXT NOT NULL,
  PRIMARY KEY (filter, series_id, sample)
) STRICT, WITHOUT ROWID;

"""

FOLDS_10 = """\
CREATE TABLE choice_day (
  filter TEXT NOT NULL,
  series_id TEXT NOT NULL,
  sample TEXT NOT NULL CHECK (sample IN ('all', 'matched')),
  rule INTEGER NOT NULL,
  day TEXT NOT NULL,
  u REAL NOT NULL,
  h REAL NOT NULL,
  slow_u REAL NOT NULL,
  slow_h REAL NOT NULL,
  judged INTEGER NOT NULL,
  judged_r REAL NOT NULL,
  blocked INTEGER NOT NULL,
  blocked_r REAL NOT NULL,
  PRIMARY KEY (filter, series_id, sample, rule, day)
) STRICT, WITHOUT ROWID;

"""
