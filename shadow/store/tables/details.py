"""Tables signal_detail and dictionary: what was known of a signal, compressed."""

from __future__ import annotations

from typing import ClassVar

from shadow.store.tables.row import Row


class DetailRow(Row, frozen=True):
    """What was known of a signal when it was judged, as two zstd frames (`shadow.store.details`).

    `heard` is the market's half, the same for every desk that hears the signal; `judged` is what
    this desk made of it.
    """

    table: ClassVar[str] = "signal_detail"

    signal_id: int
    heard: bytes
    judged: bytes


class DictionaryRow(Row, frozen=True):
    """A dictionary that frames of `signal_detail` name; its number is that in the frames."""

    table: ClassVar[str] = "dictionary"
    verb: ClassVar[str] = "INSERT OR IGNORE"

    dictionary_id: int
    content: bytes


DETAILS_5 = """\
CREATE TABLE signal_detail (
  signal_id INTEGER PRIMARY KEY,
  heard BLOB NOT NULL,
  judged BLOB NOT NULL
) STRICT;

CREATE TABLE dictionary (
  dictionary_id INTEGER PRIMARY KEY,
  content BLOB NOT NULL
) STRICT;

"""
