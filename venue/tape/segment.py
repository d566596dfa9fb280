"""Tape segments: every fact the engine consumed, in consumed order, as lines of text.

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
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

import zstandard

from market.errors import InputDamaged, OperatorError
from venue.tape.lines import SUFFIX, Header, Record, check_line, decode_header

BUFFER = 1 << 20
# Of zstd's format: the one type of block whose size is not that of its bytes in the file.
RLE = 1
FRAME_HEADER_BYTES_MAX = 18
BLOCK_BYTES_MAX = 1 << 17
CHECKSUM_BYTES = 4
# What one write of the daemon holds at most is two thirds of it; and what a decoder must keep of
# the past is a fraction of that at the writer's level.
GROUP_BYTES_MAX = 96 << 20
WINDOW_BYTES_MAX = 8 << 20
# "\nK 0 ", eight digits, a space, a length and an end of line: never longer than this.
CHECK_BYTES_MAX = 64


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
                if len(buffer) > GROUP_BYTES_MAX:
                    raise InputDamaged(
                        f"{self.path}: more than {GROUP_BYTES_MAX >> 20} MB without a checksum; "
                        "no tape of ours"
                    )
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
        if buffer[check : end + 1] != check_line(group):
            raise InputDamaged(f"{self.path}: a checksum does not match; the file was altered")
        return group, end + 1

    def _blocks(self) -> Iterator[tuple[bytes, int]]:
        """Yield what each zstd block holds, and where in the file it ends (RFC 8878, 3.1.1).

        A block that is not whole ends the segment: its writer was cut off there.
        """
        bounded = zstandard.ZstdDecompressor(max_window_size=WINDOW_BYTES_MAX)
        decompressor = bounded.decompressobj()
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


def segments_of(path: Path) -> list[Segment]:
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
