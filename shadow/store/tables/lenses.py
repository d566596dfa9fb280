"""Table lens: readings of the market's state."""

from __future__ import annotations

from typing import ClassVar

from shadow.store.tables.row import Row


class LensRow(Row, frozen=True):
    """One reading of a lens: its value, its rank among surrogates, and over how many points."""

    table: ClassVar[str] = "lens"
    verb: ClassVar[str] = "INSERT OR REPLACE"

    ts_ns: int
    coin: str
    lens: str
    value: float | None
    null_rank: float | None
    n: int
    params: str
    flags: str


LENSES_1 = """\
CREATE TABLE lens (
  ts_ns INTEGER NOT NULL,
  coin TEXT NOT NULL,
  lens TEXT NOT NULL,
  value REAL,
  null_rank REAL,
  n INTEGER NOT NULL,
  params TEXT NOT NULL,
  flags TEXT NOT NULL,
  PRIMARY KEY (ts_ns, coin, lens)
) STRICT, WITHOUT ROWID;

"""
