"""Completeness of a tape: segments that follow one another without a hole.

A header names the segment that was the newest when its own began. When that one is not there, the
events between are missing. A missing beginning is no damage, because the oldest segments expire;
nor is a pause after which nobody claims to have recorded. The newest segment may stop without its
end record: a crash does that, and the next run mends it. In an older one it is damage.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import msgspec
from msgspec import Struct

from market.errors import InputDamaged
from venue.tape.lines import Header
from venue.tape.segment import Segment

ROTATED = "rotated"
# After such an end, event numbers go on without being on a tape.
PAUSES = ("", "torn", "disk")


class _End(Struct):
    """An E line; tapes without an engine do not say `seq`."""

    why: str = ""
    seq: int | None = None


class Continuity:
    """Check of the segments of one tape in turn; findings stand in its public fields.

    `missing`: first and last event number of each hole. `damage`: one line for each fault. `torn`:
    the newest segment's name when it stops without its end, `dropped` its bytes that no check
    covers. `goes_on`: the segment that began last is of the same run as the one before, without a
    break; `apart`: what lies between the two is lost.
    """

    def __init__(self, found: Sequence[Segment]) -> None:
        self.missing: list[tuple[int, int]] = []
        self.damage: list[str] = []
        self.torn: list[str] = []
        self.dropped = 0
        self.goes_on = False
        self.apart = False
        self._names = {segment.path.name for segment in found}
        self._newest = found[-1]
        self._first = 0
        self._cut = False
        self._end: _End | None = None
        # The number after the last that the segments so far can account for.
        self._next = 0

    def begins(self, header: Header, path: Path) -> None:
        """Take note of a segment's header."""
        first = self._first = header.first_seq
        end = self._end
        lost = end is not None and self._lost(header, end)
        if lost:
            hole = (min(self._next, first - 1), first - 1)
            self.missing.append(hole)
            named = f" (segment {header.after} is not there)" if header.after else ""
            self.damage.append(f"{path}: {_events(*hole)} missing before it{named}")
        self.apart = lost or self._cut
        self.goes_on = (
            end is not None
            and end.why == ROTATED
            and not self.apart
            and (end.seq is None or first == end.seq + 1)
        )

    def _lost(self, header: Header, end: _End) -> bool:
        if header.after:
            return header.after not in self._names
        # Written before headers said what they follow.
        return end.why not in PAUSES and header.first_seq > self._next

    def ends(self, segment: Segment) -> None:
        """Take note of a segment that has been read to its end."""
        if segment is self._newest and segment.torn:
            self.torn.append(segment.path.name)
            self.dropped = segment.dropped
        elif segment.torn:
            self.damage.append(
                f"{segment.path}: cut off, though not the newest segment; sound are its first "
                f"{segment.lines:,} records, {segment.sound:,} of {segment.size:,} bytes"
            )
        self._cut = segment.torn
        self._end = _End() if segment.torn else _end_of(segment)
        if self._end.why == ROTATED:
            exact = self._end.seq
            self._next = self._first + segment.lines if exact is None else exact + 1
        elif segment.lines:
            # A run that takes up later begins behind the highest number there could have been.
            self._next = self._first + segment.lines + 1


def require_whole(damage: Sequence[str]) -> None:
    """Raise InputDamaged with the first of a tape's faults, if there is any."""
    if damage:
        more = f" (and {len(damage) - 1} more)" if len(damage) > 1 else ""
        raise InputDamaged(damage[0] + more)


def torn_end(dropped: int) -> str:
    """Return how a newest segment stops that has no end record."""
    if not dropped:
        return "stops without its end record: cut off, or still being written"
    return f"the end is torn; {dropped:,} bytes after its last sound block could not be read"


def _events(first: int, last: int) -> str:
    return f"event {first} is" if first == last else f"events {first} to {last} are"


def _end_of(segment: Segment) -> _End:
    try:
        return msgspec.json.decode(segment.record(segment.last).payload, type=_End)
    except msgspec.MsgspecError as error:
        raise InputDamaged(f"{segment.path}: unreadable end ({error})") from None
