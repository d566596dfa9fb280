"""Tables series and spell: under which terms a limit's worth is measured, and which run when."""

from __future__ import annotations

from typing import ClassVar

from shadow.store.tables.row import Row, Update


class SeriesRow(Row, frozen=True):
    """A limit's `number`-th series; what is opened at or after `from_ns` is judged by it.

    `money_r_e6` is what one R is worth, None until enough twins were filled; `terms` is the JSON
    of what the id is a hash of.
    """

    table: ClassVar[str] = "series"
    verb: ClassVar[str] = "INSERT OR IGNORE"

    series_id: str
    filter: str
    number: int
    from_ns: int
    money_r_e6: int | None
    terms: str


class SpellRow(Row, frozen=True):
    """From the event `from_seq` on a limit's signals are of this series, of none where empty."""

    table: ClassVar[str] = "spell"
    verb: ClassVar[str] = "INSERT OR REPLACE"

    filter: str
    from_seq: int
    series_id: str


class SeriesUpdate(Update, frozen=True):
    """What one R is worth from now on in a series, in micro-USDC; said once."""

    table: ClassVar[str] = "series"

    money_r_e6: int | None
    series_id: str


SERIES_9 = """\
CREATE TABLE series (
  series_id TEXT PRIMARY KEY,
  filter TEXT NOT NULL,
  number INTEGER NOT NULL,
  from_ns INTEGER NOT NULL,
  money_r_e6 INTEGER,
  terms TEXT NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE spell (
  filter TEXT NOT NULL,
  from_seq INTEGER NOT NULL,
  series_id TEXT NOT NULL,
  PRIMARY KEY (filter, from_seq)
) STRICT, WITHOUT ROWID;

"""
