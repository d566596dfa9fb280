from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

import msgspec
import pytest

from daemon.config.load import parse
from daemon.replay.results import replay_tape
from market.errors import GnomonError, InputDamaged
from risk.filter import filter_names
from shadow.store.store import open_readonly
from tests.daemon.recordings import Recorder, record
from venue.tape.lines import record_line
from venue.tape.segment import Segment
from venue.tape.writer import SegmentWriter

GOLDEN = Path(__file__).parents[2] / "support" / "golden"


@pytest.fixture(scope="module")
def taped(tmp_path_factory: pytest.TempPathFactory) -> Recorder:
    """A minute and a half of a run in one segment."""
    return record(tmp_path_factory.mktemp("tape"), seconds=(90.0,))


def run_of(state: Path) -> dict[str, object]:
    """Return the only run in a replay's database."""
    with closing(open_readonly(state / "replay" / "gnomon.db")) as db:
        (row,) = db.execute("SELECT * FROM run").fetchall()
        return dict(row)


def of_network(network: str, path: Path, to: Path) -> Path:
    """Write a segment anew as one of another network."""
    to.mkdir()
    lines = [t + b"\n" for group in Segment(path).groups() for t in group.split(b"\n")[:-1]]
    header = msgspec.json.decode(lines[0].split(b" ", 2)[2])
    ns = int(lines[0].split(b" ")[1])
    writer = SegmentWriter(to / path.name)
    writer.write(b"".join([record_line("H", ns, {**header, "network": network}), *lines[1:-1]]))
    writer.close(lines[-1])
    return to


def test_the_filters_that_may_be_left_out_are_those_of_the_configuration() -> None:
    assert sorted(filter_names()) == sorted(parse({}, "test").gate)
    assert len(set(filter_names())) == len(filter_names()) > 10


def test_leaving_every_filter_out_admits_everything(taped: Recorder) -> None:
    result = replay_tape(taped.folder, None, filter_names(), whole=True)
    assert result.blocked == 0
    assert result.signals == result.admitted > 0


def test_results_go_where_they_are_asked_for(taped: Recorder, tmp_path: Path) -> None:
    result = replay_tape(taped.folder, tmp_path, [])
    assert result.digest_match is True
    run = run_of(tmp_path)
    assert (run["mode"], run["network"]) == ("replay", "local")
    assert run["digest"] == result.digest == taped.scene.engine.digest
    with closing(open_readonly(tmp_path / "replay" / "gnomon.db")) as db:
        assert db.execute("SELECT COUNT(*) FROM signal").fetchone()[0] == result.signals


def test_without_a_place_to_keep_them_the_same_is_found_and_nothing_kept(
    taped: Recorder, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    kept = replay_tape(taped.folder, tmp_path / "kept", [])
    (tmp_path / "temporary").mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "temporary"))
    found = replay_tape(taped.folder, None, [])
    assert list((tmp_path / "temporary").iterdir()) == []
    assert (found.digest, found.signals) == (kept.digest, kept.signals)


def test_an_older_result_is_replaced_whatever_became_of_it(taped: Recorder, tmp_path: Path) -> None:
    folder = tmp_path / "replay"
    folder.mkdir()
    for suffix in ("", "-wal", "-shm"):
        (folder / f"gnomon.db{suffix}").write_bytes(b"left by a replay that was killed")
    digests = []
    for without in ([], ["direction"]):
        result = replay_tape(taped.folder, tmp_path, without, whole=True)
        assert {path.name for path in folder.iterdir() if path.is_file()} == {"gnomon.db"}
        assert run_of(tmp_path)["digest"] == result.digest
        digests.append(result.digest)
    assert digests[0] != digests[1]


def test_a_tape_of_another_network_may_follow_in_the_same_place(
    taped: Recorder, tmp_path: Path
) -> None:
    state = tmp_path / "state"
    replay_tape(taped.folder, state, [])
    other = of_network("mainnet", taped.paths[0], tmp_path / "other")
    replay_tape(other, state, [])
    assert run_of(state)["network"] == "mainnet"


def test_what_is_no_tape_leaves_the_older_result_alone(taped: Recorder, tmp_path: Path) -> None:
    replay_tape(taped.folder, tmp_path, [])
    before = run_of(tmp_path)
    (tmp_path / "empty").mkdir()
    for path in (tmp_path / "nowhere", tmp_path / "empty"):
        with pytest.raises(InputDamaged):
            replay_tape(path, tmp_path, [])
    assert run_of(tmp_path) == before


def test_a_replay_that_fails_half_way_lets_go_of_its_database(
    taped: Recorder, tmp_path: Path
) -> None:
    raw = bytearray(taped.paths[0].read_bytes())
    raw[len(raw) // 2] ^= 0x20
    (tmp_path / taped.paths[0].name).write_bytes(raw)
    with pytest.raises(InputDamaged):
        replay_tape(tmp_path / taped.paths[0].name, tmp_path / "state", [])
    database = tmp_path / "state" / "replay" / "gnomon.db"
    with closing(sqlite3.connect(database, isolation_level=None)) as db:
        db.execute("BEGIN EXCLUSIVE")
    assert not database.with_name("gnomon.db-wal").exists()


def test_a_place_that_cannot_be_written_is_the_operators_error(
    taped: Recorder, tmp_path: Path
) -> None:
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(GnomonError, match="cannot be written"):
        replay_tape(taped.folder, tmp_path / "file", [])


def test_a_replay_ends_with_what_its_trades_made(tmp_path: Path) -> None:
    result = replay_tape(GOLDEN, tmp_path, [])
    assert [made.kind for made in result.pnl] == ["taken", "phantom"]
    with closing(open_readonly(tmp_path / "replay" / "gnomon.db")) as db:
        for made, which in zip(result.pnl, ("kind = 'paper'", "cause = 'block'"), strict=True):
            nets = [n for (n,) in db.execute(f"SELECT net_e6 FROM trade WHERE {which}") if n]
            assert (made.trades, round(made.net_usd * 1e6)) == (len(nets), sum(nets))
    taken, blocked = result.lines()[-2:]
    assert taken.startswith(f"P&L {result.pnl[0].net_usd:+,.2f} USD: price ")
    assert "1 trade closed, 0 % won" in taken
    assert blocked.startswith("blocked: 3 phantoms closed, they would have made -")
