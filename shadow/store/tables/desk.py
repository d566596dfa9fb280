"""Table equity: the desk's money, once a minute."""

from __future__ import annotations

from typing import ClassVar

from shadow.store.tables.row import Row


class EquityRow(Row, frozen=True):
    """The desk's money and exposure in micro-USDC at the end of a minute."""

    table: ClassVar[str] = "equity"
    verb: ClassVar[str] = "INSERT OR REPLACE"

    ts_ns: int
    equity_e6: int
    cash_e6: int
    open_e6: int
    gross_e6: int
    net_e6: int
    open_trades: int
    open_phantoms: int


DESK_1 = """\
CREATE TABLE equity (
  ts_ns INTEGER PRIMARY KEY,
  equity_e6 INTEGER NOT NULL,
  cash_e6 INTEGER NOT NULL,
  open_e6 INTEGER NOT NULL,
  gross_e6 INTEGER NOT NULL,
  net_e6 INTEGER NOT NULL,
  open_trades INTEGER NOT NULL,
  open_phantoms INTEGER NOT NULL
) STRICT;

"""
