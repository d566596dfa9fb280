"""Table limit_fold: what the day rows of a series come to, so that years of them are read once."""

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
