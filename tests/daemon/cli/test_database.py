from __future__ import annotations

import json
import os
import shutil
import sqlite3
from contextlib import closing
from pathlib import Path

from tests.daemon.cli.conftest import Cli

NET = "net is not gross - fees - funding"


def change(state: Path, folder: str, *statements: str) -> None:
    with closing(sqlite3.connect(state / folder / "gnomon.db")) as db:
        for statement in statements:
            db.execute(statement)
        db.commit()
        db.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()


def cook(state: Path, folder: str = "local") -> None:
    """Let one trade claim a dollar that it did not earn."""
    change(
        state,
        folder,
        "UPDATE trade SET net_e6 = net_e6 + 1000000 WHERE trade_id ="
        " (SELECT MIN(trade_id) FROM trade WHERE net_e6 IS NOT NULL)",
    )


def add_mode(state: Path, folder: str, *, newer_s: float = 60.0) -> Path:
    """Add the same database under another mode."""
    (state / folder).mkdir()
    path = state / folder / "gnomon.db"
    shutil.copy(state / "local" / "gnomon.db", path)
    change(state, folder, f"UPDATE about SET value = '{folder}' WHERE key = 'mode'")
    at = (state / "local" / "gnomon.db").stat().st_mtime + newer_s
    os.utime(path, (at, at))
    return path


def test_without_a_database_there_is_nothing_to_break(cli: Cli, tmp_path: Path) -> None:
    ran = cli("db", "check", "--state", tmp_path / "none")
    assert (ran.code, ran.out, ran.err) == (0, "no database yet\n", "")
    assert json.loads(cli("db", "check", "--json", "--state", tmp_path / "none").out) == []


def test_a_real_run_is_sound(cli: Cli, traded: Path) -> None:
    ran = cli("db", "check", "--state", traded)
    assert (ran.code, ran.out, ran.err) == (0, "local: sound\n", "")
    found = json.loads(cli("db", "check", "--json", "--state", traded).out)
    assert found == [{"mode": "local", "ok": True, "broken": []}]


def test_a_broken_promise_is_told_in_words_with_the_rows_and_exits_65(
    cli: Cli, state: Path
) -> None:
    cook(state)
    ran = cli("db", "check", "--state", state)
    head, *lines = ran.out.splitlines()
    assert ran.code == 65 and head == f"local: {len(lines)} promises broken"
    assert any(line.startswith(f"  {NET}: ") for line in lines)
    assert ran.err.startswith("gnomon: db check: ") and ran.err.count("\n") == 1
    ran = cli("db", "check", "--json", "--state", state)
    (found,) = json.loads(ran.out)
    assert ran.code == 65 and (found["mode"], found["ok"]) == ("local", False)
    assert [f"  {line}" for line in found["broken"]] == lines


def test_every_mode_is_checked_and_one_broken_spoils_the_code(cli: Cli, state: Path) -> None:
    add_mode(state, "paper-testnet")
    assert cli("db", "check", "--state", state).out == "paper-testnet: sound\nlocal: sound\n"
    cook(state)
    ran = cli("db", "check", "--json", "--state", state)
    assert ran.code == 65 and {r["mode"]: r["ok"] for r in json.loads(ran.out)} == {
        "paper-testnet": True,
        "local": False,
    }


def test_a_mode_checks_that_one_alone(cli: Cli, state: Path) -> None:
    add_mode(state, "paper-testnet")
    cook(state)
    ran = cli("db", "check", "--state", state, "--mode", "paper")
    assert (ran.code, ran.out, ran.err) == (0, "paper-testnet: sound\n", "")
    assert cli("db", "check", "--state", state, "--mode", "local").code == 65
    assert cli("db", "check", "--state", state, "--mode", "replay").out == "no database yet\n"
    assert cli("db", "check", "--state", state, "--mode", "papier").code == 2


def test_one_that_cannot_be_read_does_not_hide_the_others(cli: Cli, state: Path) -> None:
    other = add_mode(state, "paper-testnet")
    other.write_bytes(b"no database" * 1000)
    ran = cli("db", "check", "--json", "--state", state)
    found = {r["mode"]: r for r in json.loads(ran.out)}
    assert ran.code == 65 and found["local"]["ok"] and not found["paper-testnet"]["ok"]
    assert str(other) in found["paper-testnet"]["broken"][0]


def test_another_version_s_database_is_the_operator_s_to_mend(cli: Cli, state: Path) -> None:
    change(state, "local", "PRAGMA user_version = 99")
    ran = cli("db", "check", "--state", state)
    assert ran.code == 78 and "schema 99" in ran.err and ran.err.count("\n") == 1
