from __future__ import annotations

import asyncio
import json
import os
import shlex
import signal
import sqlite3
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import pytest
import typer

from daemon.cli.run import make_plan
from daemon.config.load import parse
from daemon.config.sections import Config
from daemon.instance.paths import StateDir
from daemon.live.startup import Plan
from market.errors import OperatorError
from tests.daemon.cli.conftest import Cli
from tests.daemon.recordings import Recorder, first_head, record
from tests.support import virtual
from tests.venue.local.serving import Clock, Venue, serving
from venue.tape.survey import survey


@pytest.fixture(autouse=True)
def _signals() -> Iterator[None]:
    handlers = {n: signal.getsignal(n) for n in (signal.SIGINT, signal.SIGTERM)}
    yield
    for number, handler in handlers.items():
        signal.signal(number, handler)


# What is to be run.


def planned(config: Config | None = None, **options: Any) -> Plan:
    asked = dict.fromkeys(("state", "mode", "network", "for_")) | options
    return make_plan(config or parse({}, "test"), **asked)


def test_without_options_the_configuration_decides(cli: Cli, tmp_path: Path) -> None:
    plan = planned()
    assert (plan.mode, plan.for_s) == ("local", None)
    assert plan.state == StateDir(tmp_path / "home" / ".local/state/gnomon", "local")
    config = parse(
        {"mode": "paper", "venue": {"network": "mainnet"}, "state_dir": str(tmp_path)}, "test"
    )
    plan = planned(config)
    assert (plan.mode, plan.network) == ("paper", "mainnet")
    assert plan.state == StateDir(tmp_path, "paper-mainnet")


def test_options_go_before_the_configuration(cli: Cli, tmp_path: Path) -> None:
    config = parse({"mode": "paper", "venue": {"network": "mainnet"}}, "test")
    plan = planned(config, mode="local", state=tmp_path, for_="2m")
    assert (plan.mode, plan.state, plan.for_s) == ("local", StateDir(tmp_path, "local"), 120.0)
    assert plan.config.mode == "local", "what the engine is built from follows the mode it runs in"
    assert planned(config, network="testnet").state.folder == "paper-testnet"


def test_a_relative_state_stays_where_it_was_meant(
    cli: Cli, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert planned(state=Path("here")).state.root == tmp_path / "here"


@pytest.mark.parametrize("options", [{"mode": ""}, {"network": ""}, {"for_": ""}], ids=str)
def test_an_option_left_empty_by_a_script_is_not_taken_for_the_default(
    options: dict[str, str], cli: Cli
) -> None:
    with pytest.raises(typer.BadParameter):
        planned(**options)


@pytest.mark.parametrize("mode", ["testnet", "live"])
@pytest.mark.parametrize("configured", [True, False])
def test_real_orders_are_refused_with_what_works_instead(
    mode: str, configured: bool, cli: Cli
) -> None:
    config = parse({"mode": mode} if configured else {}, "test")
    with pytest.raises(OperatorError, match=f"mode {mode}: .*--mode paper --network mainnet"):
        planned(config, network="mainnet", mode=None if configured else mode)


# run


@pytest.fixture
def daemon_stub(monkeypatch: pytest.MonkeyPatch) -> list[Plan]:
    """Let `gnomon run` start a daemon that has nothing to do."""
    plans: list[Plan] = []

    async def run(plan: Plan, **callbacks: Callable[..., None]) -> str:
        assert list(callbacks) == ["started", "waiting"]
        assert (plan.state.path / "tape").is_dir()
        plans.append(plan)
        return "asked to"

    monkeypatch.setattr("daemon.live.run.run", run)
    return plans


def test_a_run_ends_with_why_and_how_to_see_what_the_limits_were_worth(
    cli: Cli, tmp_path: Path, daemon_stub: list[Plan]
) -> None:
    state = tmp_path / "my state"
    ran = cli("run", "--plain", "--mode", "paper", "--network", "mainnet", "--for", "90s",
              "--state", state)  # fmt: skip
    assert (ran.code, ran.out) == (0, "")
    (plan,) = daemon_stub
    assert (plan.mode, plan.network, plan.for_s) == ("paper", "mainnet", 90.0)
    why, what = ran.err.splitlines()
    assert why == "stopped: asked to"
    command = shlex.split(what.partition(": ")[2])
    assert command == [
        "gnomon", "shadow", "report", "--state", str(state), "--mode", "paper-mainnet",
    ]  # fmt: skip
    assert cli(*command[1:]).code == 0


def test_a_run_reads_its_configuration(cli: Cli, tmp_path: Path, daemon_stub: list[Plan]) -> None:
    config = tmp_path / "gnomon.toml"
    config.write_text(f'coins = ["SOL"]\nstate_dir = "{tmp_path / "there"}"\n')
    assert cli("run", "--plain", "--config", config).code == 0
    assert daemon_stub[0].config.coins == ("SOL",)
    assert daemon_stub[0].state == StateDir(tmp_path / "there", "local")


def test_a_run_never_takes_the_service_s_configuration(
    cli: Cli, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, daemon_stub: list[Plan]
) -> None:
    system = tmp_path / "system.toml"
    system.write_text('coins = ["SOL"]\n')
    monkeypatch.setattr("daemon.instance.paths.SYSTEM_CONFIG", system)
    assert json.loads(cli("config", "show", "--json").out)["coins"] == ["SOL"]
    assert cli("run", "--plain", "--state", tmp_path / "state").code == 0
    assert daemon_stub[0].config.coins == ()


@pytest.mark.parametrize(
    ("arguments", "code"),
    [(("--mode", "live"), 78), (("--for", "soon"), 2), (("--network", "devnet"), 2)],
    ids=str,
)
def test_what_is_refused_leaves_no_state_behind(
    arguments: tuple[str, ...], code: int, cli: Cli, tmp_path: Path
) -> None:
    assert cli("run", "--state", tmp_path / "state", *arguments).code == code
    assert not (tmp_path / "state").exists()


# venue


@pytest.fixture
def no_parent(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Give the process a standard input that is closed already."""
    reader, writer = os.pipe()
    os.close(writer)
    with os.fdopen(reader) as stdin:
        monkeypatch.setattr(sys, "stdin", stdin)
        yield


@pytest.mark.usefixtures("no_parent")
@pytest.mark.parametrize("played", [False, True])
def test_the_venue_says_where_it_is_in_one_line_and_ends_with_its_parent(
    played: bool, cli: Cli, traded: Path
) -> None:
    tape = ("--tape", traded / "local" / "tape", "--speed", "50")
    ran = cli("venue", "--port", "0", "--with-parent", *(tape if played else ("--seed", "3")))
    assert ran.code == 0 and ran.out.count("\n") == 1
    urls = json.loads(ran.out)
    assert urls.keys() == {"http", "ws", "accounts"}
    port = int(urls["http"].rpartition(":")[2])
    assert port > 0 and urls["ws"] == f"ws://127.0.0.1:{port}/ws"


def test_a_venue_that_cannot_be_is_refused_in_one_line(
    cli: Cli, traded: Path, tmp_path: Path
) -> None:
    tape = traded / "local" / "tape"
    for arguments, code, said in (
        (("--speed", "2"), 78, "--tape"),
        (("--epoch-ms", "5"), 78, "UTC midnight"),
        (("--tape", tape, "--speed", "0"), 78, "above 0"),
        (("--tape", tape, "--speed", "nan"), 78, "above 0"),
        (("--tape", tmp_path / "none"), 65, "none"),
        (("--host", "256.0.0.1"), 78, "256.0.0.1"),
        (("--host", "0.0.0.0"), 78, "--expose"),
        (("--host", "::"), 78, "whoever reaches it can trade"),
    ):
        ran = cli("venue", "--port", "0", *arguments)
        assert (ran.code, ran.out) == (code, ""), arguments
        assert ran.err.startswith("gnomon: ") and ran.err.count("\n") == 1
        assert said in ran.err


@pytest.mark.parametrize(
    ("host", "warned"),
    [("127.0.0.1", False), ("127.8.8.8", False), ("::1", False), ("localhost", False),
     ("0.0.0.0", True), ("192.0.2.7", True), ("venue.example", True)],
)  # fmt: skip
def test_an_address_beyond_this_machine_is_warned_of(
    host: str, warned: bool, cli: Cli, monkeypatch: pytest.MonkeyPatch
) -> None:
    served: list[str] = []
    monkeypatch.setattr(
        "venue.local.process.serve_venue", lambda **options: served.append(options["host"])
    )
    ran = cli("venue", "--host", host, "--expose")
    assert (ran.code, served) == (0, [host])
    assert (f"warning: listening on {host}: " in ran.err) == warned
    if not warned:
        assert cli("venue", "--host", host).code == 0


# record


@contextmanager
def venue_beside() -> Iterator[Venue]:
    """Serve a world in a thread, so that a command can have the main one."""
    found: list[Venue] = []
    ready = threading.Event()
    loop = asyncio.new_event_loop()
    over = asyncio.Event()

    async def main() -> None:
        async with serving(virtual.world(), clock=Clock(virtual.START_MS + 500)) as venue:
            found.append(venue)
            ready.set()
            await over.wait()

    thread = threading.Thread(target=lambda: loop.run_until_complete(main()), daemon=True)
    thread.start()
    assert ready.wait(10)
    try:
        yield found[0]
    finally:
        loop.call_soon_threadsafe(over.set)
        thread.join(10)
        loop.close()


def test_a_second_of_a_feed_is_recorded_and_nothing_else_left(cli: Cli, tmp_path: Path) -> None:
    config, out = tmp_path / "gnomon.toml", tmp_path / "tapes" / "both"
    with venue_beside() as venue:
        config.write_text(
            f'mode = "paper"\ncoins = ["BTC", "ETH"]\n'
            f'[venue.testnet]\nws_url = "{venue.ws}"\nrest_url = "{venue.http}"\n'
        )
        ran = cli("record", "--out", out, "--for", "1s", "--config", config)
    assert ran.code == 0, ran.err
    found = survey(out)
    assert found.frames > 10 and found.coins == ["BTC", "ETH"] and found.network == "testnet"
    last = ran.err.splitlines()[-1]
    assert last == f"recorded {found.frames} frames of 2 coins in {out}" and ran.out == ""
    assert {p.name for p in tmp_path.iterdir()} == {"home", "gnomon.toml", "tapes"}
    assert [p.name for p in out.parent.iterdir()] == ["both"]
    assert list((tmp_path / "home").iterdir()) == []


def test_a_recording_is_never_mixed_into_what_is_there(cli: Cli, tmp_path: Path) -> None:
    ran = cli("record", "--out", tmp_path, "--mode", "paper")
    assert (ran.code, ran.out) == (78, "")
    assert ran.err.startswith(f"gnomon: {tmp_path}: ") and "name a new one" in ran.err
    ran = cli("record", "--out", tmp_path / "new", "--mode", "live")
    assert ran.code == 78 and not (tmp_path / "new").exists()


# replay

RESULT = {
    "digest", "recorded_digest", "digest_match", "frames", "events", "signals", "admitted",
    "blocked", "phantoms", "trades", "alarms", "wall_s", "events_per_s", "cpu_s", "code_version",
    "recorded_by", "instruments_from", "mismatch", "torn", "dropped_bytes", "missing_events",
    "damage", "idle_bots", "violations",
}  # fmt: skip


def taped(folder: Path, *, digest: str | None = None, version: str = "") -> Path:
    """Record a minute, perhaps with a digest of its own at the end."""
    recorder = Recorder(folder, version=version, start_ms=virtual.START_MS)
    recorder._head = first_head(recorder)
    recorder.scene.advance(60)
    recorder.close("SIGTERM", digest=digest)
    return folder


@pytest.fixture(scope="module")
def tape(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return taped(tmp_path_factory.mktemp("tape") / "tape")


@pytest.fixture(scope="module")
def false_tape(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a tape whose recorded digest is not that of its events."""
    return taped(tmp_path_factory.mktemp("false") / "tape", digest="0" * 16)


def test_a_replay_makes_the_decisions_it_made_before(cli: Cli, tape: Path) -> None:
    ran = cli("replay", tape, "--json")
    found = json.loads(ran.out)
    assert (ran.code, ran.err) == (0, "")
    assert found.keys() >= RESULT
    assert found["digest_match"] is True and found["digest"] == found["recorded_digest"]
    assert found["signals"] == found["admitted"] + found["blocked"] > 0
    lines = cli("replay", tape).out.splitlines()
    assert lines[0].startswith(f"{found['frames']:,} frames, {found['events']:,} events in ")
    assert lines[1].startswith(f"{found['signals']} signals: {found['admitted']} admitted, ")
    assert lines[2] == f"digest {found['digest']}, recorded {found['digest']}: equal"


def test_with_a_state_the_results_are_kept_and_made_anew_each_time(
    cli: Cli, tape: Path, tmp_path: Path
) -> None:
    for _ in range(2):
        found = json.loads(cli("replay", tape, "--state", tmp_path, "--json").out)
        with closing(sqlite3.connect(tmp_path / "replay" / "gnomon.db")) as db:
            assert db.execute("SELECT COUNT(*) FROM signal").fetchone()[0] == found["signals"]
    status = json.loads(cli("status", "--state", tmp_path, "--json").out)
    assert (status["mode"], status["signals"]) == ("replay", found["signals"])
    assert cli("db", "check", "--state", tmp_path).out == "replay: sound\n"


def test_other_decisions_without_a_filter_are_what_was_asked_for(
    cli: Cli, tape: Path, tmp_path: Path
) -> None:
    without = ("--without", "freshness", "--without", "cooldown", "--whole")
    ran = cli("replay", tape, *without, "--json", "--state", tmp_path)
    found = json.loads(ran.out)
    assert ran.code == 0 and found["digest_match"] is False
    with closing(sqlite3.connect(tmp_path / "replay" / "gnomon.db")) as db:
        asked = {row[0] for row in db.execute("SELECT DISTINCT filter FROM check_result")}
    assert asked and not asked & {"freshness", "cooldown"} and "direction" in asked


def test_a_desk_without_a_limit_is_shown_beside_the_recorded_one(cli: Cli, tape: Path) -> None:
    ran = cli("replay", tape, "--without", "freshness", "--without", "cooldown", "--json")
    found = json.loads(ran.out)
    assert ran.code == 0 and found["digest_match"] is True
    assert [desk["name"] for desk in found["desks"]] == ["the desk", "without cooldown, freshness"]
    assert found["desks"][0]["trades"] <= found["trades"]
    ran = cli("replay", tape, "--without", "freshness")
    assert ran.code == 0 and ": equal\n" in ran.out
    assert "\nthe desk: " in ran.out and "\nwithout freshness: " in ran.out
    assert "USD, drawdown" in ran.out


def test_other_decisions_of_the_same_code_are_our_bug(cli: Cli, false_tape: Path) -> None:
    ran = cli("replay", false_tape)
    assert ran.code == 70 and ran.err.startswith(f"gnomon: {false_tape}: the same code made other ")
    assert ran.err.count("\n") == 1
    assert "recorded 0000000000000000: DIFFERENT" in ran.out
    ran = cli("replay", false_tape, "--json")
    assert ran.code == 70 and json.loads(ran.out)["digest_match"] is False


@pytest.mark.parametrize("how", ["cut off", "missing"])
def test_a_replay_of_a_damaged_tape_tells_its_result_and_then_the_damage(
    how: str, cli: Cli, tmp_path: Path
) -> None:
    paths = record(tmp_path / "tape", seconds=(20.0, 10.0, 20.0)).paths
    if how == "missing":
        paths[1].unlink()
    else:
        os.truncate(paths[0], paths[0].stat().st_size - 1000)
    ran = cli("replay", tmp_path / "tape", "--json")
    found = json.loads(ran.out)
    assert ran.code == 65 and found["digest_match"] is None and found["events"] > 0
    assert bool(found["missing_events"]) == (how == "missing")
    assert ran.err == f"gnomon: {found['damage'][0]}\n" and how in ran.err
    ran = cli("replay", tmp_path / "tape")
    assert ran.code == 65 and ran.out.splitlines()[-1] == found["damage"][0]
    assert ran.err == f"gnomon: {found['damage'][0]}\n"


def test_a_torn_end_is_no_damage_and_said_in_bytes_of_its_file(cli: Cli, tmp_path: Path) -> None:
    (path,) = record(tmp_path / "tape", seconds=(20.0,)).paths
    os.truncate(path, path.stat().st_size - 1000)
    ran = cli("replay", tmp_path / "tape", "--json")
    found = json.loads(ran.out)
    assert (ran.code, ran.err, found["torn"], found["damage"]) == (0, "", [path.name], [])
    assert 0 < found["dropped_bytes"] < path.stat().st_size
    last = cli("replay", tmp_path / "tape").out.splitlines()[-1]
    assert last == (
        f"{path.name}: the end is torn; {found['dropped_bytes']:,} bytes after its last sound "
        "block could not be read"
    )


def test_other_decisions_of_another_version_are_only_told(cli: Cli, tmp_path: Path) -> None:
    ran = cli("replay", taped(tmp_path / "tape", digest="0" * 16, version="0.0.0+old"))
    assert (ran.code, ran.err) == (0, "")
    assert "DIFFERENT" in ran.out and "recorded by 0.0.0+old, replayed by " in ran.out
