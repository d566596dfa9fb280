"""Tables trade, fill, order_event and trade_day: what became of decisions."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

from shadow.ledger.trade import EXCLUDING
from shadow.store.tables.row import Row, Update


def sound(trade: str) -> str:
    """Return the SQL condition that no flag keeps a trade (an alias of its table) from verdicts.

    It also holds of a trade that a LEFT JOIN did not find.
    """
    flags = f"COALESCE({trade}.flags, '')"
    return "(" + " AND ".join(f"{flags} NOT LIKE '%{name}%'" for name in EXCLUDING) + ")"


class TradeRow(Row, frozen=True):
    """A trade, twin or phantom as its entry order is sent; its money is unknown."""

    table: ClassVar[str] = "trade"
    constants: ClassVar[Mapping[str, str]] = {"qty_lots": "0", "repeats": "0", "flags": "''"}

    trade_id: int
    kind: str
    cause: str
    status: str
    signal_id: int
    bot: str
    division: str
    coin: str
    side: str
    asked_lots: int
    decided_ns: int
    decision_mid: float
    trial_id: int | None


class TradeUpdate(Update, frozen=True):
    """Columns of a trade that may change; money stays null until it has closed.

    `…_delay_e6` and `…_impact_e6` are what the trade lost between a decision's mid and the mid at
    its fills, and between that and their prices; those of the exit come with the money. Both are
    null where a fill met no book.
    """

    table: ClassVar[str] = "trade"

    status: str
    later_trade_id: int | None
    qty_lots: int
    opened_ns: int | None
    closed_ns: int | None
    entry_px: float | None
    exit_px: float | None
    entry_notional_e6: int | None
    gross_e6: int | None
    fees_e6: int | None
    funding_e6: int | None
    net_e6: int | None
    risk_e6: int | None
    r: float | None
    bps: float | None
    mae_bps: float | None
    mfe_bps: float | None
    exit_reason: str | None
    exit_decision_mid: float | None
    entry_delay_e6: int | None
    entry_impact_e6: int | None
    exit_delay_e6: int | None
    exit_impact_e6: int | None
    flags: str
    trade_id: int


class RepeatsUpdate(Update, frozen=True):
    """Count of later signals of its episode that added nothing to a trade."""

    table: ClassVar[str] = "trade"

    repeats: int
    trade_id: int


class FillRow(Row, frozen=True):
    """One walk of the book: lots, average price in USD, notional and fee in micro-USDC."""

    table: ClassVar[str] = "fill"

    trade_id: int
    ts_ns: int
    action: str
    side: str
    px: float
    lots: int
    notional_e6: int
    fee_e6: int
    levels: int


class OrderEventRow(Row, frozen=True):
    """A step in the life of a real trade's orders."""

    table: ClassVar[str] = "order_event"

    trade_id: int
    ts_ns: int
    event: str
    detail: str


class TradeDayRow(Row, frozen=True):
    """A UTC day's part of a trade's net in micro-USDC; the parts of one day add up."""

    table: ClassVar[str] = "trade_day"
    clash: ClassVar[str] = "ON CONFLICT DO UPDATE SET mtm_e6 = mtm_e6 + excluded.mtm_e6"

    trade_id: int
    day: str
    mtm_e6: int


TRADES_1 = """\
CREATE TABLE trade (
  trade_id INTEGER PRIMARY KEY,
  kind TEXT NOT NULL CHECK (kind IN ('real', 'paper', 'phantom', 'twin')),
  cause TEXT NOT NULL CHECK (cause IN ('admit', 'block', 'clamp', 'stage', 'trial')),
  status TEXT NOT NULL CHECK (status IN ('pending', 'open', 'exiting', 'closed')),
  signal_id INTEGER NOT NULL,
  later_trade_id INTEGER,
  trial_id INTEGER,
  bot TEXT NOT NULL,
  division TEXT NOT NULL,
  coin TEXT NOT NULL,
  side TEXT NOT NULL CHECK (side IN ('buy', 'sell')),
  asked_lots INTEGER NOT NULL,
  qty_lots INTEGER NOT NULL,
  decided_ns INTEGER NOT NULL,
  opened_ns INTEGER,
  closed_ns INTEGER,
  decision_mid REAL NOT NULL,
  entry_px REAL,
  exit_px REAL,
  entry_notional_e6 INTEGER,
  gross_e6 INTEGER,
  fees_e6 INTEGER,
  funding_e6 INTEGER,
  net_e6 INTEGER,
  risk_e6 INTEGER,
  r REAL,
  bps REAL,
  mae_bps REAL,
  mfe_bps REAL,
  exit_reason TEXT,
  repeats INTEGER NOT NULL,
  flags TEXT NOT NULL
) STRICT;
CREATE INDEX trade_by_signal ON trade (signal_id);
CREATE INDEX trade_not_closed ON trade (kind, coin) WHERE status <> 'closed';

CREATE TABLE fill (
  trade_id INTEGER NOT NULL,
  ts_ns INTEGER NOT NULL,
  action TEXT NOT NULL CHECK (action IN ('entry', 'exit')),
  side TEXT NOT NULL,
  px REAL NOT NULL,
  lots INTEGER NOT NULL,
  notional_e6 INTEGER NOT NULL,
  fee_e6 INTEGER NOT NULL,
  levels INTEGER NOT NULL
) STRICT;
CREATE INDEX fill_by_trade ON fill (trade_id);

CREATE TABLE order_event (
  trade_id INTEGER NOT NULL,
  ts_ns INTEGER NOT NULL,
  event TEXT NOT NULL,
  detail TEXT NOT NULL
) STRICT;
CREATE INDEX order_event_by_trade ON order_event (trade_id);

CREATE TABLE trade_day (
  trade_id INTEGER NOT NULL,
  day TEXT NOT NULL,
  mtm_e6 INTEGER NOT NULL,
  PRIMARY KEY (trade_id, day)
) STRICT, WITHOUT ROWID;

"""

TRADES_11 = """\
ALTER TABLE trade ADD COLUMN exit_decision_mid REAL;
ALTER TABLE trade ADD COLUMN entry_delay_e6 INTEGER;
ALTER TABLE trade ADD COLUMN entry_impact_e6 INTEGER;
ALTER TABLE trade ADD COLUMN exit_delay_e6 INTEGER;
ALTER TABLE trade ADD COLUMN exit_impact_e6 INTEGER;
"""
