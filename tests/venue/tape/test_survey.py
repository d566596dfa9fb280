from __future__ import annotations

from pathlib import Path

import msgspec
import pytest

from market.errors import InputDamaged
from market.events import Command, FeedUp
from tests.daemon import rig
from tests.daemon.recordings import record
from venue.tape.lines import FORMAT, Header, frame_line, record_line, segment_name
from venue.tape.segment import Segment
from venue.tape.survey import NAMES, check, survey
from venue.tape.writer import SegmentWriter


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return record(tmp_path_factory.mktemp("tape"), seconds=(20.0, 10.0), coins=rig.PAIR).folder


def lines_of(path: Path) -> list[bytes]:
    return [t + b"\n" for g in Segment(path).groups() for t in g.split(b"\n")[:-1]]


def test_a_survey_counts_what_is_there(folder: Path) -> None:
    found = survey(folder)
    paths = sorted(folder.iterdir())
    lines = [line for path in paths for line in lines_of(path)]
    kinds = [chr(line[0]).replace("B", "F").replace("b", "f") for line in lines]
    assert found.records == {NAMES[k]: kinds.count(k) for k in dict.fromkeys(kinds)}
    assert found.segments == 2 and found.bytes == sum(p.stat().st_size for p in paths)
    assert found.frames == sum(k in "Ff" for k in kinds)
    stamps = [int(line.split(b" ")[1]) for line in lines]
    assert (found.from_ns, found.to_ns) == (min(stamps), max(stamps))
    assert found.coins == list(rig.PAIR) and found.mode == found.network == "local"
    assert found.instruments_from and found.code_version and not found.torn


def test_a_torn_segment_is_named_and_its_whole_part_counted(folder: Path, tmp_path: Path) -> None:
    first, second = sorted(folder.iterdir())
    (tmp_path / first.name).write_bytes(first.read_bytes())
    writer = SegmentWriter(tmp_path / second.name)
    writer.write(b"".join(lines_of(second)[:50]))
    writer.abandon()
    found = survey(tmp_path)
    assert found.torn == [second.name] and found.segments == 2
    assert found.records["headers"] == 2


def test_a_tear_in_front_of_others_is_damage_and_the_rest_is_counted(
    folder: Path, tmp_path: Path
) -> None:
    first, second = sorted(folder.iterdir())
    raw = first.read_bytes()[:-1000]
    (tmp_path / first.name).write_bytes(raw)
    (tmp_path / second.name).write_bytes(second.read_bytes())
    found = survey(tmp_path)
    sound = Segment(tmp_path / first.name)
    records = len(list(sound.records()))
    assert 0 < records == sound.lines < len(lines_of(first))
    assert found.torn == [] and found.missing_events == []
    (fault,) = found.damage
    assert first.name in fault
    assert f"first {records:,} records, {sound.sound:,} of {len(raw):,} bytes" in fault
    assert sum(found.records.values()) == records + len(lines_of(second))
    with pytest.raises(InputDamaged) as raised:
        check(tmp_path)
    assert str(raised.value) == fault


def test_missing_segments_are_a_hole_in_the_event_numbers_but_for_a_missing_beginning(
    tmp_path: Path,
) -> None:
    paths = record(tmp_path / "tape", seconds=(10.0,) * 4, coins=rig.PAIR).paths
    numbers = [int(path.name.split("-")[0]) for path in paths]
    paths[0].unlink()
    assert survey(tmp_path / "tape").damage == []
    check(tmp_path / "tape")
    paths[2].unlink()
    found = survey(tmp_path / "tape")
    assert found.missing_events == [(numbers[2], numbers[3] - 1)]
    assert found.damage == [
        f"{paths[3]}: events {numbers[2]} to {numbers[3] - 1} are missing before it"
    ]
    assert found.segments == 2
    with pytest.raises(InputDamaged, match="missing before it"):
        check(tmp_path / "tape")


def test_checksums_alone_tell_an_altered_tape_and_one_that_is_none(
    folder: Path, tmp_path: Path
) -> None:
    check(folder)
    path = tmp_path / sorted(folder.iterdir())[0].name
    raw = bytearray(sorted(folder.iterdir())[0].read_bytes())
    raw[len(raw) // 2] ^= 0x20
    path.write_bytes(raw)
    with pytest.raises(InputDamaged, match=path.name):
        check(tmp_path)
    path.unlink()
    SegmentWriter(path).close(record_line("T", 5))
    with pytest.raises(InputDamaged, match="no header"):
        check(tmp_path)


def test_an_empty_segment_behind_others_is_torn_and_alone_is_no_tape(
    folder: Path, tmp_path: Path
) -> None:
    first, second = sorted(folder.iterdir())
    (tmp_path / second.name).write_bytes(b"")
    with pytest.raises(InputDamaged, match="no header"):
        survey(tmp_path)
    (tmp_path / first.name).write_bytes(first.read_bytes())
    found = survey(tmp_path)
    assert found.torn == [second.name] and found.records["headers"] == 1


H = record_line(
    "H",
    5,
    Header(FORMAT, "v", "local", "local", 7, 1, {}, [], "nobody"),
)


@pytest.mark.parametrize(
    "lines",
    [
        [record_line("T", 5)],
        [H, H],
        [H, record_line("T", 4)],
        [H, record_line("Z", 6)],
        [H, b"X 6 {}\n"],
        [H, b"C 6 not json\n"],
        [H, b"D 6 {\n"],
        [H, b"T\n"],
        [b"H 5 {}\n"],
        [record_line("H", 5, {"format": "gnomon-tape/9"})],
    ],
    ids=[
        "no header", "two headers", "time backwards", "unknown kind", "no event", "no JSON",
        "no digest", "no time", "empty header", "another format",
    ],
)  # fmt: skip
def test_a_tape_that_is_not_sound_is_refused_with_its_file(
    lines: list[bytes], tmp_path: Path
) -> None:
    path = tmp_path / segment_name(1, 5)
    writer = SegmentWriter(path)
    writer.write(b"".join(lines))
    writer.abandon()
    with pytest.raises(InputDamaged):
        survey(tmp_path)


def test_every_kind_of_line_the_daemon_writes_is_known(tmp_path: Path) -> None:
    path = tmp_path / segment_name(1, 5)
    writer = SegmentWriter(path)
    body = [
        H,
        frame_line(b'{"channel":"pong"}', 6),
        frame_line(b"two\nlines", 6),
        frame_line(b"{}", 6, skipped=True),
        record_line("T", 7),
        record_line("C", 8, Command("halt")),
        record_line("X", 9, FeedUp()),
        record_line("D", 9, {"digest": "x"}),
    ]
    writer.write(b"".join(body))
    writer.close(record_line("E", 9, {"why": "x"}))
    found = survey(tmp_path)
    assert sum(found.records.values()) == len(body) + 1 and found.frames == 3
    assert msgspec.json.encode(found)


def test_a_folder_without_a_tape_is_refused(tmp_path: Path) -> None:
    for path in (tmp_path, tmp_path / "none"):
        with pytest.raises(InputDamaged, match=str(tmp_path)):
            survey(path)
