"""What every command owes to its users, whatever it does."""

from __future__ import annotations

import json
import os
import shutil
import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import typer

from daemon.cli import app
from daemon.instance.lock import alone
from daemon.instance.paths import StateDir
from daemon.version import code_version
from market.errors import InvariantBroken
from tests.daemon.cli.conftest import Cli


def commands(command: Any, path: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], Any]]:
    found = getattr(command, "commands", None)
    if found is None:
        yield path, command
    else:
        for name, child in found.items():
            yield from commands(child, (*path, name))


COMMANDS = dict(commands(typer.main.get_command(app)))
BUILT = (
    "research lenses", "research regimes",
    "run", "venue", "record", "replay", "status", "top", "halt", "resume", "rearm", "why",
    "shadow report", "shadow list", "tape import", "tape info", "tape verify", "config check",
    "config show", "config init", "db check", "positions", "flatten", "doctor", "db backup",
    "db export", "weights", "regime", "research weights", "lens",
    "research autoresearch", "schema", "explain",
)  # fmt: skip


def test_the_documented_commands_are_there() -> None:
    assert {" ".join(path) for path in COMMANDS} >= set(BUILT)


@pytest.mark.parametrize("path", COMMANDS, ids=" ".join)
def test_every_command_explains_itself_with_an_example(path: tuple[str, ...], cli: Cli) -> None:
    ran = cli(*path, "--help")
    assert ran.code == 0 and ran.err == ""
    assert f"Example: gnomon {' '.join(path)}" in " ".join(ran.out.split())
    assert cli(*path, "-h").out == ran.out


@pytest.mark.parametrize("path", COMMANDS, ids=" ".join)
def test_every_option_is_explained(path: tuple[str, ...]) -> None:
    for parameter in COMMANDS[path].params:
        if not getattr(parameter, "hidden", False) and parameter.name != "help":
            assert getattr(parameter, "help", None), parameter.name


@pytest.mark.parametrize("path", COMMANDS, ids=" ".join)
def test_an_unknown_option_is_a_usage_error(path: tuple[str, ...], cli: Cli) -> None:
    ran = cli(*path, "--no-such-option")
    assert ran.code == 2 and "no-such-option" in ran.err and ran.out == ""


ON_STATE = (
    ("status",), ("status", "--json"), ("shadow", "report"), ("shadow", "report", "--json"),
    ("shadow", "list"), ("shadow", "list", "--json"), ("db", "check"), ("db", "check", "--json"),
    ("explain", "direction.net_usd"), ("explain", "direction", "net_usd", "--json"),
    ("why", "1"), ("why", "1", "--json"), ("positions",), ("positions", "--json"),
    ("positions", "--phantoms"), ("weights",), ("weights", "--json"),
    ("weights", "--verify"), ("regime",), ("regime", "--json"),
    ("research", "autoresearch"), ("research", "autoresearch", "--json"),
    ("lens", "BTC"), ("lens", "BTC", "--json"),
    *(("shadow", "report", "--by", by) for by in ("division", "bot", "coin", "day")),
    *(("shadow", "report", "--format", f) for f in ("json", "csv", "html")),
)  # fmt: skip


@pytest.mark.parametrize("arguments", ON_STATE, ids=" ".join)
@pytest.mark.parametrize("mode", [(), ("--mode", "paper")], ids=["", "paper"])
@pytest.mark.parametrize("given", [True, False], ids=["--state", "the user's"])
def test_on_a_fresh_state_a_command_shows_defaults_and_creates_nothing(
    arguments: tuple[str, ...], mode: tuple[str, ...], given: bool, cli: Cli, tmp_path: Path
) -> None:
    place = ("--state", str(tmp_path / "fresh")) if given else ()
    ran = cli(*arguments, *mode, *place)
    assert ran.code == 0, ran.err
    if "--json" in arguments:
        json.loads(ran.out)
    assert [p for p in tmp_path.rglob("*") if p.name != "home"] == []


@pytest.mark.parametrize("arguments", [a for a in ON_STATE if a[0] != "why"], ids=" ".join)
def test_on_a_real_state_a_command_works_and_changes_no_row(
    arguments: tuple[str, ...], cli: Cli, state: Path
) -> None:
    before = (state / "local" / "gnomon.db").read_bytes()
    ran = cli(*arguments, "--state", state)
    assert ran.code == 0 and ran.out, ran.err
    if "--json" in arguments:
        assert json.loads(ran.out)
    assert (state / "local" / "gnomon.db").read_bytes() == before


def test_no_command_at_all_shows_what_there_is(cli: Cli) -> None:
    ran = cli()
    assert "Usage" in ran.out + ran.err
    for name in ("run", "replay", "shadow", "status"):
        assert name in ran.out + ran.err


@pytest.mark.parametrize("name", ["shadow", "tape", "config", "db", "research"])
def test_a_group_alone_shows_its_commands(name: str, cli: Cli) -> None:
    ran = cli(name)
    assert ran.code in (0, 2) and "Usage" in ran.out + ran.err


# Which state a command is about.


def second(state: Path, folder: str, *, newer: bool) -> None:
    """Add a database of another mode, older or newer than the one there is."""
    (state / folder).mkdir()
    target = state / folder / "gnomon.db"
    shutil.copy(state / "local" / "gnomon.db", target)
    db = sqlite3.connect(target)
    db.execute("UPDATE about SET value = ? WHERE key = 'mode'", (folder,))
    db.commit()
    db.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
    db.close()
    at = (state / "local" / "gnomon.db").stat().st_mtime + (60 if newer else -60)
    os.utime(target, (at, at))


def shown(cli: Cli, state: Path, *arguments: str) -> tuple[str | None, str]:
    ran = cli("status", "--json", "--state", state, *arguments)
    assert ran.code == 0, ran.err
    return json.loads(ran.out)["mode"], ran.err


def test_the_only_database_is_shown_without_a_word(cli: Cli, state: Path) -> None:
    assert shown(cli, state) == ("local", "")


@pytest.mark.parametrize("newer", [True, False])
def test_of_several_databases_the_newest_is_shown_and_said_aloud(
    newer: bool, cli: Cli, state: Path
) -> None:
    second(state, "paper-testnet", newer=newer)
    mode, said = shown(cli, state)
    assert mode == ("paper-testnet" if newer else "local")
    assert "several modes" in said and str(mode) in said and "--mode" in said


def test_a_mode_chooses_and_nothing_needs_to_be_said(cli: Cli, state: Path) -> None:
    second(state, "paper-testnet", newer=True)
    assert shown(cli, state, "--mode", "local") == ("local", "")
    assert shown(cli, state, "--mode", "paper-testnet") == ("paper-testnet", "")
    assert shown(cli, state, "--mode", "paper") == ("paper-testnet", "")
    assert shown(cli, state, "--mode", "replay") == (None, "")


def test_a_mode_that_still_leaves_a_choice_says_what_it_chose(cli: Cli, state: Path) -> None:
    second(state, "paper-testnet", newer=False)
    second(state, "paper-mainnet", newer=True)
    mode, said = shown(cli, state, "--mode", "paper")
    assert mode == "paper-mainnet" and "paper-mainnet" in said


def test_an_unknown_mode_is_a_usage_error(cli: Cli, state: Path) -> None:
    ran = cli("status", "--state", state, "--mode", "papier")
    assert ran.code == 2 and "paper-testnet" in ran.err


def test_the_configuration_can_name_the_state(cli: Cli, state: Path, tmp_path: Path) -> None:
    config = tmp_path / "gnomon.toml"
    config.write_text(f'state_dir = "{state}"\n')
    ran = cli("status", "--json", "--config", config)
    assert json.loads(ran.out)["mode"] == "local"


# Exit codes.


def test_65_for_input_that_is_damaged(cli: Cli, state: Path, tmp_path: Path) -> None:
    (tmp_path / "no-tape").mkdir()
    for arguments in (
        ("replay", tmp_path / "no-tape"),
        ("replay", tmp_path / "missing"),
        ("tape", "info", tmp_path / "no-tape"),
        ("tape", "verify", tmp_path / "no-tape"),
        ("tape", "import", tmp_path / "no-tape", "--out", tmp_path / "out"),
    ):
        ran = cli(*arguments)
        assert ran.code == 65, arguments
        assert ran.err.startswith("gnomon: ") and ran.err.count("\n") == 1
    path = sorted((state / "local" / "tape").iterdir())[0]
    raw = bytearray(path.read_bytes())
    raw[len(raw) // 2] ^= 0x11
    path.write_bytes(raw)
    for command in (("replay",), ("tape", "verify"), ("tape", "info")):
        assert cli(*command, path).code == 65


def pages_of(path: Path, *tables: str) -> list[int]:
    db = sqlite3.connect(path)
    try:
        marks = ",".join("?" * len(tables))
        query = f"SELECT rootpage FROM sqlite_schema WHERE tbl_name IN ({marks}) AND rootpage"
        return [row[0] for row in db.execute(query, tables)]
    finally:
        db.close()


@pytest.mark.parametrize("arguments", [a for a in ON_STATE if "--json" not in a], ids=" ".join)
@pytest.mark.parametrize("deep", [False, True], ids=["schema", "rows"])
def test_65_for_a_database_that_is_damaged_and_never_a_traceback(
    deep: bool, arguments: tuple[str, ...], cli: Cli, state: Path
) -> None:
    path = state / "local" / "gnomon.db"
    tables = ("signal", "trade", "rollup", "state", "check_result", "trade_day", "weight", "lens")
    pages = pages_of(path, *tables) if deep else list(range(2, path.stat().st_size // 4096))
    raw = bytearray(path.read_bytes())
    for page in pages:
        at = (page - 1) * 4096
        raw[at : at + 200] = b"\xa5" * 200
    path.write_bytes(raw)
    ran = cli(*arguments, "--state", state)
    assert ran.code == 65 and "gnomon: " in ran.err


@pytest.mark.parametrize("content", [b"not a database at all" * 300, b""])
def test_a_file_that_is_no_database_is_refused(content: bytes, cli: Cli, state: Path) -> None:
    (state / "local" / "gnomon.db").write_bytes(content)
    for arguments in (("status",), ("shadow", "report"), ("db", "check")):
        ran = cli(*arguments, "--state", state)
        assert ran.code in (65, 78) and ran.err.startswith("gnomon: ")


def test_69_when_nobody_answers(cli: Cli, state: Path, tmp_path: Path) -> None:
    for verb in (("halt",), ("resume",), ("flatten",), ("rearm", "donchian")):
        ran = cli(*verb, "--state", state)
        assert ran.code == 69 and "gnomon run" in ran.err
        assert cli(*verb, "--state", tmp_path / "fresh").code == 69
    assert cli("top", "--state", tmp_path / "fresh").code == 69


def test_70_for_a_broken_invariant(cli: Cli, state: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: Any, **__: Any) -> Any:
        raise InvariantBroken("half done")

    monkeypatch.setattr("daemon.replay.results.replay_tape", broken)
    ran = cli("replay", state / "local" / "tape")
    assert (ran.code, ran.err) == (70, "gnomon: half done\n")


def test_75_when_another_instance_holds_the_state(cli: Cli, tmp_path: Path) -> None:
    place = StateDir(tmp_path / "state", "local")
    place.create()
    with alone(place):
        ran = cli("run", "--plain", "--for", "1s", "--state", tmp_path / "state")
    assert ran.code == 75 and "in use" in ran.err and "pid" in ran.err


def test_78_for_what_only_the_operator_can_mend(cli: Cli, state: Path, tmp_path: Path) -> None:
    bad = tmp_path / "bad.toml"
    bad.write_text("[desk]\nequity = 5\n")
    (tmp_path / "file").touch()
    for arguments in (
        ("run", "--config", bad),
        ("run", "--config", tmp_path / "missing.toml"),
        ("run", "--state", tmp_path / "file"),
        ("run", "--mode", "live"),
        ("run", "--mode", "testnet"),
        ("status", "--config", bad),
        ("config", "check", bad),
        ("config", "init", tmp_path / "file" / "x.toml"),
        ("config", "init", bad),
        ("record", "--out", tmp_path / "file" / "out", "--mode", "paper"),
        ("db", "backup", tmp_path / "b.db", "--state", tmp_path / "fresh"),
        ("db", "backup", tmp_path, "--state", state),
        ("db", "export", tmp_path / "out", "--state", tmp_path / "fresh"),
        ("db", "export", tmp_path / "file", "--state", state),
        ("venue", "--speed", "2"),
    ):
        ran = cli(*arguments)
        assert ran.code == 78, arguments
        assert ran.err.startswith("gnomon: ") and ran.err.count("\n") == 1, ran.err


def test_78_for_a_database_of_another_version(cli: Cli, state: Path) -> None:
    db = sqlite3.connect(state / "local" / "gnomon.db")
    db.execute("PRAGMA user_version = 99")
    db.commit()
    db.close()
    ran = cli("shadow", "report", "--state", state)
    assert ran.code == 78 and "schema 99" in ran.err


@pytest.mark.parametrize(
    "arguments",
    [
        ("nonsense",),
        ("shadow", "nonsense"),
        ("run", "--for", "soon"),
        ("run", "--mode", "nowhere"),
        ("run", "--network", "devnet"),
        ("shadow", "report", "--by", "mood"),
        ("shadow", "report", "--format", "pdf"),
        ("shadow", "report", "--since", "yesterday"),
        ("shadow", "list", "--limit", "0"),
        ("why", "abc"),
        ("why",),
        ("explain",),
        ("explain", "direction.net_usd", "--trade", "-1"),
        ("rearm",),
        ("replay",),
        ("venue", "--port", "70000"),
        ("venue", "--seed", "-1"),
        ("record",),
        ("positions", "--mode", "papier"),
        ("doctor", "--mode", "papier"),
        ("flatten", "now"),
        ("db", "backup"),
        ("db", "export"),
        ("db", "export", "out", "--format", "xml"),
    ],
    ids=" ".join,
)
def test_2_for_usage(arguments: tuple[str, ...], cli: Cli) -> None:
    ran = cli(*arguments)
    assert ran.code == 2 and ran.out == "" and ran.err


def test_2_for_a_filter_that_does_not_exist(cli: Cli, state: Path) -> None:
    ran = cli("replay", state / "local" / "tape", "--without", "direktion")
    assert ran.code == 2 and "direktion" in ran.err and "direction" in ran.err
    ran = cli("replay", state / "local" / "tape", "--without", "direktion", "--state", state)
    assert ran.code == 2 and not (state / "replay").exists()


def test_a_reader_who_has_seen_enough_is_no_error(
    cli: Cli, monkeypatch: pytest.MonkeyPatch
) -> None:
    def enough(**_: object) -> None:
        raise BrokenPipeError

    monkeypatch.setattr("daemon.cli.command", lambda: enough)
    monkeypatch.setattr("sys.stderr.close", lambda: None, raising=False)
    assert cli("status").code == 0


def test_an_interrupt_is_told_by_its_code(cli: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(**_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("daemon.cli.command", lambda: interrupted)
    assert cli("status").code == 130


def test_78_for_a_database_that_lies_in_another_mode_s_folder(cli: Cli, state: Path) -> None:
    (state / "local").rename(state / "paper-testnet")
    for words in (("status",), ("shadow", "report"), ("shadow", "list"), ("db", "check")):
        ran = cli(*words, "--state", state)
        assert ran.code == 78 and "written in mode local" in ran.err, words


def test_a_daemon_that_may_not_be_asked_is_still_known_to_run(cli: Cli, state: Path) -> None:
    with alone(StateDir(state, "local")):
        ran = cli("status", "--json", "--state", state)
    assert (ran.code, json.loads(ran.out)["running"]) == (0, True)
    assert "from its database" in ran.err
    assert json.loads(cli("status", "--json", "--state", state).out)["running"] is False


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ('[fills]\nlatency_ms = "400"\n', "fills.latency_ms: wants a number without quotes"),
        ('[tape]\nenabled = "yes"\n', "tape.enabled: wants true or false without quotes"),
        ('mode = "live"\n', "real orders are not built yet"),
    ],
)
def test_a_configuration_that_run_would_refuse_is_not_called_good(
    text: str, said: str, cli: Cli, tmp_path: Path
) -> None:
    path = tmp_path / "gnomon.toml"
    path.write_text(text)
    for words in (("config", "check", path), ("run", "--config", path)):
        ran = cli(*words)
        assert ran.code == 78 and said in ran.err, ran.err


def test_what_a_list_cannot_find_is_told_from_what_does_not_exist(cli: Cli, state: Path) -> None:
    ran = cli("shadow", "list", "--filter", "direktion", "--state", state)
    assert ran.code == 2 and "direction" in ran.err
    ran = cli("shadow", "list", "--coin", "btc", "--state", state)
    assert ran.code == 0 and "no blocked signals of btc" in ran.out
    ran = cli("run", "--network", "mainnet", "--state", state)
    assert ran.code == 2 and "--mode paper" in ran.err


def test_the_version_is_printed_before_anything_else(cli: Cli) -> None:
    ran = cli("--version")
    assert (ran.code, ran.err) == (0, "")
    assert ran.out == f"gnomon {code_version()}\n"
    assert cli("--version", "nonsense").out == ran.out


@pytest.mark.parametrize(
    ("path", "option", "begun", "offered"),
    [
        ("pnl", "by", "", ["day", "bot", "division", "coin", "exit"]),
        ("pnl", "mode", "paper-", ["paper-testnet", "paper-mainnet"]),
        ("shadow report", "format_", "p", ["parquet"]),
        ("shadow report", "series", "", ["current", "all"]),
        ("explain", "by", "re", ["regime"]),
        ("trades", "mode", "x", []),
    ],
)
def test_the_shell_completes_values_of_options(
    path: str, option: str, begun: str, offered: list[str]
) -> None:
    command = COMMANDS[tuple(path.split())]
    found = next(parameter for parameter in command.params if parameter.name == option)
    context = command.make_context(path, [], resilient_parsing=True)
    assert [item.value for item in found.shell_complete(context, begun)] == offered
