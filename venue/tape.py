"""The tape: every fact the engine consumed, in consumed order, as lines of text.

A segment is one zstd stream of lines `<kind> <receive ns> <payload>`:

```
H  header: format, code version, config, seed, instruments, session and engine state
F  raw websocket frame            f  the same, passed over for a newer book (never replayed)
B  raw frame in base64, when it cannot stand on a line; b likewise, passed over
R  REST reply as an event         C  command         X  feed down, feed up, notice
T  one second has passed
D  digest so far                  E  end of the segment, with totals
K  CRC-32 and byte count of the lines since the last K
```
Each segment opens with the whole state, so it replays alone. Lines are flushed in groups; a group
without a valid K is torn and is dropped on repair. `zstd -dc` shows a segment to a person.
"""

from __future__ import annotations

import base64
import binascii
import os
import zlib
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, BinaryIO, NamedTuple

import msgspec
import zstandard
from msgspec import Struct, field

from market.errors import InputDamaged, OperatorError
from market.instrument import Instrument

FORMAT = "gnomon-tape/1"
SUFFIX = ".tape.zst"
LEVEL = 3
BUFFER = 1 << 20
# Of zstd's format: the one type of block whose size is not that of its bytes in the file.
RLE = 1
FRAME_HEADER_BYTES_MAX = 18
BLOCK_BYTES_MAX = 1 << 17
CHECKSUM_BYTES = 4
# "\nK 0 ", eight digits, a space, a length and an end of line: never longer than this.
CHECK_BYTES_MAX = 64


class Record(NamedTuple):
    """One line: kind, receive time in nanoseconds, payload bytes."""

    kind: str
    ns: int
    payload: bytes


class Header(Struct):
    """What a segment opens with; `engine` and `session` are their written states.

    `after` names the segment that was the newest when this one began, "" when there was none.
    `lenses` says that whatever the lens process found is on the tape, so a replay asks no lens.
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
    session: msgspec.Raw = msgspec.Raw(b"null")
    engine: msgspec.Raw = msgspec.Raw(b"null")


def frame_line(raw: bytes, ns: int, *, skipped: bool = False) -> bytes:
    """Return the line of a websocket frame."""
    if b"\n" in raw:
        return b"%c %d %s\n" % (b"b" if skipped else b"B", ns, base64.b64encode(raw))
    return b"%c %d %s\n" % (b"f" if skipped else b"F", ns, raw)


def line(kind: str, ns: int, payload: object = None) -> bytes:
    """Return the line of any other record; the payload is written as JSON."""
    if payload is None:
        return b"%s %d\n" % (kind.encode(), ns)
    return b"%s %d %s\n" % (kind.encode(), ns, msgspec.json.encode(payload))


def _check_line(lines: bytes) -> bytes:
    return b"K 0 %08x %d\n" % (zlib.crc32(lines), len(lines))


def segment_name(first_seq: int, started_ns: int) -> str:
    """Return a file name that sorts in consumed order."""
    stamp = datetime.fromtimestamp(started_ns / 1e9, UTC).strftime("%Y%m%dT%H%M%SZ")
    return f"{first_seq:014d}-{stamp}{SUFFIX}"


class SegmentWriter:
    """Writes one segment; call from one thread at a time."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._file = path.open("xb")
        self._stream = zstandard.ZstdCompressor(level=LEVEL, write_checksum=True).compressobj()

    def write(self, lines: bytes, *, sync: bool = True) -> None:
        """Write whole lines as one checked group; they have reached the file on return."""
        if lines:
            self._put(lines, zstandard.COMPRESSOBJ_FLUSH_BLOCK)
            if sync:
                os.fdatasync(self._file.fileno())

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
        compressed = self._stream.compress(lines + _check_line(lines)) + self._stream.flush(flush)
        self._file.write(compressed)
        self._file.flush()


@dataclass
class Segment:
    """One segment being read; what it was like is known once it has been.

    `torn`: it stops without its end record. `sound`: bytes of the file, of its `size`, up to the
    last block after which every group was whole. `dropped`: bytes behind that, when torn. `lines`
    and `last`: how many lines its sound groups hold, and the last of them.
    """

    path: Path
    torn: bool = True
    size: int = 0
    sound: int = 0
    dropped: int = 0
    lines: int = 0
    last: bytes = b""

    def groups(self) -> Iterator[bytes]:
        """Yield checked groups of whole lines; raises InputDamaged for anything else inside."""
        buffer, group = bytearray(), b""
        self.lines = self.sound = searched = 0
        try:
            for block, end in self._blocks():
                buffer += block
                at = 0
                while (found := self._group_at(buffer, at, searched)) is not None:
                    checked, at = found
                    searched = at
                    self.lines += checked.count(b"\n")
                    group = checked or group
                    yield checked
                del buffer[:at]
                # A check line may have begun at the end, or stand there without its own end.
                searched = max(0, len(buffer) - CHECK_BYTES_MAX)
                if not buffer:
                    self.sound = end
        finally:
            self.last = group[:-1].rsplit(b"\n", 1)[-1]
            self.torn = bool(buffer) or not self.last.startswith(b"E ")
        self.dropped = max(0, self.size - self.sound) if self.torn else 0

    def _group_at(self, buffer: bytearray, at: int, searched: int) -> tuple[bytes, int] | None:
        """Return the group that begins at an offset and where the next one does, None when it is
        not whole. Before `searched` no check line begins.
        """
        check = at
        if not buffer.startswith(b"K ", at):
            before = buffer.find(b"\nK ", max(at, searched))
            if before < 0:
                return None
            check = before + 1
        end = buffer.find(b"\n", check)
        if end < 0:
            return None
        group = bytes(memoryview(buffer)[at:check])
        if buffer[check : end + 1] != _check_line(group):
            raise InputDamaged(f"{self.path}: a checksum does not match; the file was altered")
        return group, end + 1

    def _blocks(self) -> Iterator[tuple[bytes, int]]:
        """Yield what each zstd block holds, and where in the file it ends (RFC 8878, 3.1.1).

        A block that is not whole ends the segment: its writer was cut off there.
        """
        decompressor = zstandard.ZstdDecompressor().decompressobj()
        try:
            with self.path.open("rb", buffering=BUFFER) as file:
                self.size, end = os.fstat(file.fileno()).st_size, 0
                for piece in _pieces(file):
                    end += len(piece)
                    if piece:
                        yield decompressor.decompress(piece), end
                if decompressor.eof and (decompressor.unused_data or file.read(1)):
                    raise InputDamaged(f"{self.path}: bytes after the end of the tape")
        except zstandard.ZstdError as error:
            raise InputDamaged(f"{self.path}: not a whole tape segment ({error})") from None
        except PermissionError as error:
            raise OperatorError(f"{self.path}: cannot be read ({error.strerror})") from None
        except OSError as error:
            raise InputDamaged(f"{self.path}: cannot be read ({error.strerror})") from None

    def records(self) -> Iterator[Record]:
        """Yield every record but the checksums; raises InputDamaged when a line cannot be read."""
        for group in self.groups():
            for text in group.split(b"\n")[:-1]:
                yield self.record(text)

    def record(self, text: bytes) -> Record:
        """Return the record on a line; raises InputDamaged when it cannot be read."""
        try:
            kind, ns, *rest = text.split(b" ", 2)
            payload = rest[0] if rest else b""
            if kind in (b"B", b"b"):
                kind = b"F" if kind == b"B" else b"f"
                payload = base64.b64decode(payload, validate=True)
            return Record(chr(kind[0]), int(ns), payload)
        except (ValueError, IndexError, binascii.Error):
            raise InputDamaged(f"{self.path}: unreadable line {text[:80]!r}") from None

    def header(self) -> Header:
        """Return the segment's header; raises InputDamaged when there is none."""
        for record in self.records():
            if record.kind == "H":
                return decode_header(record.payload, self.path)
            break
        raise InputDamaged(f"{self.path}: not a tape (no header)")


def _pieces(file: BinaryIO) -> Iterator[bytes]:
    """Yield a zstd frame as far as its pieces are whole: the header, each block, the checksum."""
    head = file.read(FRAME_HEADER_BYTES_MAX)
    if head.startswith(zstandard.FRAME_HEADER) and len(head) > len(zstandard.FRAME_HEADER):
        size = zstandard.frame_header_size(head)
        file.seek(size)
        head = head[:size]
    # What is no header, the decoder refuses; half of one it takes without a word.
    yield head
    last = False
    while not last:
        mark = file.read(3)
        if len(mark) < 3:
            return
        number = int.from_bytes(mark, "little")
        last, kind, size = bool(number & 1), number >> 1 & 3, number >> 3
        length = 1 if kind == RLE else size
        body = file.read(length)
        if len(body) < length and size <= BLOCK_BYTES_MAX:
            return
        yield mark + body
    yield file.read(CHECKSUM_BYTES)


def decode_header(payload: bytes, path: Path) -> Header:
    """Return a header from its JSON; raises InputDamaged for another format."""
    try:
        header = msgspec.json.decode(payload, type=Header)
    except msgspec.MsgspecError as error:
        raise InputDamaged(f"{path}: unreadable header ({error})") from None
    if header.format != FORMAT:
        raise InputDamaged(f"{path}: format {header.format!r}, this gnomon reads {FORMAT!r}")
    return header


def segments(path: Path) -> list[Segment]:
    """Return the segments of a tape folder in order, or the one segment a file is."""
    if path.is_file():
        return [Segment(path)]
    if not path.is_dir():
        raise InputDamaged(f"{path}: no such tape")
    found = sorted(p for p in path.iterdir() if p.name.endswith(SUFFIX))
    if not found:
        raise InputDamaged(f"{path}: no tape segments (*{SUFFIX}) in this folder")
    return [Segment(p) for p in found]


def newest_name(folder: Path) -> str:
    """Return the name of a tape's newest segment, "" for a tape that has none yet."""
    return max((p.name for p in folder.iterdir() if p.name.endswith(SUFFIX)), default="")


@dataclass(frozen=True)
class Repair:
    """What mending a segment found: bytes of lines dropped, and how far its events may go."""

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
            writer.close(line("E", segment.record(last).ns, {"why": "torn", "seq": last_seq}))
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
