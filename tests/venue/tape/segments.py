"""Segments that are written, read back and cut short by the tests of the tape."""

from __future__ import annotations

import os
from pathlib import Path

import msgspec
import zstandard

from market.errors import InputDamaged
from market.events import FeedDown
from market.instrument import Instrument
from venue.tape.lines import (
    FORMAT,
    Header,
    Record,
    frame_line,
    record_line,
)
from venue.tape.segment import Segment
from venue.tape.writer import SegmentWriter

NS = 1_756_900_000_000_000_000


HEADER = Header(
    format=FORMAT,
    code_version="1.2.3+abc",
    mode="paper-mainnet",
    network="mainnet",
    seed=7,
    first_seq=41,
    config={"seed": 7, "feed": {"reconnect_min_s": 0.25}, "coins": ["BTC"]},
    instruments=[Instrument("BTC", 0, 5, 40), Instrument("OLD", 9, 0, 3, True)],
    instruments_from="meta of https://api.example",
    subscriptions=[{"type": "bbo", "coin": "BTC", "fast": False}],
    session=msgspec.Raw(b'{"seen":{"BTC":[[1,2]]}}'),
    engine=msgspec.Raw(b'{"vitals":{"seq":40}}'),
)


END = {"why": "stopped", "seq": 99}


def groups_of(count: int = 4) -> list[bytes]:
    """Return groups of lines: the header alone, then some of every kind."""
    out = [record_line("H", NS, HEADER)]
    for i in range(1, count):
        ns = NS + i * 1_000
        out.append(
            frame_line(b'{"channel":"bbo","data":%d}' % i, ns)
            + frame_line(b'{"channel":"bbo","data":"old"}', ns, skipped=True)
            + frame_line(b"two\nlines %d" % i, ns)
            + record_line("T", ns)
            + record_line("X", ns, FeedDown(f"reason {i}"))
        )
    return out


def write(path: Path, groups: list[bytes], *, closed: bool = True) -> list[int]:
    """Write a segment; return the file's size after each group."""
    writer = SegmentWriter(path)
    sizes = []
    for group in groups:
        writer.write(group)
        sizes.append(path.stat().st_size)
    if closed:
        writer.close(record_line("E", NS + 10**9, END))
        sizes.append(path.stat().st_size)
    else:
        writer.abandon()
    return sizes


def records_of(groups: list[bytes]) -> list[Record]:
    """Return the records of groups, read without the code under test's container."""
    segment = Segment(Path("none"))
    return [segment.record(text) for group in groups for text in group.split(b"\n")[:-1]]


def read(path: Path) -> tuple[list[Record], Segment, str]:
    """Return what can be read of a segment, and the damage that ended it ("" when none)."""
    segment = Segment(path)
    found: list[Record] = []
    try:
        for record in segment.records():
            found.append(record)
    except InputDamaged as damage:
        return found, segment, str(damage)
    return found, segment, ""


def half_written(path: Path) -> tuple[int, bytes]:
    """Write a header and a group whose checksum never came; return the bytes of the latter."""
    header = record_line("H", NS, HEADER)
    writer = SegmentWriter(path)
    writer.write(header)
    sound = path.stat().st_size
    stream = writer._stream
    half = stream.compress(frame_line(os.urandom(100_000).hex().encode(), NS) * 2)
    half += stream.flush(zstandard.COMPRESSOBJ_FLUSH_BLOCK)
    writer._file.write(half)
    writer.abandon()
    assert path.stat().st_size == sound + len(half)
    return len(half), header
