from __future__ import annotations

import json
import os
import shutil
import sqlite3
from contextlib import closing
from pathlib import Path

from daemon.instance.lock import alone
from daemon.instance.paths import StateDir
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
    assert ran.code == 65 and head == f"local: {len(lines)} broken integrity rules"
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


# Copies.


def test_a_backup_is_a_sound_copy_with_mode_and_network(
    cli: Cli, state: Path, tmp_path: Path
) -> None:
    target = tmp_path / "backups" / "monday.db"
    ran = cli("db", "backup", target, "--state", state)
    assert (ran.code, ran.out) == (0, "")
    assert ran.err.startswith(f"wrote {target}: local on local, ") and ran.err.count("\n") == 1
    restored = tmp_path / "restored" / "local"
    restored.mkdir(parents=True)
    shutil.copy(target, restored / "gnomon.db")
    assert cli("db", "check", "--state", restored.parent).out == "local: sound\n"
    ran = cli("db", "backup", tmp_path / "b.db", "--json", "--state", state)
    found = json.loads(ran.out)
    assert found == {
        "file": str(tmp_path / "b.db"), "bytes": (tmp_path / "b.db").stat().st_size,
        "mode": "local", "network": "local",
    }  # fmt: skip


def test_an_existing_file_is_left_unless_forced(cli: Cli, state: Path, tmp_path: Path) -> None:
    target = tmp_path / "b.db"
    target.write_text("mine")
    ran = cli("db", "backup", target, "--state", state)
    assert ran.code == 78 and "exists already; --force" in ran.err and ran.err.count("\n") == 1
    assert target.read_text() == "mine"
    assert cli("db", "backup", target, "--force", "--state", state).code == 0
    assert target.read_bytes().startswith(b"SQLite format 3")


def test_the_database_is_never_its_own_backup(cli: Cli, state: Path) -> None:
    for name in ("gnomon.db", "gnomon.db-wal"):
        ran = cli("db", "backup", state / "local" / name, "--force", "--state", state)
        assert ran.code == 78 and "the database itself" in ran.err
    assert cli("db", "check", "--state", state).code == 0


def test_a_broken_database_is_not_passed_on_as_a_backup(
    cli: Cli, state: Path, tmp_path: Path
) -> None:
    cook(state)
    ran = cli("db", "backup", tmp_path / "b.db", "--state", state)
    assert ran.code == 65 and "breaks its integrity rules" in ran.err and ran.err.count("\n") == 1
    assert not (tmp_path / "b.db").exists()


def test_without_a_database_there_is_nothing_to_copy_and_that_is_an_error(
    cli: Cli, tmp_path: Path
) -> None:
    for command in ("backup", "export"):
        ran = cli("db", command, tmp_path / "out", "--state", tmp_path / "none")
        assert ran.code == 78 and "no database yet" in ran.err
        assert not (tmp_path / "out").exists()


def test_a_folder_of_copies_holds_every_mode_and_keeps_so_many(cli: Cli, state: Path) -> None:
    add_mode(state, "paper-testnet")
    folder = state / "backups"
    folder.mkdir()
    old = [folder / f"local-2026-01-0{day}T000000Z.db" for day in range(1, 4)]
    for path in old:
        path.touch()
    ran = cli("db", "backup", folder, "--keep", "2", "--json", "--state", state)
    assert ran.code == 0, ran.err
    written = json.loads(ran.out)
    assert sorted(row["mode"] for row in written) == ["local", "paper-testnet"]
    assert {path.name for path in folder.iterdir()} == {
        old[-1].name, *(Path(row["file"]).name for row in written),
    }  # fmt: skip
    assert cli("db", "backup", folder, "--keep", "2", "--force", "--state", state).code == 2
    assert cli("db", "backup", folder, "--keep", "2", "--state", state / "none").code == 78


def test_a_copy_that_is_not_sound_takes_no_older_one_s_place(cli: Cli, state: Path) -> None:
    folder = state / "backups"
    folder.mkdir()
    (folder / "local-2026-01-01T000000Z.db").touch()
    cook(state)
    assert cli("db", "backup", folder, "--keep", "1", "--state", state).code == 65
    assert [path.name for path in folder.iterdir()] == ["local-2026-01-01T000000Z.db"]


def test_going_back_says_what_is_lost_and_keeps_what_was_there(cli: Cli, state: Path) -> None:
    copy = state / "copy.db"
    assert cli("db", "backup", copy, "--state", state).code == 0
    change(state, "local", "UPDATE signal SET signal_id = signal_id + 1000000 WHERE signal_id ="
           " (SELECT MAX(signal_id) FROM signal)")  # fmt: skip
    ran = cli("db", "restore", copy, "--dry-run", "--state", state)
    assert ran.code == 0 and "would be lost: everything since 20" in ran.err
    assert "1 signals, 0 trades and phantoms begun, 0 closed" in ran.err
    ran = cli("db", "restore", copy, "--if-migrated", "--json", "--state", state)
    assert (ran.code, json.loads(ran.out)["restored"]) == (0, False)
    change(state, "local", "PRAGMA user_version = 9999")
    ran = cli("db", "restore", copy, "--if-migrated", "--json", "--state", state)
    found = json.loads(ran.out)
    assert (found["restored"], found["signals"], found["mode"]) == (True, 1, "local")
    assert Path(found["aside"]).exists()
    assert cli("db", "check", "--state", state).out == "local: sound\n"


def test_nobody_goes_back_under_a_running_daemon(cli: Cli, state: Path) -> None:
    copy = state / "copy.db"
    assert cli("db", "backup", copy, "--state", state).code == 0
    with alone(StateDir(state, "local")):
        assert cli("db", "restore", copy, "--state", state).code == 75
        assert cli("db", "restore", copy, "--dry-run", "--state", state).code == 0
