from __future__ import annotations

import json
import os
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path
from typing import Any

import msgspec
import pytest
import zstandard

from daemon.replay.player import Player
from daemon.replay.result import Result
from daemon.replay.results import replay_tape
from daemon.version import code_version
from market.errors import InputDamaged
from market.events import Command
from shadow.store.check import broken_promises
from shadow.store.store import open_readonly
from tests.daemon import rig
from tests.daemon.recordings import Recorder, first_head, record
from venue.hyperliquid.life import State
from venue.tape.lines import SUFFIX, decode_header, record_line
from venue.tape.segment import Segment
from venue.tape.writer import SegmentWriter

STRETCH = (90.0, 60.0, 75.0)


@pytest.fixture(scope="module")
def taped(tmp_path_factory: pytest.TempPathFactory) -> Recorder:
    """Three segments of one run."""
    return record(tmp_path_factory.mktemp("tape"), seconds=STRETCH)


def play(path: Path, **options: Any) -> Result:
    return Player(**options).play(path)


@pytest.mark.parametrize("seed", [7, 9])
def test_a_recorded_run_replays_to_the_same_digest(seed: int, tmp_path: Path) -> None:
    recorder = record(tmp_path / "tape", seed=seed, seconds=(50.0, 50.0))
    result = play(recorder.folder)
    engine = recorder.scene.engine
    assert result.digest == result.recorded_digest == engine.digest
    assert result.digest_match is True and not result.mismatch
    assert result.events == engine.vitals.seq
    assert result.admitted == engine.vitals.admitted > 0
    assert result.blocked == engine.vitals.blocked > 0
    assert result.phantoms == engine.vitals.phantoms
    assert result.frames == recorder.scene.run.session.frames
    assert result.dropped_bytes == 0 and not result.violations


def test_every_segment_replays_alone_from_the_state_at_its_head(taped: Recorder) -> None:
    whole = play(taped.folder)
    parts = [play(path) for path in taped.paths]
    assert [p.digest_match for p in parts] == [True] * 3
    assert parts[-1].digest == whole.digest
    assert len({p.digest for p in parts}) == 3
    for name in ("events", "frames", "signals", "admitted", "blocked", "phantoms"):
        assert sum(getattr(p, name) for p in parts) == getattr(whole, name), name


def test_a_segment_that_begins_on_an_open_connection_has_live_streams(taped: Recorder) -> None:
    """Otherwise every frame of it would be taken for the first of its stream."""
    for path in taped.paths:
        player = Player()
        player.play(path)
        assert player._intake is not None
        streams = player._intake.session.streams.values()
        spoken = [stream.state for stream in streams if stream.cadence.count]
        assert len(spoken) > 5 and set(spoken) == {State.LIVE}


def test_later_segments_alone_agree_with_the_folder_they_came_from(
    taped: Recorder, tmp_path: Path
) -> None:
    folder = tmp_path / "tail"
    folder.mkdir()
    for path in taped.paths[1:]:
        (folder / path.name).write_bytes(path.read_bytes())
    assert play(folder).digest == play(taped.folder).digest


@pytest.mark.parametrize("why", ["SIGTERM", ""])
def test_a_tape_replays_across_a_restart(why: str, tmp_path: Path) -> None:
    recorder = record(tmp_path / "tape", seconds=(70.0,))
    recorder.paths[-1].unlink()
    recorder.folder.rmdir()
    recorder = Recorder(tmp_path / "tape")
    recorder._head = first_head(recorder)
    recorder.scene.advance(70, reads=4)
    recorder.close(why)
    recorder.restart(45)
    recorder.scene.advance(50)
    recorder.close("SIGTERM")
    result = play(recorder.folder)
    assert result.digest_match is True
    assert result.digest == recorder.scene.engine.digest
    assert [play(p).digest_match for p in recorder.paths] == [True, True]


def test_a_flattened_run_replays_from_its_tape_and_each_segment_alone(tmp_path: Path) -> None:
    said: list[str] = []

    def flatten(recorder: Recorder) -> None:
        verb = "resume" if said else "flatten"
        said.append(recorder.scene.tell(Command(verb)).reply)

    recorder = record(tmp_path / "tape", seconds=(80.0, 20.0, 30.0), between=flatten)
    assert "told to exit" in said[0] and " 0 trades" not in said[0]
    assert play(recorder.folder).digest == recorder.scene.engine.digest
    assert [play(path).digest_match for path in recorder.paths] == [True] * 3


def test_the_digest_is_the_same_under_any_hash_seed(taped: Recorder) -> None:
    code = (
        "import sys\nfrom pathlib import Path\nfrom daemon.replay.player import Player\n"
        "r = Player().play(Path(sys.argv[1]))\nprint(r.digest, r.digest_match)"
    )
    root = Path(__file__).parents[3]
    for seed in ("1", "4242"):
        done = subprocess.run(
            [sys.executable, "-c", code, str(taped.paths[0])],
            capture_output=True,
            text=True,
            check=True,
            env={**os.environ, "PYTHONHASHSEED": seed, "PYTHONPATH": str(root)},
        )
        assert done.stdout.split() == [play(taped.paths[0]).digest, "True"]


def test_without_a_filter_other_decisions_are_made_and_told_apart(taped: Recorder) -> None:
    result = play(taped.folder, without=["direction"], whole=True)
    sound = play(taped.folder)
    assert result.digest_match is False and "first differs" in result.mismatch
    assert result.events == sound.events
    assert result.admitted != sound.admitted
    engine = Player(without=["direction"], whole=True)
    engine.play(taped.paths[0])
    assert engine.engine is not None
    assert "direction" not in {f.name for f in engine.engine.branch.gate.filters}


def test_a_counterfactual_goes_on_across_a_restart_in_its_own_history(tmp_path: Path) -> None:
    recorder = Recorder(tmp_path / "tape")
    recorder._head = first_head(recorder)
    recorder.scene.advance(60)
    recorder.close("SIGTERM")
    recorder.restart(30)
    recorder.scene.advance(30)
    recorder.close("SIGTERM")
    player = Player(without=["direction", "position", "division"], whole=True)
    player.play(recorder.folder)
    first = Player(without=["direction", "position", "division"], whole=True)
    first.play(recorder.paths[0])
    assert player.engine is not None and first.engine is not None
    assert player.engine.vitals.admitted > first.engine.vitals.admitted > 0


def rewrite(path: Path, change: Any, to: Path) -> Path:
    """Write a segment anew with its lines changed, every checksum right."""
    lines = [t + b"\n" for group in Segment(path).groups() for t in group.split(b"\n")[:-1]]
    writer = SegmentWriter(to / path.name)
    changed = change(lines)
    writer.write(b"".join(changed[:-1]))
    writer.close(changed[-1])
    return to / path.name


def first_admitted_frame(path: Path) -> int:
    player = Player()
    records = [r for r in Segment(path).records()]
    player._begin(decode_header(records[0].payload, path), records[0].ns, path)
    for number, found in enumerate(records):
        if found.kind in "FfTRCXL":
            player._intake.replay(found)  # type: ignore[union-attr]
        if player.engine is not None and player.engine.vitals.admitted:
            return number
    raise AssertionError("nothing admitted")


def test_a_frame_that_was_tampered_with_shows_as_a_mismatch(
    taped: Recorder, tmp_path: Path
) -> None:
    at = first_admitted_frame(taped.paths[0])

    def drop(lines: list[bytes]) -> list[bytes]:
        victims = [i for i in range(at - 400, at + 1) if b'"bbo"' in lines[i]]
        return [line for i, line in enumerate(lines) if i not in victims]

    changed = rewrite(taped.paths[0], drop, tmp_path)
    result = play(changed)
    assert result.digest_match is False
    assert "first differs by event" in result.mismatch and changed.name in result.mismatch
    assert result.same_code_mismatch


def test_a_digest_that_was_tampered_with_shows_as_a_mismatch(
    taped: Recorder, tmp_path: Path
) -> None:
    def forge(lines: list[bytes]) -> list[bytes]:
        at = next(i for i, line in enumerate(lines) if line[:1] == b"D")
        found = lines[at].split(b'"digest":"')
        digit = b"1" if found[1][:1] == b"0" else b"0"
        lines[at] = found[0] + b'"digest":"' + digit + found[1][1:]
        return lines

    assert play(rewrite(taped.paths[0], forge, tmp_path)).digest_match is False


def test_a_byte_changed_on_disk_is_damage(taped: Recorder, tmp_path: Path) -> None:
    raw = bytearray(taped.paths[1].read_bytes())
    raw[len(raw) // 2] ^= 0x20
    (tmp_path / taped.paths[1].name).write_bytes(raw)
    with pytest.raises(InputDamaged):
        play(tmp_path)


def version_of(version: str, path: Path, to: Path, *, digest: str = "") -> Path:
    def change(lines: list[bytes]) -> list[bytes]:
        header = msgspec.json.decode(lines[0].split(b" ", 2)[2])
        header["code_version"] = version
        lines[0] = record_line("H", int(lines[0].split(b" ")[1]), header)
        if digest:
            end = {"why": "SIGTERM", "seq": 1, "digest": digest}
            lines[-1] = record_line("E", int(lines[-1].split(b" ")[1]), end)
        return lines

    return rewrite(path, change, to)


def test_only_a_mismatch_under_the_same_code_is_our_bug(taped: Recorder, tmp_path: Path) -> None:
    """Each segment answers for the code that recorded it."""
    old = version_of("0.0.1+old", taped.paths[0], tmp_path, digest="f" * 32)
    new = version_of(code_version(), taped.paths[1], tmp_path)
    assert old.name < new.name
    result = play(tmp_path)
    assert result.digest_match is False and not result.same_code_mismatch
    assert result.recorded_by == code_version()
    remade = tmp_path / "remade"
    remade.mkdir()
    version_of(code_version(), taped.paths[0], remade, digest="f" * 32)
    version_of("0.0.1+old", taped.paths[1], remade)
    assert play(remade).same_code_mismatch


def test_a_torn_tape_replays_up_to_the_tear(taped: Recorder, tmp_path: Path) -> None:
    lines = [
        t + b"\n" for group in Segment(taped.paths[0]).groups() for t in group.split(b"\n")[:-1]
    ]
    path = tmp_path / taped.paths[0].name
    writer = SegmentWriter(path)
    for at in range(0, 1500, 100):
        writer.write(b"".join(lines[at : at + 100]))
    whole = play(path)
    assert whole.digest_match is True and whole.dropped_bytes == 0
    # A group whose checksum never reached the disk, then half a compressed block.
    unchecked = writer._stream.compress(b"".join(lines[1500:1600]))
    unchecked += writer._stream.flush(zstandard.COMPRESSOBJ_FLUSH_BLOCK)
    writer._file.write(unchecked)
    writer.abandon()
    torn = play(path)
    assert torn.digest == whole.digest and torn.events == whole.events
    assert (torn.torn, torn.dropped_bytes) == ([path.name], len(unchecked)) and not torn.damage
    assert torn.lines()[-1] == (
        f"{path.name}: the end is torn; "
        f"{len(unchecked):,} bytes after its last sound block could not be read"
    )
    assert whole.lines()[-1].startswith(f"{path.name}: stops without its end record")
    path.write_bytes(path.read_bytes()[: -len(unchecked) - 7])
    shorter = play(path)
    assert shorter.digest_match is not False
    assert 0 < shorter.events < whole.events


def test_a_tape_with_a_hole_is_replayed_in_parts_and_nothing_is_claimed_of_the_whole(
    taped: Recorder, tmp_path: Path
) -> None:
    for path in (taped.paths[0], taped.paths[2]):
        (tmp_path / path.name).write_bytes(path.read_bytes())
    hole = tuple(int(taped.paths[n].name.split("-")[0]) - (n - 1) for n in (1, 2))
    parts = [play(taped.paths[n]) for n in (0, 2)]
    for state_ in (None, tmp_path / "state"):
        result = replay_tape(tmp_path, state_, [])
        assert result.digest == result.recorded_digest == parts[1].digest
        assert result.digest_match is None and not result.mismatch
        for name in ("events", "frames", "signals", "admitted", "blocked", "phantoms"):
            assert getattr(result, name) == sum(getattr(p, name) for p in parts), name
        assert result.missing_events == [hole]
        (fault,) = result.damage
        assert f"{taped.paths[2].name}: events {hole[0]} to {hole[1]} are missing" in fault
        text = "\n".join(result.lines())
        assert fault in text and "part of the tape is lost" in text and ": equal\n" not in text
        assert msgspec.json.decode(msgspec.json.encode(result))["missing_events"] == [list(hole)]
    without = play(tmp_path, without=["direction"], whole=True)
    alone = play(taped.paths[2], without=["direction"], whole=True)
    assert without.digest == alone.digest and without.damage == result.damage


def test_a_tear_in_front_of_others_is_told_and_what_is_there_is_replayed(
    taped: Recorder, tmp_path: Path
) -> None:
    whole = play(taped.folder)
    for path in taped.paths:
        (tmp_path / path.name).write_bytes(path.read_bytes())
    first = tmp_path / taped.paths[0].name
    os.truncate(first, first.stat().st_size - 1000)
    part, rest = play(first), [play(path) for path in taped.paths[1:]]
    assert part.torn == [first.name] and part.digest_match is not False
    result = play(tmp_path)
    assert result.events == part.events + sum(r.events for r in rest) < whole.events
    assert result.frames == part.frames + sum(r.frames for r in rest) < whole.frames
    assert result.digest == whole.digest and result.digest_match is None
    (fault,) = result.damage
    assert first.name in fault and f"{first.stat().st_size:,} bytes" in fault
    assert result.torn == [] and fault in result.lines()


def test_an_empty_segment_in_front_of_others_does_not_keep_them_from_being_replayed(
    taped: Recorder, tmp_path: Path
) -> None:
    (tmp_path / taped.paths[0].name).write_bytes(b"")
    (tmp_path / taped.paths[1].name).write_bytes(taped.paths[1].read_bytes())
    result = replay_tape(tmp_path, None, [])
    assert result.digest == play(taped.paths[1]).digest and len(result.damage) == 1


def test_a_segment_that_a_crash_left_empty_behind_others_is_a_torn_end(
    taped: Recorder, tmp_path: Path
) -> None:
    (tmp_path / taped.paths[0].name).write_bytes(taped.paths[0].read_bytes())
    (tmp_path / taped.paths[1].name).write_bytes(b"")
    result = play(tmp_path)
    assert result.digest_match is True
    assert result.events == play(taped.paths[0]).events


@pytest.mark.parametrize("content", [b"", b"hello", b"\x28\xb5\x2f\xfd"])
def test_a_file_that_is_no_tape_is_refused(content: bytes, tmp_path: Path) -> None:
    path = tmp_path / f"00000000000001-x{SUFFIX}"
    path.write_bytes(content)
    with pytest.raises(InputDamaged):
        play(path)


@pytest.mark.parametrize(
    "change",
    [
        {"engine": {"vitals": {}}},
        {"engine": {"nonsense": 1}},
        {"session": {"seen": 7}},
        {"config": {"desk": {"no_such_key": 1}}},
        {"config": {"gate": {"no_such_filter": {}}}},
        {"subscriptions": [{"type": 1}]},
        {"instruments": []},
        {"format": "gnomon-tape/9"},
    ],
    ids=lambda c: json.dumps(c)[:40],
)
def test_a_header_this_version_cannot_read_is_a_damaged_input(
    taped: Recorder, change: dict[str, Any], tmp_path: Path
) -> None:
    def alter(lines: list[bytes]) -> list[bytes]:
        header = msgspec.json.decode(lines[0].split(b" ", 2)[2])
        lines[0] = record_line("H", int(lines[0].split(b" ")[1]), {**header, **change})
        return lines

    path = rewrite(taped.paths[0], alter, tmp_path)
    with pytest.raises(InputDamaged, match=path.name):
        play(path)


def test_the_counts_of_a_replay_are_those_of_the_database_it_wrote(
    taped: Recorder, tmp_path: Path
) -> None:
    result = replay_tape(taped.folder, tmp_path, [])
    db = open_readonly(tmp_path / "replay" / "gnomon.db")
    try:

        def count(query: str) -> int:
            return int(db.execute(f"SELECT COUNT(*) FROM {query}").fetchone()[0])

        assert result.signals == count("signal")
        assert result.admitted == count("signal WHERE verdict = 'admitted'")
        assert result.blocked == count("signal WHERE verdict = 'blocked'") == count("blocked")
        assert result.phantoms == count("trade WHERE kind = 'phantom' AND cause = 'block'")
        assert result.trades == count("trade WHERE kind = 'paper'")
        assert result.alarms == count("alarm")
        assert result.signals > 10
        assert broken_promises(db) == []
        run = db.execute("SELECT * FROM run").fetchall()
        assert len(run) == 1
        assert run[0]["digest"] == result.digest and run[0]["events"] == result.events
        assert run[0]["mode"] == "replay" and run[0]["ended_why"] == "end of tape"
        assert run[0]["frames"] == result.frames
    finally:
        db.close()


TABLES = (
    "signal", "check_result", "trade", "fill", "order_event", "trade_day", "equity", "alarm",
    "rollup",
)  # fmt: skip


def same_database(live_path: Path, dead_path: Path) -> None:
    live, dead = (
        sqlite3.connect(f"file:{path}?mode=ro", uri=True) for path in (live_path, dead_path)
    )
    try:
        for table in TABLES:
            query = f"SELECT * FROM {table} ORDER BY 1, 2, 3"
            ours, theirs = live.execute(query).fetchall(), dead.execute(query).fetchall()
            if table == "rollup":
                ours, theirs = rounded(ours), rounded(theirs)
            assert ours == theirs, table
            assert ours or table in ("alarm", "trade_day")
        # How far an open trade's extremes are written down depends on where the commits fell.
        query = (
            "SELECT key, CASE WHEN key LIKE '%trade/%' THEN '' ELSE value END FROM state"
            " WHERE key NOT IN ('marks', 'whole') ORDER BY key"
        )
        assert live.execute(query).fetchall() == dead.execute(query).fetchall()
    finally:
        live.close()
        dead.close()


def test_a_replay_writes_what_the_run_itself_wrote(tmp_path: Path) -> None:
    recorder = Recorder(tmp_path / "tape", database=tmp_path / "live.db")
    recorder._head = first_head(recorder)
    recorder.scene.advance(60)
    recorder.commit()
    recorder.scene.advance(60)
    recorder.close("SIGTERM")
    recorder.finish()
    replay_tape(recorder.folder, tmp_path, [])
    same_database(tmp_path / "live.db", tmp_path / "replay" / "gnomon.db")


def test_a_later_segment_s_replay_names_the_series_its_outcomes_are_of(
    taped: Recorder, tmp_path: Path
) -> None:
    """They began before the segment did, in a state that it carries at its head."""
    replay_tape(taped.paths[-1], tmp_path, ())
    path = tmp_path / "replay" / "gnomon.db"
    with closing(open_readonly(path)) as db:
        series = {row[0] for row in db.execute("SELECT series_id FROM series")}
        spells = db.execute("SELECT filter, from_seq, series_id FROM spell").fetchall()
        judged = {row[0] for row in db.execute("SELECT series_id FROM limit_day")}
    begins = Segment(taped.paths[-1]).header().first_seq
    assert judged and judged <= series == {row[2] for row in spells}
    assert {row[1] for row in spells} == {begins}


@pytest.mark.parametrize("uncommitted_s", [0.25, 60.0])
def test_what_a_crash_kept_from_the_database_is_replayed_but_not_written(
    uncommitted_s: float, tmp_path: Path
) -> None:
    """The tape is ahead of the database; decisions nobody was told of must not come back."""
    recorder = Recorder(tmp_path / "tape", database=tmp_path / "live.db")
    recorder._head = first_head(recorder)
    recorder.scene.advance(70)
    recorder.commit()
    decided = len(recorder.scene.engine.branch.keys)
    recorder.scene.advance(uncommitted_s)
    recorder.close("")
    assert uncommitted_s < 1 or len(recorder.scene.engine.branch.keys) > decided
    recorder.restart(20, commit=False)
    recorder.scene.advance(120)
    recorder.close("SIGTERM")
    recorder.finish()
    result = replay_tape(recorder.folder, tmp_path, [])
    assert result.digest_match is True
    path = tmp_path / "replay" / "gnomon.db"
    same_database(tmp_path / "live.db", path)
    db = open_readonly(path)
    try:
        assert broken_promises(db) == []
        counts = dict(db.execute("SELECT verdict, COUNT(*) FROM signal GROUP BY verdict"))
        assert counts == {"admitted": result.admitted, "blocked": result.blocked}
    finally:
        db.close()


def test_a_run_that_commits_often_leaves_the_same_state_at_a_restart(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Trades that closed between the last commit of a life and its end are gone from the state."""
    monkeypatch.setattr("daemon.replay.player.ROWS_A_COMMIT", 40)
    recorder = Recorder(tmp_path / "tape", database=tmp_path / "live.db")
    recorder._head = first_head(recorder)
    recorder.scene.advance(100)
    recorder.close("SIGTERM")
    recorder.restart(30)
    recorder.scene.advance(60)
    recorder.close("SIGTERM")
    recorder.finish()
    replay_tape(recorder.folder, tmp_path, [])
    same_database(tmp_path / "live.db", tmp_path / "replay" / "gnomon.db")


def rounded(rows: list[tuple[Any, ...]]) -> list[tuple[Any, ...]]:
    """Sums of floats depend on where the commits fell."""
    return sorted(tuple(round(v, 9) if isinstance(v, float) else v for v in row) for row in rows)


def test_a_replay_touches_nothing_but_its_own_mode(taped: Recorder, tmp_path: Path) -> None:
    (tmp_path / "local").mkdir()
    kept = b"a database of another mode"
    (tmp_path / "local" / "gnomon.db").write_bytes(kept)
    before = [(p, p.read_bytes()) for p in taped.paths]
    for _ in range(2):
        replay_tape(taped.paths[0], tmp_path, [])
        assert {p.name for p in tmp_path.iterdir()} == {"local", "replay"}
        assert (tmp_path / "local" / "gnomon.db").read_bytes() == kept
        files = {p.name for p in (tmp_path / "replay").rglob("*") if p.is_file()}
        assert files == {"gnomon.db"}, "made anew, closed and folded each time"
    assert [(p, p.read_bytes()) for p in taped.paths] == before
    assert {p.name for p in taped.folder.iterdir()} == {p.name for p in taped.paths}


def test_a_replay_without_a_state_leaves_nothing_behind(
    taped: Recorder, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    assert replay_tape(taped.paths[0], None, []).digest_match is True
    assert list(tmp_path.iterdir()) == []


def test_the_tape_s_own_configuration_is_used(taped: Recorder) -> None:
    player = Player()
    player.play(taped.paths[0])
    engine = player.engine
    assert engine is not None
    cap = next(
        f for f in engine.branch.gate.filters if f.name == "position"
    ).settings.coin_cap_share  # type: ignore[attr-defined]
    assert cap == rig.TIGHT["gate"]["position"]["coin_cap_share"]
    assert (
        engine.branch.books.identity.config_hash
        == taped.scene.engine.branch.books.identity.config_hash
    )
    other = Player(override=lambda c: {**c, "fills": {"latency_ms": 5000.0}})
    other.play(taped.paths[0])
    assert other.result.digest_match is False


def test_the_summary_holds_the_documented_keys(taped: Recorder) -> None:
    summary = msgspec.to_builtins(play(taped.paths[0]))
    documented = (
        "digest recorded_digest digest_match frames events signals admitted blocked phantoms"
        " trades wall_s events_per_s"
    )
    assert set(documented.split()) <= summary.keys()
    json.dumps(summary)
    assert summary["events_per_s"] > 0 and summary["wall_s"] > 0
    text = "\n".join(play(taped.paths[0]).lines())
    assert summary["digest"] in text and "equal" in text


def test_a_tape_without_digests_says_that_none_was_recorded(
    taped: Recorder, tmp_path: Path
) -> None:
    def strip(lines: list[bytes]) -> list[bytes]:
        kept = [line for line in lines if line[:1] not in b"DE"]
        return [*kept, record_line("E", int(kept[-1].split(b" ")[1]), {"why": "end of recording"})]

    result = play(rewrite(taped.paths[0], strip, tmp_path))
    assert result.recorded_digest is None and result.digest_match is None
    assert any("none recorded" in line for line in result.lines())
