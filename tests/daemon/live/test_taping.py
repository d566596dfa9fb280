from __future__ import annotations

from pathlib import Path

import msgspec
import pytest

from daemon.config.load import parse
from daemon.live.startup import subscriptions
from daemon.live.taping import EngineRecorded, Opening, Origin, Taping, mended
from daemon.version import code_version
from market.events import NS_PER_HOUR, Notice
from tests.daemon import rig
from tests.support import virtual
from venue.hyperliquid.session import Session
from venue.tape.lines import FORMAT, Header, decode_header, record_line, segment_name
from venue.tape.writer import SegmentWriter

HOUR_NS = 1_000 * NS_PER_HOUR


class Segments:
    """Segments in memory: their headers and last lines."""

    def __init__(self) -> None:
        self.opened: list[tuple[int, int, Header]] = []
        self.closed: list[bytes] = []

    @property
    def recording(self) -> bool:
        return len(self.opened) > len(self.closed)

    def open_segment(self, folder: Path, first_seq: int, now_ns: int, header: bytes) -> None:
        assert not self.recording
        (record,) = rig.records_of([header])
        assert (record.kind, record.ns) == ("H", now_ns)
        self.opened.append((first_seq, now_ns, decode_header(record.payload, folder)))

    def close_segment(self, last: bytes) -> None:
        assert self.recording
        self.closed.append(last)


class Counted:
    """A recorded thing that is nothing but a number."""

    seq = 7

    def opening(self) -> Opening:
        return Opening(self.seq)

    def ending(self, why: str) -> dict[str, object]:
        return {"why": why, "seq": self.seq}


class Scene:
    """A tape whose clock the test moves."""

    def __init__(self, folder: Path) -> None:
        self.now_ns = HOUR_NS + 5
        self.segments = Segments()
        instruments = virtual.world().instruments
        self.instruments = [instruments[coin] for coin in rig.PAIR]
        self.config = parse({"coins": list(rig.PAIR), "seed": 11}, "test")
        self.taping = Taping(
            folder,
            self.segments,
            Counted(),
            origin=Origin("local", "testnet", self.config, self.instruments, "http://venue"),
            session=Session(subscriptions(rig.PAIR)),
            now_ns=lambda: self.now_ns,
        )


def test_a_header_says_where_the_tape_comes_from_and_what_it_follows(tmp_path: Path) -> None:
    scene = Scene(tmp_path)
    SegmentWriter(tmp_path / segment_name(1, 5)).abandon()
    scene.taping.open()
    ((first_seq, now_ns, header),) = scene.segments.opened
    assert (first_seq, now_ns, header.first_seq) == (7, scene.now_ns, 7)
    assert (header.format, header.code_version) == (FORMAT, code_version())
    assert (header.mode, header.network, header.seed) == ("local", "testnet", 11)
    assert header.config == scene.config.resolved()
    assert header.instruments == scene.instruments
    assert header.instruments_from == "meta of http://venue"
    assert header.after == segment_name(1, 5)
    assert len(header.subscriptions) == len(subscriptions(rig.PAIR))
    assert (header.lenses, bytes(header.session), bytes(header.engine)) == (False, b"null", b"null")


def test_another_hour_begins_another_segment_once(tmp_path: Path) -> None:
    scene = Scene(tmp_path)
    scene.taping.open()
    scene.now_ns = HOUR_NS + NS_PER_HOUR - 1
    scene.taping.rotate()
    assert not scene.segments.closed
    scene.now_ns = HOUR_NS + NS_PER_HOUR
    scene.taping.rotate()
    scene.taping.rotate()
    assert scene.segments.closed == [record_line("E", scene.now_ns, {"why": "rotated", "seq": 7})]
    assert [ns for _, ns, _ in scene.segments.opened] == [HOUR_NS + 5, scene.now_ns]


def test_without_an_open_segment_neither_the_hour_nor_an_end_does_anything(tmp_path: Path) -> None:
    scene = Scene(tmp_path)
    scene.now_ns += NS_PER_HOUR
    scene.taping.rotate()
    scene.taping.close("disk")
    assert not scene.segments.opened and not scene.segments.closed
    scene.taping.open()
    scene.taping.close("disk")
    scene.taping.close("disk")
    assert scene.segments.closed == [record_line("E", scene.now_ns, {"why": "disk", "seq": 7})]


def test_an_engine_is_recorded_whole_and_ends_with_its_digest() -> None:
    made = rig.fresh({}, rig.PAIR)
    made.intake.fact(Notice("test", "a row", recv_ns=HOUR_NS))
    recorded = EngineRecorded(made.engine, made.session)
    opening = recorded.opening()
    assert (opening.first_seq, opening.lenses) == (2, True)
    assert set(msgspec.json.decode(opening.engine)["coins"]) == set(rig.PAIR)
    assert msgspec.json.decode(opening.session)
    assert recorded.ending("SIGTERM") == {
        "why": "SIGTERM",
        "seq": 1,
        "digest": made.engine.digest,
    }


def test_an_empty_folder_leaves_every_number_free(tmp_path: Path) -> None:
    assert mended(tmp_path) == 1


@pytest.mark.parametrize("torn", [True, False])
def test_the_newest_segment_is_ended_and_its_numbers_are_not_used_again(
    torn: bool, tmp_path: Path
) -> None:
    scene = Scene(tmp_path)
    scene.taping.open()
    ((_, now_ns, header),) = scene.segments.opened
    head = record_line("H", now_ns, header)
    lines = [record_line("T", now_ns + i) for i in range(1, 4)]
    end = b"" if torn else record_line("E", now_ns + 9, {"why": "over"})
    path = rig.write_segment(tmp_path, head, lines, end)
    free = mended(tmp_path)
    assert free > header.first_seq + len(lines) - 1
    assert mended(tmp_path) >= free, "mended once, it stays"
    assert list(tmp_path.iterdir()) == [path]
