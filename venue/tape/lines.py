"""Lines of the tape: how a record, a header and a check are written and read.

The kinds of line are listed in `venue.tape.segment`.
"""

from __future__ import annotations

import base64
import zlib
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NamedTuple, get_args

import msgspec
from msgspec import Struct, field

from market.errors import InputDamaged
from market.events import Recorded
from market.instrument import Instrument

FORMAT = "gnomon-tape/1"
SUFFIX = ".tape.zst"
# The kinds of line that hold an event as a value.
FACTS = frozenset(event.letter for event in get_args(Recorded))


class Record(NamedTuple):
    """One line: kind, receive time in nanoseconds, payload bytes."""

    kind: str
    ns: int
    payload: bytes


class Header(Struct):
    """Header of a segment; `engine` and `session` are their written states.

    `after` names the segment that was the newest when this one began, "" when there was none.
    `lenses` says that whatever the lens process found is on the tape, so a replay asks no lens.
    `lines` are the coins of each connection, none where one carries all.
    """

    format: str
    code_version: str
    mode: str
    network: str
    seed: int
    first_seq: int
    config: dict[str, Any]
    instruments: list[Instrument]
    instruments_from: str
    after: str = ""
    subscriptions: list[dict[str, Any]] = field(default_factory=list)
    lenses: bool = False
    lines: list[list[str]] = field(default_factory=list)
    session: msgspec.Raw = msgspec.Raw(b"null")
    engine: msgspec.Raw = msgspec.Raw(b"null")


def frame_line(raw: bytes, ns: int, *, skipped: bool = False) -> bytes:
    """Return the line of a websocket frame."""
    if b"\n" in raw:
        return b"%c %d %s\n" % (b"b" if skipped else b"B", ns, base64.b64encode(raw))
    return b"%c %d %s\n" % (b"f" if skipped else b"F", ns, raw)


def record_line(kind: str, ns: int, payload: object = None) -> bytes:
    """Return the line of any other record; the payload is written as JSON."""
    if payload is None:
        return b"%s %d\n" % (kind.encode(), ns)
    return b"%s %d %s\n" % (kind.encode(), ns, msgspec.json.encode(payload))


def check_line(lines: bytes) -> bytes:
    """Return the line that vouches for a group of lines."""
    return b"K 0 %08x %d\n" % (zlib.crc32(lines), len(lines))


def segment_name(first_seq: int, started_ns: int) -> str:
    """Return a file name that sorts in consumed order."""
    stamp = datetime.fromtimestamp(started_ns / 1e9, UTC).strftime("%Y%m%dT%H%M%SZ")
    return f"{first_seq:014d}-{stamp}{SUFFIX}"


def decode_header(payload: bytes, path: Path) -> Header:
    """Return a header from its JSON; raises InputDamaged for another format."""
    try:
        header = msgspec.json.decode(payload, type=Header)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise InputDamaged(f"{path}: unreadable header ({error})") from None
    if header.format != FORMAT:
        raise InputDamaged(f"{path}: format {header.format!r}, this gnomon reads {FORMAT!r}")
    return header


_recorded = msgspec.json.Decoder(Recorded)


def decode_fact(payload: bytes, now_ns: int) -> Recorded:
    """Return the event written on an R, C, X or L line; raises InputDamaged."""
    try:
        event: Recorded = _recorded.decode(payload)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise InputDamaged(f"unreadable record {payload[:80]!r}: {error}") from None
    event.recv_ns = now_ns
    return event
