"""Writing of segments, and the repair of a torn one."""

from __future__ import annotations

import os
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import zstandard

from market.errors import InputDamaged
from venue.tape.lines import check_line, decode_header, record_line
from venue.tape.segment import Segment

LEVEL = 3


class SegmentWriter:
    """Writer of one segment; call from one thread at a time."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._file = path.open("xb")
        self._stream = zstandard.ZstdCompressor(level=LEVEL, write_checksum=True).compressobj()
        self._unsynced = False

    def write(self, lines: bytes, *, sync: bool = True) -> None:
        """Write whole lines as one checked group; they have reached the file on return.

        With `sync` they have reached the disk, and so has what was written before without.
        """
        if lines:
            self._put(lines, zstandard.COMPRESSOBJ_FLUSH_BLOCK)
            self._unsynced = True
        if sync and self._unsynced:
            os.fdatasync(self._file.fileno())
            self._unsynced = False

    def close(self, lines: bytes) -> None:
        """Write the last lines, which hold the E record, and end the stream."""
        self._put(lines, zstandard.COMPRESSOBJ_FLUSH_FINISH)
        os.fsync(self._file.fileno())
        self._file.close()

    def abandon(self) -> None:
        """Close the file as it is; what was written before stays readable."""
        with suppress(OSError):
            self._file.close()

    def discard(self) -> None:
        """Close and delete the file."""
        self.abandon()
        self.path.unlink()

    def _put(self, lines: bytes, flush: int) -> None:
        compressed = self._stream.compress(lines + check_line(lines)) + self._stream.flush(flush)
        self._file.write(compressed)
        self._file.flush()


@dataclass(frozen=True)
class Repair:
    """Result of a repair: bytes of lines dropped, and how far its events may go."""

    was_torn: bool
    dropped: int
    last_seq: int


def repair(path: Path) -> Repair:
    """Close a segment that a crash left open: keep its checked groups, end it properly.

    The old file is replaced in one step; one that is damaged, not just cut off, is kept beside it
    as `*.damaged`. `last_seq` is an upper bound: every record but the bookkeeping ones may have
    been an event. Raises InputDamaged, and touches nothing, for a tape of another format.
    """
    segment = Segment(path)
    fresh = path.with_name(path.name + ".repair")
    fresh.unlink(missing_ok=True)
    writer = SegmentWriter(fresh)
    try:
        last, last_seq, damaged = _copy_groups(segment, writer)
        if last.startswith(b"E "):
            writer.discard()
            return Repair(False, 0, last_seq)
        if damaged:
            aside = path.with_name(path.name + ".damaged")
            aside.unlink(missing_ok=True)
            aside.hardlink_to(path)
        if last:
            writer.close(
                record_line("E", segment.record(last).ns, {"why": "torn", "seq": last_seq})
            )
            fresh.replace(path)
        else:
            # Not even the header reached the disk whole: there is nothing to mend.
            writer.discard()
            path.unlink()
    except BaseException:
        writer.abandon()
        fresh.unlink(missing_ok=True)
        raise
    return Repair(True, segment.dropped, last_seq)


def _copy_groups(segment: Segment, writer: SegmentWriter) -> tuple[bytes, int, bool]:
    """Copy what is sound; return its last line, a bound of its events, and whether it ended
    because of damage.
    """
    last = b""
    last_seq = 0
    groups = segment.groups()
    while True:
        try:
            group = next(groups)
        except StopIteration:
            return last, last_seq, False
        except InputDamaged:
            return last, last_seq, True
        if not last:
            header = segment.record(group.split(b"\n", 1)[0])
            last_seq = decode_header(header.payload, segment.path).first_seq
        # One sync at the end will do: until then the old file is still in place.
        writer.write(group, sync=False)
        last_seq += group.count(b"\n")
        last = group[:-1].rsplit(b"\n", 1)[-1]
