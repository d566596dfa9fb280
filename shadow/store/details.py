"""Details of signals: what was known at a decision, packed and taken apart again.

Two zstd frames a signal, each of JSON, each naming the dictionary it was packed with. The
dictionaries stand in the database, so a copy of the file is readable by itself, and a later
gnomon that packs with another still reads what this one wrote. A dictionary is never changed:
another content is another number and another file beside this one.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Iterator
from operator import attrgetter
from pathlib import Path

import msgspec
import zstandard
from msgspec import Raw, Struct

from market.errors import InputDamaged
from shadow.store.tables.decisions import PASSED, CheckRow, SignalRow
from shadow.store.tables.details import DetailRow, DictionaryRow

DICTIONARY_ID = 1
DICTIONARY = Path(__file__).with_name(f"details-{DICTIONARY_ID}.zdict")
LEVEL = 19
# No half of a detail is nearly as long; a frame that claims more is refused before it is unpacked.
BYTES_MAX = 1 << 20


class Heard(Struct, array_like=True, frozen=True):
    """The market's half of a detail: what the bot saw, book, ages and vote, each as JSON."""

    saw: Raw
    book: Raw
    ages: Raw
    vote: Raw


class Passed(Struct, array_like=True, frozen=True):
    """A check that passed: a row of `check_result` without what goes without saying."""

    filter: str
    mode: str
    value: float | None
    threshold: float | None
    reason: str
    version: int


class Judged(Struct, array_like=True, frozen=True):
    """The desk's half of a detail: the numbers behind the size as JSON, and what passed."""

    sizing: Raw
    passed: list[Passed]


class Detail(Struct, frozen=True):
    """What was known of a signal, each as JSON but for `checks`: those that passed."""

    saw: str
    book: str
    ages: str
    sizing: str
    vote: str
    checks: list[CheckRow]


_passed = attrgetter(*Passed.__struct_fields__)
_heard = msgspec.json.Decoder(Heard)
_judged = msgspec.json.Decoder(Judged)


def shipped() -> DictionaryRow:
    """Return the dictionary that this gnomon packs with."""
    return DictionaryRow(DICTIONARY_ID, DICTIONARY.read_bytes())


class Packer:
    """Compressor of details with one dictionary."""

    def __init__(self, dictionary: DictionaryRow) -> None:
        loaded = zstandard.ZstdCompressionDict(dictionary.content)
        loaded.precompute_compress(level=LEVEL)
        self._compressor = zstandard.ZstdCompressor(
            level=LEVEL, dict_data=loaded, write_checksum=False
        )

    def rows(self, signals: Iterable[SignalRow], checks: Iterable[CheckRow]) -> Iterator[DetailRow]:
        """Yield the detail of each signal; `checks` holds those of all of them."""
        passed: dict[int, list[Passed]] = {}
        for check in checks:
            if check.outcome == PASSED:
                passed.setdefault(check.signal_id, []).append(Passed(*_passed(check)))
        for signal in signals:
            mine = sorted(passed.get(signal.signal_id, []), key=attrgetter("filter"))
            heard, judged = halves(signal, mine)
            pack = self._compressor.compress
            yield DetailRow(signal.signal_id, pack(heard), pack(judged))


def halves(signal: SignalRow, passed: list[Passed]) -> tuple[bytes, bytes]:
    """Return both halves of a signal's detail as they are before they are packed."""
    heard = Heard(*(Raw(getattr(signal, name)) for name in Heard.__struct_fields__))
    judged = Judged(Raw(signal.sizing), passed)
    return msgspec.json.encode(heard), msgspec.json.encode(judged)


class Details:
    """Details in a database, read one by one."""

    def __init__(self, db: sqlite3.Connection) -> None:
        self._db = db
        self._known: dict[int, zstandard.ZstdDecompressor] = {}

    def of(self, signal_id: int) -> Detail | None:
        """Return a signal's detail, None when it is not kept (any more); raises InputDamaged."""
        row = self._db.execute(
            f"SELECT {DetailRow.columns()} FROM signal_detail WHERE signal_id = ?", (signal_id,)
        ).fetchone()
        return None if row is None else self.unpack(DetailRow(*row))

    def all(self) -> Iterator[tuple[int, Detail]]:
        """Yield every detail with its signal's number, in order; raises InputDamaged."""
        query = f"SELECT {DetailRow.columns()} FROM signal_detail ORDER BY signal_id"
        for row in self._db.execute(query):
            yield row[0], self.unpack(DetailRow(*row))

    def unpack(self, row: DetailRow) -> Detail:
        """Return what a row holds; raises InputDamaged."""
        number = row.signal_id
        try:
            heard = _heard.decode(self._frame(number, row.heard))
            judged = _judged.decode(self._frame(number, row.judged))
        except (zstandard.ZstdError, msgspec.MsgspecError) as error:
            raise InputDamaged(f"signal {number}: its detail cannot be read ({error})") from None
        checks = [
            CheckRow(number, p.filter, p.mode, PASSED, p.value, p.threshold, p.reason, p.version)
            for p in judged.passed
        ]
        saw, book, ages, vote = (bytes(getattr(heard, n)).decode() for n in heard.__struct_fields__)
        return Detail(saw, book, ages, bytes(judged.sizing).decode(), vote, checks)

    def _frame(self, signal_id: int, frame: bytes) -> bytes:
        about = zstandard.get_frame_parameters(frame)
        if not 0 < about.content_size <= BYTES_MAX:
            raise InputDamaged(f"signal {signal_id}: its detail claims {about.content_size} bytes")
        return self._decompressor(signal_id, about.dict_id).decompress(frame)

    def _decompressor(self, signal_id: int, dictionary_id: int) -> zstandard.ZstdDecompressor:
        found = self._known.get(dictionary_id)
        if found is None and not dictionary_id:
            found = self._known[0] = zstandard.ZstdDecompressor()
        if found is None:
            row = self._db.execute(
                "SELECT content FROM dictionary WHERE dictionary_id = ?", (dictionary_id,)
            ).fetchone()
            if row is None:
                raise InputDamaged(
                    f"signal {signal_id}: packed with dictionary {dictionary_id}, which is missing "
                    "from the table `dictionary`; a backup of this database may hold it"
                )
            loaded = zstandard.ZstdCompressionDict(row[0])
            found = self._known[dictionary_id] = zstandard.ZstdDecompressor(dict_data=loaded)
        return found
