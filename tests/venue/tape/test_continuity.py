from __future__ import annotations

from pathlib import Path
from typing import Any

import msgspec
import pytest

from market.errors import InputDamaged
from venue.tape.continuity import Continuity, require_whole, torn_end
from venue.tape.lines import FORMAT, Header, record_line, segment_name
from venue.tape.segment import Segment, segments_of
from venue.tape.writer import SegmentWriter

HEAD = Header(FORMAT, "v", "local", "local", 7, 1, {}, [], "nobody")


class Tape:
    """Writes small segments; each is after the one before unless told otherwise."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.names: list[str] = []

    def put(
        self, first: int, why: str | None, *, seq: int | None = None, after: str | None = None
    ) -> Path:
        """Write a segment of a header, two seconds, and an end unless `why` is None."""
        name = segment_name(first, first * 10**9)
        if after is None:
            after = self.names[-1] if self.names else ""
        head = msgspec.structs.replace(HEAD, first_seq=first, after=after)
        writer = SegmentWriter(self.folder / name)
        writer.write(record_line("H", 1, head) + record_line("T", 2) + record_line("T", 3))
        if why is None:
            writer.abandon()
        else:
            end: dict[str, Any] = {"why": why} if seq is None else {"why": why, "seq": seq}
            writer.close(record_line("E", 3, end))
        self.names.append(name)
        return self.folder / name


@pytest.fixture
def made(tmp_path: Path) -> Tape:
    return Tape(tmp_path)


def follow(folder: Path) -> tuple[Continuity, list[tuple[bool, bool]]]:
    """Return what is found on a tape, and for each segment whether it goes on or is apart."""
    found = segments_of(folder)
    order = Continuity(found)
    steps = []
    for segment in found:
        if any(segment.groups()):
            order.begins(segment.header(), segment.path)
            steps.append((order.goes_on, order.apart))
        for _ in segment.groups():
            pass
        order.ends(segment)
    return order, steps


def test_rotations_restarts_and_pauses_are_no_damage(made: Tape) -> None:
    made.put(1, "rotated", seq=2)
    made.put(3, "SIGTERM", seq=4)
    made.put(8, "disk", seq=9)
    made.put(500, "torn", seq=503)
    made.put(900, None)
    order, steps = follow(made.folder)
    assert steps == [(False, False), (True, False), *[(False, False)] * 3]
    assert order.damage == [] == order.missing
    assert (order.torn, order.dropped) == (made.names[-1:], 0)
    require_whole(order.damage)


@pytest.mark.parametrize(
    ("why", "seq", "hole"),
    [
        ("rotated", 2, (3, 19)),
        ("rotated", None, (5, 19)),
        ("SIGTERM", 2, (6, 19)),
        ("disk", 2, (6, 19)),
        ("torn", 6, (6, 19)),
    ],
)
def test_a_segment_that_is_not_there_is_a_hole_whatever_came_before_it(
    why: str, seq: int | None, hole: tuple[int, int], made: Tape
) -> None:
    made.put(1, why, seq=seq)
    gone = made.put(10, "rotated", seq=19)
    last = made.put(20, "rotated", seq=21)
    made.put(22, "SIGTERM", seq=23)
    gone.unlink()
    order, steps = follow(made.folder)
    assert order.missing == [hole]
    assert order.damage == [
        f"{last}: events {hole[0]} to {hole[1]} are missing before it "
        f"(segment {gone.name} is not there)"
    ]
    assert steps == [(False, False), (False, True), (True, False)]


def test_a_missing_beginning_is_no_damage(made: Tape) -> None:
    made.put(1, "rotated", seq=2).unlink()
    made.put(3, "rotated", seq=4)
    made.put(5, "SIGTERM", seq=6)
    assert follow(made.folder)[0].damage == []


@pytest.mark.parametrize(
    ("why", "seq", "first", "hole"),
    [
        ("rotated", 2, 3, None),
        ("rotated", 2, 4, (3, 3)),
        ("rotated", None, 5, None),
        ("rotated", None, 6, (5, 5)),
        ("SIGTERM", 2, 6, None),
        ("SIGTERM", 2, 7, (6, 6)),
        ("disk", 2, 700, None),
        ("torn", 5, 700, None),
    ],
)
def test_without_a_named_predecessor_event_numbers_decide(
    why: str, seq: int | None, first: int, hole: tuple[int, int] | None, made: Tape
) -> None:
    made.put(1, why, seq=seq, after="")
    made.put(first, "SIGTERM", seq=first + 1, after="")
    order, steps = follow(made.folder)
    assert order.missing == ([] if hole is None else [hole])
    if hole is not None:
        assert f"event {hole[0]} is missing before it" in order.damage[0]
        assert order.damage[0].endswith("before it")
    assert steps[1] == (why == "rotated" and hole is None, hole is not None)


def test_a_segment_whose_beginning_does_not_fit_is_another_run(made: Tape) -> None:
    """A crash between two segments: the next run takes up from an earlier commit."""
    made.put(1, "rotated", seq=9)
    made.put(8, "SIGTERM", seq=9)
    order, steps = follow(made.folder)
    assert steps[1] == (False, False) and order.damage == []


def test_a_tear_is_damage_unless_it_is_the_newest_segment_s(made: Tape) -> None:
    first = made.put(1, "rotated", seq=2)
    made.put(3, "SIGTERM", seq=4)
    size = first.stat().st_size
    with first.open("r+b") as file:
        file.truncate(size - 20)
    order, steps = follow(made.folder)
    sound = Segment(first)
    list(sound.groups())
    assert order.damage == [
        f"{first}: cut off, though not the newest segment; sound are its first 3 records, "
        f"{sound.sound:,} of {size - 20:,} bytes"
    ]
    assert steps[1] == (False, True) and order.torn == []
    with pytest.raises(InputDamaged) as raised:
        require_whole(order.damage)
    assert str(raised.value) == order.damage[0]
    assert follow(first)[0].torn == [first.name]


def test_an_empty_segment_is_torn_at_the_end_and_damage_before_it(made: Tape) -> None:
    first = made.put(1, "rotated", seq=2)
    second = made.put(3, "rotated", seq=4)
    second.write_bytes(b"")
    order, _ = follow(made.folder)
    assert (order.torn, order.damage) == ([second.name], [])
    made.put(5, "SIGTERM", seq=6)
    order, steps = follow(made.folder)
    assert "first 0 records, 0 of 0 bytes" in order.damage[0] and steps[1] == (False, True)
    first.write_bytes(b"")
    assert len(follow(made.folder)[0].damage) == 2


def test_several_faults_are_one_line_that_counts_them() -> None:
    with pytest.raises(InputDamaged, match=r"^one \(and 2 more\)$"):
        require_whole(["one", "two", "three"])


@pytest.mark.parametrize("end", [b"E 5 {\n", b"E 5 [1]\n", b'E 5 {"seq":"x"}\n', b"E 5\n"])
def test_an_end_that_cannot_be_read_is_damage(end: bytes, tmp_path: Path) -> None:
    path = tmp_path / segment_name(1, 5)
    writer = SegmentWriter(path)
    writer.write(record_line("H", 5, HEAD))
    writer.close(end)
    with pytest.raises(InputDamaged, match=path.name):
        follow(tmp_path)


def test_how_a_tape_stops_is_said_in_bytes_of_its_file() -> None:
    assert "1,234 bytes after its last sound block" in torn_end(1234)
    assert "still being written" in torn_end(0)
