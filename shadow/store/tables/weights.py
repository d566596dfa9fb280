"""Tables weight and return_day: weights of bots and divisions, and the returns they rest on."""

from __future__ import annotations

from typing import ClassVar

from shadow.store.tables.row import Row


class WeightRow(Row, frozen=True):
    """One name's weight from the UTC date `day` on, with the days and closed trades behind it."""

    table: ClassVar[str] = "weight"
    verb: ClassVar[str] = "INSERT OR IGNORE"

    day: str
    scope: str
    name: str
    weight: float
    sharpe: float | None
    reason: str
    days: int
    closed: int


class ReturnRow(Row, frozen=True):
    """A bot's return on `day`, in millionths of R, as known from the step of `known` on."""

    table: ClassVar[str] = "return_day"

    day: str
    known: str
    bot: str
    division: str
    r_e6: int
    closed: int


WEIGHTS_1 = """\
CREATE TABLE weight (
  day TEXT NOT NULL,
  scope TEXT NOT NULL CHECK (scope IN ('division', 'bot')),
  name TEXT NOT NULL,
  weight REAL NOT NULL,
  sharpe REAL,
  reason TEXT NOT NULL,
  PRIMARY KEY (day, scope, name)
) STRICT, WITHOUT ROWID;

"""

# Sums of a day's `return_day` over `known` are what `trade_day` makes of it.
WEIGHTS_3 = """
ALTER TABLE weight ADD COLUMN days INTEGER NOT NULL DEFAULT 0;

ALTER TABLE weight ADD COLUMN closed INTEGER NOT NULL DEFAULT 0;

CREATE TABLE return_day (
  day TEXT NOT NULL,
  known TEXT NOT NULL,
  bot TEXT NOT NULL,
  division TEXT NOT NULL,
  r_e6 INTEGER NOT NULL,
  closed INTEGER NOT NULL,
  PRIMARY KEY (day, known, bot)
) STRICT, WITHOUT ROWID;

"""

# Trades that lack a fact left the returns; before this day they counted.
WEIGHTS_9 = """
INSERT INTO about SELECT 'returns_sound_from',
  date(MAX(ts_ns) / 1000000000, 'unixepoch', '+1 day') FROM equity HAVING MAX(ts_ns) > 0;
"""
