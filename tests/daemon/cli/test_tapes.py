from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from shadow.store.rows import second_of
from tests.daemon.cli.conftest import Cli
from tests.daemon.recordings import record
from tests.support.recordings_csv import START, price, prices, raw_lines
from venue.hyperliquid.universe import source
from venue.tape.segment import Segment, segments_of

IMPORTED = {
    "coins", "kinds", "sessions", "frames", "from_ns", "to_ns", "out_of_order", "instruments_from",
}  # fmt: skip
SURVEYED = {
    "segments", "bytes", "frames", "from_ns", "to_ns", "coins", "mode", "network", "code_version",
    "instruments_from", "records", "torn", "dropped_bytes", "missing_events", "damage",
}  # fmt: skip


@pytest.fixture
def recording(tmp_path: Path) -> Path:
    """Return two prices of BTC, then after a silence one more."""
    return prices(
        tmp_path / "recording",
        price(f"{START}.25", "bid"),
        price(f"{START}.50", "ask", "101.0"),
        price(f"{START + 60}.00", "bid", "100.5"),
    )


# import


def test_an_import_says_what_it_found(cli: Cli, recording: Path, tmp_path: Path) -> None:
    ran = cli("tape", "import", recording, "--out", tmp_path / "deep" / "tape")
    assert (ran.code, ran.err) == (0, "")
    assert ran.out.splitlines() == [
        f"3 frames of BTC (bbo) in 2 sessions: {tmp_path / 'deep' / 'tape'}",
        f"rules of the instruments: {source()}",
    ]
    found = json.loads(cli("tape", "import", recording, "--out", tmp_path / "t", "--json").out)
    assert found.keys() == IMPORTED
    assert int(found["from_ns"]) == START * 10**9 + 250_000_000
    assert int(found["to_ns"]) == (START + 60) * 10**9
    assert (found["coins"], found["kinds"], found["sessions"]) == (["BTC"], ["bbo"], 2)


def test_what_was_imported_can_be_surveyed_and_replayed(
    cli: Cli, recording: Path, tmp_path: Path
) -> None:
    cli("tape", "import", recording, "--out", tmp_path / "tape")
    assert cli("tape", "verify", tmp_path / "tape").code == 0
    found = json.loads(cli("replay", tmp_path / "tape", "--json").out)
    assert found["frames"] == 3 and found["digest_match"] is None and found["violations"] == {}


def test_frames_that_came_out_of_order_are_mentioned(cli: Cli, tmp_path: Path) -> None:
    frame = (
        b'{"channel":"bbo","data":{"coin":"BTC","time":1,"bbo":[{"px":"1","sz":"1","n":1},null]}}'
    )
    rec = raw_lines(tmp_path / "rec", *(b"%d %s" % (ns, frame) for ns in (20, 10, 30)))
    ran = cli("tape", "import", rec, "--out", tmp_path / "tape")
    assert ran.code == 0, ran.err
    assert "1 frames were stamped before the one ahead of them" in ran.out


META = {"universe": [{"name": "BTC", "szDecimals": 3, "maxLeverage": 12}]}


def test_rules_can_come_from_a_meta_reply_and_the_tape_says_so(
    cli: Cli, recording: Path, tmp_path: Path
) -> None:
    meta = tmp_path / "meta.json"
    meta.write_text(json.dumps(META))
    ran = cli("tape", "import", recording, "--out", tmp_path / "tape", "--meta", meta)
    assert ran.code == 0 and "rules of the instruments: meta.json\n" in ran.out
    header = segments_of(tmp_path / "tape")[0].header()
    (instrument,) = header.instruments
    assert (instrument.coin, instrument.sz_decimals) == ("BTC", 3)
    assert header.instruments_from == "meta.json"


@pytest.mark.parametrize(
    ("text", "code", "said"),
    [
        (None, 78, "cannot be read"),
        ("nonsense", 65, "not a meta reply"),
        ("[]", 65, "not a meta reply"),
        ('{"universe": []}', 78, "no rules for BTC"),
        ('{"universe": [{}]}', 78, "no rules for BTC"),
    ],
)
def test_a_meta_reply_that_does_not_serve_is_refused_and_no_tape_begun(
    text: str | None, code: int, said: str, cli: Cli, recording: Path, tmp_path: Path
) -> None:
    meta = tmp_path / "meta.json"
    if text is not None:
        meta.write_text(text)
    ran = cli("tape", "import", recording, "--out", tmp_path / "tape", "--meta", meta)
    assert (ran.code, ran.out) == (code, "") and said in ran.err
    assert ran.err.startswith("gnomon: ") and ran.err.count("\n") == 1
    assert not (tmp_path / "tape").exists()


def test_a_damaged_recording_leaves_no_tape_and_one_in_the_way_is_kept(
    cli: Cli, recording: Path, tmp_path: Path
) -> None:
    (tmp_path / "there").mkdir()
    ran = cli("tape", "import", recording, "--out", tmp_path / "there")
    assert ran.code == 78 and "name a new folder" in ran.err
    assert list((tmp_path / "there").iterdir()) == []
    path = recording / "prices_BTC.csv.gz"
    path.write_bytes(path.read_bytes()[:-12])
    ran = cli("tape", "import", recording, "--out", tmp_path / "tape", "--json")
    assert (ran.code, ran.out) == (65, "") and str(path) in ran.err
    assert not (tmp_path / "tape").exists()


# info, verify


def test_a_tape_is_summed_up_for_a_person_as_for_a_script(cli: Cli, traded: Path) -> None:
    folder = traded / "local" / "tape"
    found = json.loads(cli("tape", "info", folder, "--json").out)
    assert found.keys() == SURVEYED and found["torn"] == [] and found["segments"] == 2
    assert json.loads(cli("tape", "verify", folder, "--json").out) == found
    first, second, third, fourth, fifth = cli("tape", "info", folder).out.splitlines()
    assert first == f"2 segments, {found['bytes']:,} bytes, {found['frames']:,} frames"
    assert second == f"from {second_of(int(found['from_ns']))} to {second_of(int(found['to_ns']))}"
    assert third == (
        f"coins: {', '.join(found['coins'])}; recorded by {found['code_version']} in local"
    )
    assert fourth == f"rules of the instruments: {found['instruments_from']}"
    assert fifth.startswith("records: 2 headers, ")
    assert f"{found['records']['frames']:,} frames" in fifth
    records = sum(found["records"].values())
    assert cli("tape", "verify", folder).out == (
        f"sound: 2 segments, {records:,} records, every checksum matches\n"
    )


def test_one_segment_can_be_looked_at_alone(cli: Cli, traded: Path) -> None:
    folder = traded / "local" / "tape"
    whole = json.loads(cli("tape", "info", folder, "--json").out)
    parts = [
        json.loads(cli("tape", "info", path, "--json").out) for path in sorted(folder.iterdir())
    ]
    assert [part["segments"] for part in parts] == [1, 1]
    assert sum(part["frames"] for part in parts) == whole["frames"]


@pytest.mark.parametrize("command", ["info", "verify"])
@pytest.mark.parametrize("how", ["cut off", "missing"])
def test_a_tape_that_is_not_whole_is_summed_up_and_then_refused(
    how: str, command: str, cli: Cli, tmp_path: Path
) -> None:
    paths = record(tmp_path / "tape", seconds=(20.0, 10.0, 20.0)).paths
    if how == "missing":
        paths[1].unlink()
    else:
        paths[0].write_bytes(paths[0].read_bytes()[:-1000])
    ran = cli("tape", command, tmp_path / "tape", "--json")
    found = json.loads(ran.out)
    (fault,) = found["damage"]
    assert (ran.code, ran.err) == (65, f"gnomon: {fault}\n") and how in fault
    assert len(found["missing_events"]) == (how == "missing") and found["frames"] > 0
    ran = cli("tape", command, tmp_path / "tape")
    assert (ran.code, ran.err) == (65, f"gnomon: {fault}\n")
    lines = ran.out.splitlines()
    assert lines[-1] == fault and not lines[0].startswith("sound")
    if command == "verify":
        assert lines[0].startswith("DAMAGED, what is there is sound: ")


def segment_read(path: Path) -> Segment:
    """Return a segment that has been read to its end."""
    segment = Segment(path)
    for _ in segment.groups():
        pass
    return segment


def test_a_torn_end_is_named_and_is_no_damage(cli: Cli, traded: Path, tmp_path: Path) -> None:
    folder = tmp_path / "tape"
    shutil.copytree(traded / "local" / "tape", folder)
    last = sorted(folder.iterdir())[-1]
    last.write_bytes(last.read_bytes()[:-40])
    segment = segment_read(last)
    for command in ("info", "verify"):
        ran = cli("tape", command, folder)
        assert ran.code == 0
        lost = last.stat().st_size - segment.sound
        assert ran.out.splitlines()[-1] == (
            f"{last.name}: the end is torn; {lost} bytes after its last sound block could not be "
            "read"
        )
        found = json.loads(cli("tape", command, folder, "--json").out)
        assert (found["torn"], found["dropped_bytes"]) == ([last.name], lost)
        assert found["damage"] == found["missing_events"] == []


@pytest.mark.parametrize("command", ["info", "verify"])
def test_a_damaged_tape_is_refused_by_name_and_nothing_is_said_of_it(
    command: str, cli: Cli, traded: Path, tmp_path: Path
) -> None:
    folder = tmp_path / "tape"
    shutil.copytree(traded / "local" / "tape", folder)
    first = sorted(folder.iterdir())[0]
    raw = bytearray(first.read_bytes())
    raw[len(raw) // 2] ^= 0x11
    first.write_bytes(raw)
    for json_ in ((), ("--json",)):
        ran = cli("tape", command, folder, *json_)
        assert (ran.code, ran.out) == (65, "")
        assert ran.err.startswith("gnomon: ") and first.name in ran.err
        assert ran.err.count("\n") == 1
