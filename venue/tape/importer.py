"""Recordings of other tools, written as tapes in receive order.

Two shapes are known: a folder of `orderbooks_COIN`, `prices_COIN` and `trades_COIN` CSV files
(gzip), and a file of lines `<receive ns> <raw frame>` (gzip). What they lack is left out and never
invented: no order counts, no trade hashes. Rules (szDecimals) come from a `meta`, which the
tape's header names. Silence longer than `GAP_NS` splits sessions: the feed goes down, a new
segment begins, the feed comes up.
"""

from __future__ import annotations

import csv
import gzip
import heapq
import shutil
import zlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from math import isfinite
from pathlib import Path
from typing import Any

import msgspec

from market.errors import InputDamaged, OperatorError
from market.events import NS_PER_S, FeedDown, FeedUp
from market.instrument import Instrument
from venue.hyperliquid import wire
from venue.hyperliquid.streams import BBO, L2_BOOK, TRADES, Subscription
from venue.tape import foreign
from venue.tape.lines import FORMAT, Header, frame_line, record_line, segment_name
from venue.tape.writer import SegmentWriter

GAP_NS = 10 * NS_PER_S
WRITE_BYTES = 1 << 18
DEPTH = 20
STAMP_NS_MAX = 2**63 - 1

Stamped = tuple[int, bytes]


@dataclass
class Imported:
    """Findings of an import."""

    coins: list[str] = field(default_factory=list)
    kinds: list[str] = field(default_factory=list)
    sessions: int = 0
    frames: int = 0
    from_ns: int = 0
    to_ns: int = 0
    out_of_order: int = 0
    instruments_from: str = ""


@dataclass(frozen=True)
class Origin:
    """Rules a tape is written with, and the configuration it will be replayed by."""

    instruments: dict[str, Instrument]
    named: str
    config: dict[str, Any]
    code_version: str


@dataclass(frozen=True)
class Recording:
    """Frames by receive time, and the streams they are of."""

    frames: Iterator[Stamped]
    streams: list[Subscription]


def open_recording(path: Path) -> Recording:
    """Return the recording in a folder, or the one that a file in it belongs to.

    A table stands for all of its folder. Raises InputDamaged when none is recognised, and says what
    was found instead.
    """
    if path.is_file():
        kind, coin = _table_of(path)
        return open_recording(path.parent) if kind in READERS and coin else _raw_recording(path)
    if not path.is_dir():
        raise InputDamaged(f"{path}: no such folder or file")
    sources: list[Iterator[Stamped]] = []
    streams: list[Subscription] = []
    for table in sorted(path.glob("*_*.csv.gz")):
        kind, coin = _table_of(table)
        if kind in READERS and coin and foreign.has_our_columns(table):
            reader, type_ = READERS[kind]
            sources.append(reader(table, coin))
            streams.append(Subscription(type_, coin))
    if sources:
        return Recording(heapq.merge(*sources, key=_when), streams)
    raw = sorted(path.glob("*.gz"))
    if len(raw) == 1:
        return _raw_recording(raw[0])
    found = f"{foreign.EXPECTED}; {foreign.found_in(path)}"
    raise InputDamaged(f"{path}: no recording recognised; {found}")


def _table_of(path: Path) -> tuple[str, str]:
    kind, _, rest = path.name.partition("_")
    return kind, rest.removesuffix(".csv.gz") if rest.endswith(".csv.gz") else ""


def _raw_recording(path: Path) -> Recording:
    """Return a file of raw frames as a recording; one without any of this venue's is another's."""
    try:
        streams = _streams_of(path)
    except InputDamaged as damage:
        what = foreign.kind_of(path)
        if what is None:
            raise
        raise InputDamaged(f"{damage}; it seems to be {what}; {foreign.EXPECTED}") from None
    if not streams:
        what = foreign.kind_of(path) or "a file with no frames of this venue's market streams"
        raise InputDamaged(f"{path}: it seems to be {what}; {foreign.EXPECTED}")
    return Recording(_lines(path), streams)


def _when(stamped: Stamped) -> int:
    return stamped[0]


def _rows(path: Path) -> Iterator[tuple[int, dict[str, str]]]:
    with gzip.open(path, "rt", encoding="utf-8", newline="") as file:
        try:
            rows = csv.DictReader(foreign.whole_lines(file.readline))
            for number, row in enumerate(rows, start=2):
                if None in row or None in row.values():
                    raise InputDamaged(f"{path} line {number}: not as many cells as columns")
                yield number, row
        except (OSError, EOFError, zlib.error, csv.Error, UnicodeDecodeError) as error:
            raise InputDamaged(f"{path}: {error}") from None


def _ns(text: str) -> int:
    """Return decimal seconds as nanoseconds without passing through a float."""
    seconds, _, fraction = text.partition(".")
    return _stamp(int(seconds) * NS_PER_S + int((fraction + "000000000")[:9]))


def _stamp(ns: int) -> int:
    if not 0 < ns <= STAMP_NS_MAX:
        raise ValueError(f"{ns} is no receive time in nanoseconds")
    return ns


def _level(px: str, sz: str) -> dict[str, str]:
    return {"px": _number(px), "sz": _number(sz)}


def _number(text: str) -> str:
    """Return a decimal as it was written; raises ValueError unless a session could read it."""
    if not isfinite(msgspec.convert(text, float, strict=False)):
        raise ValueError(f"{text!r} is no number")
    return text


def _damaged(path: Path, number: int, error: Exception) -> InputDamaged:
    detail = f"no column {error}" if isinstance(error, KeyError) else str(error)
    return InputDamaged(f"{path} line {number}: {detail}")


def _books(path: Path, coin: str) -> Iterator[Stamped]:
    for number, row in _rows(path):
        try:
            sides = [_levels(row, "bid"), _levels(row, "ask")]
            data = {"coin": coin, "time": int(row["exchange_timestamp"]), "levels": sides}
            yield _ns(row["timestamp"]), _frame(L2_BOOK, data)
        except (KeyError, ValueError) as error:
            raise _damaged(path, number, error) from None


def _levels(row: dict[str, str], side: str) -> list[dict[str, str]]:
    """Return one side of a book; a recording may be shallower, but not without a best price."""
    prices = [row[f"{side}_price_0"], *(row.get(f"{side}_price_{i}") for i in range(1, DEPTH))]
    return [_level(px, row[f"{side}_size_{i}"]) for i, px in enumerate(prices) if px]


def _prices(path: Path, coin: str) -> Iterator[Stamped]:
    """Two rows of one instant are the two sides; a lone row keeps the other side as it was, but
    not across a gap.
    """
    sides: dict[str, dict[str, str] | None] = {"bid": None, "ask": None}
    held: tuple[int, int] | None = None
    for number, row in _rows(path):
        try:
            instant = (_ns(row["timestamp"]), int(row["exchange_timestamp"]))
            if held is not None and instant != held:
                yield _bbo(held, coin, sides)
                if instant[0] - held[0] > GAP_NS:
                    sides = {"bid": None, "ask": None}
            held = instant
            sides[_one_of(sides, row["side"])] = _level(row["price"], row["size"])
        except (KeyError, ValueError) as error:
            raise _damaged(path, number, error) from None
    if held is not None:
        yield _bbo(held, coin, sides)


def _bbo(instant: tuple[int, int], coin: str, sides: dict[str, dict[str, str] | None]) -> Stamped:
    data = {"coin": coin, "time": instant[1], "bbo": [sides["bid"], sides["ask"]]}
    return instant[0], _frame(BBO, data)


def _one_of(sides: Iterable[str], side: str) -> str:
    if side not in sides:
        raise ValueError(f"side {side!r} is none of {', '.join(sides)}")
    return side


def _trades(path: Path, coin: str) -> Iterator[Stamped]:
    held = 0
    batch: list[dict[str, Any]] = []
    sides = {"buy": "B", "sell": "A"}
    for number, row in _rows(path):
        try:
            ns = _ns(row["timestamp"])
            if batch and ns != held:
                yield held, _frame(TRADES, batch)
                batch = []
            held = ns
            batch.append(
                {
                    "coin": coin,
                    "side": sides[_one_of(sides, row["side"])],
                    "px": _number(row["price"]),
                    "sz": _number(row["size"]),
                    "time": int(row["exchange_timestamp"]),
                    "tid": int(row["trade_id"]),
                }
            )
        except (KeyError, ValueError) as error:
            raise _damaged(path, number, error) from None
    if batch:
        yield held, _frame(TRADES, batch)


# Tables by the first part of their name: how their rows become frames, and of which stream.
READERS = {
    "orderbooks": (_books, L2_BOOK),
    "prices": (_prices, BBO),
    "trades": (_trades, TRADES),
}


def _frame(channel: str, data: object) -> bytes:
    return msgspec.json.encode({"channel": channel, "data": data})


def _lines(path: Path) -> Iterator[Stamped]:
    with gzip.open(path, "rb") as file:
        number = 0
        try:
            for text in foreign.whole_lines(file.readline):
                number += 1
                stamp, _, raw = text.rstrip(b"\r\n").partition(b" ")
                if not stamp.isdigit() or not raw:
                    raise ValueError("expected `<ns> <frame>`")
                yield _stamp(int(stamp)), raw
        except ValueError as error:
            raise _damaged(path, number, error) from None
        except (OSError, EOFError, zlib.error) as error:
            raise InputDamaged(f"{path}: {error}") from None


def _streams_of(path: Path) -> list[Subscription]:
    """Return the streams that a file of raw frames holds."""
    found: dict[Subscription, None] = {}
    for _, raw in _lines(path):
        try:
            frame = msgspec.json.decode(raw)
            channel, data = frame["channel"], frame["data"]
            first = data[0] if isinstance(data, list) else data
            coin, fast = first["coin"], first.get("fast") is True
            known = channel in wire.CHANNELS and isinstance(coin, str)
        except (ValueError, LookupError, TypeError, AttributeError, RecursionError):
            # Raw frames are kept as they are; what they are worth is judged when they are replayed.
            continue
        if known:
            found[Subscription(channel, coin, fast)] = None
    return list(found)


def import_recording(recording: Recording, out: Path, origin: Origin) -> Imported:
    """Write a recording as a tape folder; raises OperatorError for coins without rules."""
    coins = list(dict.fromkeys(s.coin for s in recording.streams))
    missing = [coin for coin in coins if coin not in origin.instruments]
    if missing:
        raise OperatorError(
            f"no rules for {', '.join(missing)} in {origin.named}; give a `meta` reply with --meta"
        )
    try:
        out.mkdir(parents=True)
    except OSError as error:
        raise OperatorError(
            f"{out}: cannot be made ({error.strerror}); name a new folder"
        ) from None
    found = Imported(coins=coins, instruments_from=origin.named)
    found.kinds = list(dict.fromkeys(s.type for s in recording.streams))
    writer = _Sessions(out, origin, recording.streams, found)
    try:
        for ns, raw in recording.frames:
            writer.add(ns, raw)
        writer.end()
        if not found.frames:
            raise InputDamaged("the recording holds no frames")
    except BaseException:
        # Half a tape would look like a whole one that a crash has cut off.
        writer.abandon()
        shutil.rmtree(out)
        raise
    return found


class _Sessions:
    """Sessions cut out of frames, with a tick each second and feed events at the ends."""

    def __init__(
        self, out: Path, origin: Origin, streams: Iterable[Subscription], found: Imported
    ) -> None:
        self._out = out
        self._origin = origin
        self._streams = list(streams)
        self._found = found
        self._writer: SegmentWriter | None = None
        self._newest = ""
        self._lines = bytearray()
        self._last_ns = 0
        self._tick_ns = 0
        self._seq = 1

    def add(self, ns: int, raw: bytes) -> None:
        found = self._found
        if ns < self._last_ns:
            # Receive times of one recorder should not run backwards; time here never does.
            found.out_of_order += 1
            ns = self._last_ns
        if self._writer is None:
            found.from_ns = ns
            self._begin(ns)
        elif ns - self._last_ns > GAP_NS:
            self._close("rotated")
            self._begin(ns)
        while self._tick_ns <= ns:
            self._put(record_line("T", self._tick_ns))
            self._tick_ns += NS_PER_S
        self._put(frame_line(raw, ns))
        found.frames += 1
        self._last_ns = found.to_ns = ns

    def _begin(self, ns: int) -> None:
        origin = self._origin
        coins = {s.coin for s in self._streams}
        header = Header(
            format=FORMAT,
            code_version=origin.code_version,
            mode="import",
            network="mainnet",
            seed=origin.config["seed"],
            first_seq=self._seq,
            config=origin.config,
            instruments=[i for coin, i in origin.instruments.items() if coin in coins],
            instruments_from=origin.named,
            after=self._newest,
            subscriptions=msgspec.to_builtins(self._streams),
        )
        self._newest = segment_name(self._seq, ns)
        self._writer = SegmentWriter(self._out / self._newest)
        self._found.sessions += 1
        self._put(record_line("H", ns, header))
        self._put(record_line(FeedUp.letter, ns, FeedUp()))
        self._tick_ns = ns // NS_PER_S * NS_PER_S + NS_PER_S

    def _close(self, why: str) -> None:
        if self._writer is None:
            return
        down = FeedDown("the recording pauses here")
        self._put(record_line(down.letter, self._last_ns, down))
        self._put(record_line("E", self._last_ns, {"why": why}))
        self._writer.close(bytes(self._lines))
        self._lines.clear()
        self._writer = None

    def end(self) -> None:
        self._close("end of recording")

    def abandon(self) -> None:
        if self._writer is not None:
            self._writer.abandon()

    def _put(self, line: bytes) -> None:
        self._lines += line
        self._seq += 1
        if len(self._lines) > WRITE_BYTES:
            assert self._writer is not None
            self._writer.write(bytes(self._lines))
            self._lines.clear()
