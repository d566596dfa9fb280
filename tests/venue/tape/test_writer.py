"""Writing of segments, and the repair of a torn one."""

from __future__ import annotations

import os
import resource
import zlib
from pathlib import Path

import msgspec
import pytest
import zstandard

from market.errors import InputDamaged
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
    record_line,
)
from venue.tape.segment import segments_of
from venue.tape.writer import SegmentWriter, repair


def test_each_group_ends_with_its_crc_and_size(tmp_path: Path) -> None:
    path = tmp_path / "a.tape.zst"
    groups = groups_of(3)
    write(path, groups)
    raw = zstandard.ZstdDecompressor().decompress(path.read_bytes(), max_output_size=1 << 20)
    end = record_line("E", NS + 10**9, END)
    expected = b"".join(
        group + b"K 0 %08x %d\n" % (zlib.crc32(group), len(group)) for group in [*groups, end]
    )
    assert raw == expected


def test_what_was_written_is_in_the_file_on_return(tmp_path: Path) -> None:
    path = tmp_path / "a.tape.zst"
    writer = SegmentWriter(path)
    groups = groups_of()
    for i, group in enumerate(groups):
        writer.write(group)
        assert read(path)[0] == records_of(groups[: i + 1])
    writer.abandon()


def test_writing_reaches_the_disk_before_it_returns(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "a.tape.zst"
    synced: list[int] = []
    for name in ("fdatasync", "fsync"):
        monkeypatch.setattr(os, name, lambda fd: synced.append(os.fstat(fd).st_size))
    sizes = write(path, groups_of(3))
    assert synced == sizes


def test_what_was_handed_over_unsynced_is_synced_with_what_follows(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "a.tape.zst"
    synced: list[int] = []
    monkeypatch.setattr(os, "fdatasync", lambda fd: synced.append(os.fstat(fd).st_size))
    writer = SegmentWriter(path)
    group, *_ = groups_of(1)
    writer.write(group, sync=False)
    assert read(path)[0] == records_of([group]) and synced == []
    writer.write(b"")
    assert synced == [path.stat().st_size], "also when nothing follows"
    writer.write(b"")
    assert len(synced) == 1
    writer.abandon()


def test_writing_nothing_writes_nothing(tmp_path: Path) -> None:
    path = tmp_path / "a.tape.zst"
    writer = SegmentWriter(path)
    writer.write(b"")
    assert path.stat().st_size == 0
    writer.discard()
    assert not path.exists()


def test_a_segment_is_never_written_over(tmp_path: Path) -> None:
    path = tmp_path / "a.tape.zst"
    write(path, groups_of())
    before = path.read_bytes()
    with pytest.raises(FileExistsError):
        SegmentWriter(path)
    assert path.read_bytes() == before


def test_a_full_disk_leaves_what_was_written_before_readable(tmp_path: Path) -> None:
    path = tmp_path / "a.tape.zst"
    groups = groups_of()
    writer = SegmentWriter(path)
    for group in groups:
        writer.write(group)
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (path.stat().st_size + 100, hard))
    try:
        with pytest.raises(OSError, match="File too large"):
            writer.write(os.urandom(50_000).replace(b"\n", b"") + b"\n")
        writer.abandon()
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    found, segment, damage = read(path)
    assert found == records_of(groups)
    assert (segment.torn, damage) == (True, "")


# Repair.


def test_a_closed_tape_is_left_as_it_is(tmp_path: Path) -> None:
    path = tmp_path / "a.tape.zst"
    write(path, groups_of())
    before = path.read_bytes()
    mended = repair(path)
    assert (mended.was_torn, mended.dropped) == (False, 0)
    assert mended.last_seq >= HEADER.first_seq
    assert path.read_bytes() == before
    assert list(tmp_path.iterdir()) == [path]


def test_a_torn_tape_is_closed_wherever_it_was_cut_and_once_is_enough(tmp_path: Path) -> None:
    path, cut = tmp_path / "a.tape.zst", tmp_path / "cut.tape.zst"
    groups = groups_of()
    sizes = write(path, groups)
    whole = path.read_bytes()
    path.unlink()
    for size in range(0, len(whole), 3):
        cut.write_bytes(whole[:size])
        kept = [g for g, s in zip(groups, sizes, strict=False) if s <= size]
        mended = repair(cut)
        if not kept:
            assert mended.was_torn
            assert list(tmp_path.iterdir()) == []
            continue
        found, segment, damage = read(cut)
        assert (segment.torn, segment.dropped, damage) == (False, 0, "")
        assert found[:-1] == records_of(kept)
        assert found[-1].kind == "E"
        assert found[-1].ns >= found[-2].ns
        # An event at most for each record but the header; the next may take the number after.
        assert mended.last_seq >= HEADER.first_seq + len(found) - 3
        assert segment.header() == HEADER
        again = repair(cut)
        assert (again.was_torn, again.dropped) == (False, 0)
        assert again.last_seq >= mended.last_seq
        assert read(cut)[0] == found
        assert list(tmp_path.iterdir()) == [cut]
        cut.unlink()


def test_repair_says_how_much_was_dropped(tmp_path: Path) -> None:
    path = tmp_path / "a.tape.zst"
    half, _ = half_written(path)
    assert repair(path).dropped == half
    assert [r.kind for r in read(path)[0]] == ["H", "E"]


def test_the_rest_of_a_repair_that_was_itself_cut_off_is_in_no_ones_way(tmp_path: Path) -> None:
    path = tmp_path / "a.tape.zst"
    write(path, groups_of(), closed=False)
    (tmp_path / "a.tape.zst.repair").write_bytes(b"half a repair")
    assert repair(path).was_torn
    assert list(tmp_path.iterdir()) == [path]
    assert not read(path)[1].torn or read(path)[0][-1].kind == "E"


def test_garbage_a_crash_left_at_the_end_is_dropped_and_the_original_kept_aside(
    tmp_path: Path,
) -> None:
    path = tmp_path / "a.tape.zst"
    groups = groups_of()
    write(path, groups, closed=False)
    with path.open("ab") as file:
        file.write(b"\xff" * 500)
    before = path.read_bytes()
    assert repair(path).was_torn
    assert read(path)[0][:-1] == records_of(groups)
    aside = tmp_path / "a.tape.zst.damaged"
    assert aside.read_bytes() == before
    assert [s.path for s in segments_of(tmp_path)] == [path]


def test_a_tape_damaged_in_the_middle_is_not_thrown_away(tmp_path: Path) -> None:
    path = tmp_path / "a.tape.zst"
    groups = groups_of(6)
    sizes = write(path, groups)
    raw = bytearray(path.read_bytes())
    raw[sizes[2] + 30] ^= 0x55
    path.write_bytes(raw)
    assert read(path)[2]
    mended = repair(path)
    assert mended.was_torn
    assert read(path)[0][:-1] == records_of(groups[:3])
    assert (tmp_path / "a.tape.zst.damaged").read_bytes() == bytes(raw)


def test_a_tape_whose_very_beginning_is_damaged_is_not_thrown_away(tmp_path: Path) -> None:
    path = tmp_path / "a.tape.zst"
    write(path, groups_of(6))
    raw = bytearray(path.read_bytes())
    raw[40] ^= 0x55
    path.write_bytes(raw)
    assert read(path)[0] == []
    repair(path)
    assert [p.read_bytes() for p in tmp_path.iterdir()] == [bytes(raw)]


@pytest.mark.parametrize("closed", [True, False])
def test_a_tape_of_another_format_is_refused_and_not_touched(tmp_path: Path, closed: bool) -> None:
    path = tmp_path / "a.tape.zst"
    header = record_line("H", NS, msgspec.structs.replace(HEADER, format="gnomon-tape/2"))
    write(path, [header, *groups_of()[1:]], closed=closed)
    before = path.read_bytes()
    with pytest.raises(InputDamaged, match="gnomon-tape/2"):
        repair(path)
    assert path.read_bytes() == before
    assert list(tmp_path.iterdir()) == [path]


def test_a_repair_that_fails_leaves_the_tape_as_it_was(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "a.tape.zst"
    write(path, groups_of(), closed=False)
    before = path.read_bytes()

    def full(fd: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="No space left"):
        repair(path)
    assert path.read_bytes() == before
    assert list(tmp_path.iterdir()) == [path]
