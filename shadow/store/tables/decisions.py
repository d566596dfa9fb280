"""Tables signal and check_result: each judged signal, and what each filter said of it."""

from __future__ import annotations

from operator import attrgetter
from typing import ClassVar

from shadow.store.tables.row import Row

# What a signal's row holds beside the columns of its table; it is kept compressed.
APART = ("saw", "book", "ages", "sizing", "vote")
PASSED = "pass"


class SignalRow(Row, frozen=True):
    """A signal with everything that was known when it was judged.

    Sizes in lots, money in micro-USDC, prices in USD, times in UTC nanoseconds. `clamps`, `saw`,
    `book`, `ages`, `sizing` and `vote` are JSON; `failing` is joined by commas.
    """

    table: ClassVar[str] = "signal"

    signal_id: int
    seq: int
    ts_ns: int
    bot: str
    division: str
    coin: str
    side: str
    conviction: float
    verdict: str
    failing: str
    sole: str
    fail_closed: int
    trade_id: int | None
    requested_lots: int
    lots: int
    notional_e6: int
    clamps: str
    mid: float
    stop_px: float
    target_px: float | None
    trail: float | None
    horizon_ns: int
    reason: str
    saw: str
    book: str
    ages: str
    config_hash: str
    policy_hash: str
    sizing: str
    vote: str

    @classmethod
    def statement(cls) -> str:
        """Return the SQL that writes one row without what is kept apart (see `STORED`)."""
        names = [name for name in cls.__struct_fields__ if name not in APART]
        return f"INSERT INTO signal ({', '.join(names)}) VALUES ({','.join('?' * len(names))})"


STORED = attrgetter(*(name for name in SignalRow.__struct_fields__ if name not in APART))


class CheckRow(Row, frozen=True):
    """One filter's check of one signal: pass, fail or no_data, with value and threshold.

    The table keeps those that did not pass; the others are kept compressed.
    """

    table: ClassVar[str] = "check_result"

    signal_id: int
    filter: str
    mode: str
    outcome: str
    value: float | None
    threshold: float | None
    reason: str
    version: int


DECISIONS_1 = """\
CREATE TABLE signal (
  signal_id INTEGER PRIMARY KEY,
  seq INTEGER NOT NULL,
  ts_ns INTEGER NOT NULL,
  bot TEXT NOT NULL,
  division TEXT NOT NULL,
  coin TEXT NOT NULL,
  side TEXT NOT NULL CHECK (side IN ('buy', 'sell')),
  conviction REAL NOT NULL,
  verdict TEXT NOT NULL CHECK (verdict IN ('admitted', 'blocked')),
  failing TEXT NOT NULL,
  sole TEXT NOT NULL,
  fail_closed INTEGER NOT NULL,
  trade_id INTEGER,
  requested_lots INTEGER NOT NULL,
  lots INTEGER NOT NULL,
  notional_e6 INTEGER NOT NULL,
  clamps TEXT NOT NULL,
  mid REAL NOT NULL,
  stop_px REAL NOT NULL,
  target_px REAL,
  trail REAL,
  horizon_ns INTEGER NOT NULL,
  reason TEXT NOT NULL,
  saw TEXT NOT NULL,
  book TEXT NOT NULL,
  ages TEXT NOT NULL,
  config_hash TEXT NOT NULL,
  policy_hash TEXT NOT NULL
) STRICT;
CREATE INDEX signal_by_time ON signal (ts_ns);
CREATE INDEX signal_by_trade ON signal (trade_id);

CREATE TABLE check_result (
  signal_id INTEGER NOT NULL,
  filter TEXT NOT NULL,
  mode TEXT NOT NULL,
  outcome TEXT NOT NULL CHECK (outcome IN ('pass', 'fail', 'no_data')),
  value REAL,
  threshold REAL,
  reason TEXT NOT NULL,
  version INTEGER NOT NULL,
  PRIMARY KEY (signal_id, filter)
) STRICT, WITHOUT ROWID;

"""

DECISIONS_3 = """\
ALTER TABLE signal ADD COLUMN sizing TEXT NOT NULL DEFAULT '{}';

ALTER TABLE signal ADD COLUMN vote TEXT NOT NULL DEFAULT '{}';

"""

# Only for a file without signals: one that has some is written anew (`shadow.store.rebuild`).
DECISIONS_5 = """\
DROP VIEW blocked;

DROP TABLE signal;

CREATE TABLE signal (
  signal_id INTEGER PRIMARY KEY,
  seq INTEGER NOT NULL,
  ts_ns INTEGER NOT NULL,
  bot TEXT NOT NULL,
  division TEXT NOT NULL,
  coin TEXT NOT NULL,
  side TEXT NOT NULL CHECK (side IN ('buy', 'sell')),
  conviction REAL NOT NULL,
  verdict TEXT NOT NULL CHECK (verdict IN ('admitted', 'blocked')),
  failing TEXT NOT NULL,
  sole TEXT NOT NULL,
  fail_closed INTEGER NOT NULL,
  trade_id INTEGER,
  requested_lots INTEGER NOT NULL,
  lots INTEGER NOT NULL,
  notional_e6 INTEGER NOT NULL,
  clamps TEXT NOT NULL,
  mid REAL NOT NULL,
  stop_px REAL NOT NULL,
  target_px REAL,
  trail REAL,
  horizon_ns INTEGER NOT NULL,
  reason TEXT NOT NULL,
  config_hash TEXT NOT NULL,
  policy_hash TEXT NOT NULL
) STRICT;
CREATE INDEX signal_by_time ON signal (ts_ns);
CREATE INDEX signal_by_trade ON signal (trade_id);

"""
