"""The tape: what goes in comes out, a torn end costs only itself, an altered byte never passes."""

from __future__ import annotations

import json
import os
import resource
import shutil
import subprocess
import tracemalloc
from collections.abc import Callable, Iterator
from pathlib import Path

import msgspec
import pytest
import zstandard
from hypothesis import given, settings
from hypothesis import strategies as st

from daemon.live.journal import TAPE_BYTES_MAX
from market.errors import InputDamaged, OperatorError
from market.events import Candle, Candles
from tests.venue.tape.segments import (
    END,
    HEADER,
    NS,
    groups_of,
    half_written,
    read,
    records_of,
    write,
)
from venue.tape.lines import (
    FORMAT,
    Record,
    frame_line,
    record_line,
    segment_name,
)
from venue.tape.segment import GROUP_BYTES_MAX, Segment, newest_name, segments_of

# Hostile sizes.


def bomb(path: Path, unpacked: int) -> Path:
    """Write a frame of some kilobytes that unpacks to as many bytes as told, all the same."""
    block = 1 << 17
    marks = [(block << 3 | 1 << 1).to_bytes(3, "little") + b"x"] * (unpacked // block)
    path.write_bytes(bytes.fromhex("28b52ffd0050") + b"".join(marks) + b"\x01\x00\x00")
    return path


def test_a_tape_that_unpacks_without_end_is_refused_in_bounded_memory(tmp_path: Path) -> None:
    path = bomb(tmp_path / "a.tape.zst", 1600 << 20)
    assert path.stat().st_size < 64 << 10
    tracemalloc.start()
    try:
        with pytest.raises(InputDamaged, match="more than 96 MB without a checksum"):
            list(Segment(path).records())
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < 3 * GROUP_BYTES_MAX, f"{peak >> 20} MB"
    assert GROUP_BYTES_MAX > 1.4 * TAPE_BYTES_MAX, "what the daemon writes at once can be read"


def test_a_tape_whose_decoder_would_need_much_memory_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "a.tape.zst"
    # A window of 128 MB.
    path.write_bytes(bytes.fromhex("28b52ffd0088") + b"\x0b\x00\x10x" * 4)
    with pytest.raises(InputDamaged, match="requires too much memory"):
        list(Segment(path).records())


@pytest.mark.parametrize("deep", [b"[" * 50_000, b'{"x":' * 50_000])
def test_a_header_nested_without_end_is_damage(deep: bytes, tmp_path: Path) -> None:
    path = tmp_path / "a.tape.zst"
    write(path, [b"H 1 " + deep + b"\n"])
    with pytest.raises(InputDamaged, match="unreadable header"):
        Segment(path).header()


# Round trips.

RAW_FRAMES = st.binary(max_size=60) | st.sampled_from(
    [b"", b"\n", b"\r\n", b" ", b"K 0 00000000 0", b"\nK 0 00000000 0\n", b"F 1 x", b"\xff\n\xfe"]
)


@settings(max_examples=300)
@given(
    frames=st.lists(st.tuples(RAW_FRAMES, st.integers(0, 2**63 - 1), st.booleans()), max_size=12),
    size=st.integers(1, 4),
)
def test_any_bytes_come_back_as_they_were(
    tmp_path_factory: pytest.TempPathFactory, frames: list[tuple[bytes, int, bool]], size: int
) -> None:
    path = tmp_path_factory.mktemp("tape") / "a.tape.zst"
    lines = [frame_line(raw, ns, skipped=skipped) for raw, ns, skipped in frames]
    groups = [b"".join(lines[i : i + size]) for i in range(0, len(lines), size)]
    write(path, [record_line("H", NS, HEADER), *groups])
    found, segment, damage = read(path)
    assert found[1:-1] == [Record("f" if skipped else "F", ns, raw) for raw, ns, skipped in frames]
    assert (damage, segment.torn, segment.dropped) == ("", False, 0)


def test_facts_are_json_that_reads_back(tmp_path: Path) -> None:
    rows = [Candle(60_000, 0.1, 0.3, 1e-9, 1 / 3, 12345.678901234567, 3)]
    fact = Candles("BTC", "1m", rows, 5, 6)
    path = tmp_path / "a.tape.zst"
    write(path, [record_line("H", NS, HEADER), record_line("R", NS, fact)])
    record = read(path)[0][1]
    assert (record.kind, record.ns) == ("R", NS)
    assert msgspec.json.decode(record.payload, type=Candles) == fact


def test_a_header_comes_back_whole(tmp_path: Path) -> None:
    path = tmp_path / "a.tape.zst"
    write(path, groups_of())
    assert Segment(path).header() == HEADER


def test_it_does_not_matter_in_what_blocks_a_tape_was_compressed(tmp_path: Path) -> None:
    """One zstd block holds many groups, or a group fills many blocks."""
    path = tmp_path / "a.tape.zst"
    groups = [record_line("H", NS, HEADER), frame_line(os.urandom(300_000).hex().encode(), NS)]
    groups += [b"".join(groups_of(300)[1:]), record_line("T", NS) * 50_000]
    sizes = write(path, groups)
    found, segment, damage = read(path)
    assert found[:-1] == records_of(groups)
    assert (segment.torn, segment.dropped, damage) == (False, 0, "")
    assert segment.lines == len(found) and segment.last.startswith(b"E ")
    assert sizes[-2] <= segment.sound <= segment.size == path.stat().st_size
    text = zstandard.ZstdDecompressor().decompress(path.read_bytes(), max_output_size=1 << 24)
    path.write_bytes(zstandard.ZstdCompressor(level=9, write_content_size=True).compress(text))
    again, segment, damage = read(path)
    assert (again, segment.torn, segment.sound, damage) == (found, False, segment.size, "")


@pytest.mark.parametrize("cut", range(1, 30))
def test_a_check_line_may_be_split_over_two_blocks(tmp_path: Path, cut: int) -> None:
    path = tmp_path / "a.tape.zst"
    write(path, [record_line("H", NS, HEADER), *groups_of(40)[1:]])
    found, _, _ = read(path)
    text = zstandard.ZstdDecompressor().decompress(path.read_bytes(), max_output_size=1 << 24)
    at = text.index(b"\nK ", text.index(b"\nK ") + 1) + cut
    stream = zstandard.ZstdCompressor().compressobj()
    path.write_bytes(
        stream.compress(text[:at])
        + stream.flush(zstandard.COMPRESSOBJ_FLUSH_BLOCK)
        + stream.compress(text[at:])
        + stream.flush()
    )
    assert read(path)[0] == found


def test_a_group_of_many_blocks_is_read_in_reasonable_time(tmp_path: Path) -> None:
    path = tmp_path / "a.tape.zst"
    write(path, [record_line("H", NS, HEADER), frame_line(b"x" * 1000, NS) * 60_000])
    used = resource.getrusage(resource.RUSAGE_SELF).ru_utime
    assert sum(len(group) for group in Segment(path).groups()) > 60_000_000
    assert resource.getrusage(resource.RUSAGE_SELF).ru_utime - used < 2.0


def test_a_segment_of_many_groups_is_read_in_reasonable_time(tmp_path: Path) -> None:
    """An hour's tape holds some fourteen thousand groups."""
    path = tmp_path / "a.tape.zst"
    group = b"".join(frame_line(b'{"channel":"bbo","data":"%060d"}' % i, NS + i) for i in range(20))
    write(path, [record_line("H", NS, HEADER), *[group] * 14_400])
    used = resource.getrusage(resource.RUSAGE_SELF).ru_utime
    assert sum(1 for _ in Segment(path).groups()) == 14_402
    assert resource.getrusage(resource.RUSAGE_SELF).ru_utime - used < 2.0


# The file as others see it.


def test_zstd_shows_a_tape_to_a_person(tmp_path: Path) -> None:
    if shutil.which("zstd") is None:
        pytest.skip("no zstd")
    path = tmp_path / "a.tape.zst"
    write(path, groups_of(2))
    shown = subprocess.run(["zstd", "-dc", path], check=True, capture_output=True).stdout
    lines = shown.split(b"\n")
    assert lines[0].startswith(b"H %d {" % NS)
    assert json.loads(lines[0].split(b" ", 2)[2])["format"] == FORMAT
    assert lines[2] == b'F %d {"channel":"bbo","data":1}' % (NS + 1_000)
    assert lines[-3].startswith(b"E ")


# Torn.


def test_a_tape_cut_anywhere_gives_all_whole_groups_before_the_cut(tmp_path: Path) -> None:
    path, cut = tmp_path / "a.tape.zst", tmp_path / "cut.tape.zst"
    groups = groups_of()
    sizes = write(path, groups)
    whole = path.read_bytes()
    all_groups = [*groups, record_line("E", NS + 10**9, END)]
    for size in range(len(whole)):
        cut.write_bytes(whole[:size])
        found, segment, damage = read(cut)
        kept = sum(1 for s in sizes if s <= size)
        assert damage == ""
        # The last group's bytes end before the file does: the stream's own end comes after them.
        assert found in (records_of(all_groups[:kept]), records_of(all_groups))
        assert segment.torn == (len(found) < len(records_of(all_groups)))


def test_a_tape_without_its_end_record_is_torn_even_if_nothing_is_dropped(tmp_path: Path) -> None:
    path = tmp_path / "a.tape.zst"
    write(path, groups_of(), closed=False)
    found, segment, damage = read(path)
    assert found == records_of(groups_of())
    assert (segment.torn, segment.dropped, damage) == (True, 0, "")


def test_the_bytes_of_a_half_written_group_are_counted_as_they_are_in_the_file(
    tmp_path: Path,
) -> None:
    path = tmp_path / "a.tape.zst"
    half, header = half_written(path)
    found, segment, _ = read(path)
    assert found == records_of([header])
    assert (segment.torn, segment.dropped, segment.lines) == (True, half, 1)
    with path.open("r+b") as file:
        file.truncate(path.stat().st_size - 1000)
    found, segment, _ = read(path)
    assert found == records_of([header])
    assert (segment.torn, segment.dropped) == (True, half - 1000)
    assert segment.sound + segment.dropped == segment.size


# Altered.


def flips(size: int) -> Iterator[tuple[int, int]]:
    """Yield (offset, mask) for every byte of a file, another bit for each."""
    for offset in range(size):
        yield offset, 1 << (offset % 8)
        yield offset, 0xFF


@pytest.mark.parametrize("closed", [True, False])
def test_a_flipped_byte_is_noticed_or_lies_in_the_torn_tail(tmp_path: Path, closed: bool) -> None:
    path, bent = tmp_path / "a.tape.zst", tmp_path / "bent.tape.zst"
    groups = groups_of(6)
    sizes = write(path, groups, closed=closed)
    whole = path.read_bytes()
    groups = [*groups, record_line("E", NS + 10**9, END)] if closed else groups
    truth = records_of(groups)
    noticed = 0
    for offset, mask in flips(len(whole)):
        bent.write_bytes(whole[:offset] + bytes((whole[offset] ^ mask,)) + whole[offset + 1 :])
        found, segment, damage = read(bent)
        assert found == truth[: len(found)], f"byte {offset} changed what was read"
        if len(found) == len(truth):
            continue
        # What is missing begins no earlier than the group that holds the byte.
        kept = sum(1 for size in sizes if size <= offset)
        assert len(found) >= len(records_of(groups[:kept]))
        assert damage or segment.torn
        noticed += 1
    assert noticed > 1.8 * len(whole)


@pytest.mark.parametrize(
    "alter",
    [
        lambda text: text.replace(b'"data":2', b'"data":3'),
        lambda text: text.replace(b"K 0 ", b"K 1 ", 1),
        lambda text: text.replace(b"K 0 ", b"K 0 0", 1),
        lambda text: text.replace(b"reason 1", b"reason 1 and more"),
        lambda text: text.replace(b"T ", b"", 1),
        lambda text: text.replace(b"K 0 ", b"K  ", 1),
        lambda text: text.replace(b"K 0 ", b"K x y z ", 1),
        lambda text: b"K 0 00000000 5\n" + text,
    ],
)
def test_lines_changed_and_compressed_again_do_not_pass(
    tmp_path: Path, alter: Callable[[bytes], bytes]
) -> None:
    path = tmp_path / "a.tape.zst"
    write(path, groups_of())
    text = zstandard.ZstdDecompressor().decompress(path.read_bytes(), max_output_size=1 << 20)
    assert alter(text) != text
    path.write_bytes(zstandard.ZstdCompressor().compress(alter(text)))
    assert "checksum does not match" in read(path)[2]


def test_a_sound_checksum_around_an_unreadable_line_is_damage(tmp_path: Path) -> None:
    for text in (b"\n", b"F\n", b"F x {}\n", b"B 5 !!!\n", b"B 5 YQ\n", b" 5 x\n", b"F \xff x\n"):
        path = tmp_path / "a.tape.zst"
        write(path, [record_line("H", NS, HEADER), text])
        assert "unreadable line" in read(path)[2]
        path.unlink()


def test_bytes_after_the_end_are_damage(tmp_path: Path) -> None:
    path = tmp_path / "a.tape.zst"
    for extra in (b"x", b"\x00" * 100, path.name.encode()):
        write(path, groups_of())
        with path.open("ab") as file:
            file.write(extra)
        assert "bytes after the end" in read(path)[2]
        path.unlink()


def test_two_tapes_in_one_file_are_damage(tmp_path: Path) -> None:
    path = tmp_path / "a.tape.zst"
    write(path, groups_of())
    path.write_bytes(path.read_bytes() * 2)
    assert "bytes after the end" in read(path)[2]


# Not a tape.


def test_an_empty_file_holds_nothing_and_is_no_tape(tmp_path: Path) -> None:
    path = tmp_path / "a.tape.zst"
    path.touch()
    assert read(path)[0] == []
    assert Segment(path).torn
    with pytest.raises(InputDamaged, match="not a tape"):
        Segment(path).header()


@pytest.mark.parametrize(
    "raw",
    [b"hello", b"\x00" * 1000, b"\x1f\x8b gzip", os.urandom(64), b"\xff" * 5000],
    ids=["text", "zeros", "gzip", "random", "ones"],
)
def test_what_is_no_tape_is_damage(tmp_path: Path, raw: bytes) -> None:
    path = tmp_path / "a.tape.zst"
    path.write_bytes(raw)
    assert "not a whole tape segment" in read(path)[2]
    with pytest.raises(InputDamaged, match=str(path)):
        Segment(path).header()


def test_a_zstd_file_of_something_else_is_no_tape(tmp_path: Path) -> None:
    path = tmp_path / "a.tape.zst"
    path.write_bytes(zstandard.ZstdCompressor().compress(b"just\nsome\nlines\n"))
    with pytest.raises(InputDamaged, match="not a tape"):
        Segment(path).header()


def test_a_tape_that_does_not_begin_with_its_header_is_none(tmp_path: Path) -> None:
    path = tmp_path / "a.tape.zst"
    write(path, [frame_line(b"{}", NS), *groups_of()])
    with pytest.raises(InputDamaged, match="not a tape"):
        Segment(path).header()


@pytest.mark.parametrize("format_", ["gnomon-tape/2", "gnomon-tape", ""])
def test_another_version_of_the_format_is_named(tmp_path: Path, format_: str) -> None:
    path = tmp_path / "a.tape.zst"
    write(path, [record_line("H", NS, msgspec.structs.replace(HEADER, format=format_))])
    with pytest.raises(InputDamaged, match=f"format '{format_}'.*gnomon-tape/1"):
        Segment(path).header()


def test_a_segment_that_cannot_be_read_says_so_in_one_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(InputDamaged, match=r"gone: cannot be read \(No such file"):
        list(Segment(tmp_path / "gone").groups())

    def refuse(*_: object, **__: object) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "open", refuse)
    with pytest.raises(OperatorError, match=r"cannot be read \(Permission denied\)"):
        list(Segment(tmp_path / "mine").groups())


def test_a_block_of_a_size_that_cannot_be_is_damage_and_no_tear(tmp_path: Path) -> None:
    path = tmp_path / "a.tape.zst"
    sizes = write(path, groups_of(), closed=False)
    raw = bytearray(path.read_bytes())
    raw[sizes[1] + 2] = 0xFF
    path.write_bytes(raw)
    found, segment, damage = read(path)
    assert found == records_of(groups_of()[:2]) and "not a whole tape segment" in damage
    assert segment.sound == sizes[1]


# Several segments.


def test_the_newest_segment_of_a_folder_is_named(tmp_path: Path) -> None:
    assert newest_name(tmp_path) == ""
    names = [segment_name(seq, NS) for seq in (9, 10, 2)]
    for name in names:
        write(tmp_path / name, groups_of(1))
    (tmp_path / f"{segment_name(11, NS)}.damaged").touch()
    assert newest_name(tmp_path) == names[1]


def test_segments_are_read_in_consumed_order(tmp_path: Path) -> None:
    names = [segment_name(seq, NS) for seq in (1, 2, 9, 10, 99, 100, 12_345_678)]
    for name in reversed(names):
        write(tmp_path / name, groups_of(1))
    (tmp_path / "notes.txt").touch()
    (tmp_path / "x.tape.zst.repair").touch()
    assert [s.path.name for s in segments_of(tmp_path)] == names
    only = segments_of(tmp_path / names[2])
    assert [s.path.name for s in only] == [names[2]]


def test_a_place_without_a_tape_says_so(tmp_path: Path) -> None:
    with pytest.raises(InputDamaged, match="no such tape"):
        segments_of(tmp_path / "none")
    with pytest.raises(InputDamaged, match="no tape segments"):
        segments_of(tmp_path)
