"""Tables branch, branch_day and branch_trade: desks beside the main one that differ in a limit."""

from __future__ import annotations

from typing import ClassVar

from shadow.store.tables.row import Row, Update


class BranchRow(Row, frozen=True):
    """A branch as it is forked from the main desk, and why; of no filter where that is empty."""

    table: ClassVar[str] = "branch"

    branch_id: int
    filter: str
    kind: str
    series_id: str
    forked_ns: int
    why: str


class BranchEnd(Update, frozen=True):
    """End of a branch; why it ended is put behind why it began."""

    table: ClassVar[str] = "branch"

    ended_ns: int
    why: str
    branch_id: int

    @classmethod
    def statement(cls) -> str:
        """Return the SQL that ends one branch; its parameters are the fields in their order."""
        return "UPDATE branch SET ended_ns=?, why=why || ' | ' || ? WHERE branch_id=?"


class BranchDayRow(Row, frozen=True):
    """What two desks that differ in a limit made of one UTC day.

    `with_e6` and `without_e6` are their changes of equity, the same in R where what R is worth is
    known; `trades`, `drawdown_e6` and `latches` are the branch's own, `repaired` of them were.
    """

    table: ClassVar[str] = "branch_day"

    day: str
    branch_id: int
    filter: str
    series_id: str
    with_r: float | None
    without_r: float | None
    with_e6: int
    without_e6: int
    trades: int
    drawdown_e6: int
    latches: int
    run_fraction: float
    repaired: int


class BranchTradeRow(Row, frozen=True):
    """A closed trade of a branch; no `signal_id` where the main desk wrote no signal then."""

    table: ClassVar[str] = "branch_trade"

    trade_id: int
    branch_id: int
    signal_id: int | None
    bot: str
    division: str
    coin: str
    side: str
    qty_lots: int
    decided_ns: int
    opened_ns: int
    closed_ns: int
    entry_px: float
    exit_px: float
    entry_notional_e6: int
    gross_e6: int
    fees_e6: int
    funding_e6: int
    net_e6: int
    risk_e6: int
    r: float
    exit_reason: str
    flags: str


BRANCHES_9 = """\
CREATE TABLE branch (
  branch_id INTEGER PRIMARY KEY,
  filter TEXT NOT NULL,
  kind TEXT NOT NULL,
  series_id TEXT NOT NULL,
  forked_ns INTEGER NOT NULL,
  ended_ns INTEGER,
  why TEXT NOT NULL
) STRICT;

CREATE TABLE branch_day (
  day TEXT NOT NULL,
  branch_id INTEGER NOT NULL,
  filter TEXT NOT NULL,
  series_id TEXT NOT NULL,
  with_r REAL,
  without_r REAL,
  with_e6 INTEGER NOT NULL,
  without_e6 INTEGER NOT NULL,
  trades INTEGER NOT NULL,
  drawdown_e6 INTEGER NOT NULL,
  latches INTEGER NOT NULL,
  run_fraction REAL NOT NULL,
  repaired INTEGER NOT NULL,
  PRIMARY KEY (day, branch_id)
) STRICT, WITHOUT ROWID;

CREATE TABLE branch_trade (
  trade_id INTEGER PRIMARY KEY,
  branch_id INTEGER NOT NULL,
  signal_id INTEGER,
  bot TEXT NOT NULL,
  division TEXT NOT NULL,
  coin TEXT NOT NULL,
  side TEXT NOT NULL CHECK (side IN ('buy', 'sell')),
  qty_lots INTEGER NOT NULL,
  decided_ns INTEGER NOT NULL,
  opened_ns INTEGER NOT NULL,
  closed_ns INTEGER NOT NULL,
  entry_px REAL NOT NULL,
  exit_px REAL NOT NULL,
  entry_notional_e6 INTEGER NOT NULL,
  gross_e6 INTEGER NOT NULL,
  fees_e6 INTEGER NOT NULL,
  funding_e6 INTEGER NOT NULL,
  net_e6 INTEGER NOT NULL,
  risk_e6 INTEGER NOT NULL,
  r REAL NOT NULL,
  exit_reason TEXT NOT NULL,
  flags TEXT NOT NULL
) STRICT;
CREATE INDEX branch_trade_by_close ON branch_trade (closed_ns);
"""
