"""Installing, upgrading, going back and removing, below another root and with a made-up systemd.

The interpreter that the installer is given makes environments in no time; what it is asked to run
of gnomon it runs for real.
"""

from __future__ import annotations

import os
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest

from tests.support.process import ROOT
from tests.support.shadow import told

DATABASE = Path("var", "lib", "gnomon", "local", "gnomon.db")
MIGRATE = """
import sqlite3, sys
db = sqlite3.connect(sys.argv[1])
db.execute("PRAGMA user_version = 9999")
db.commit()
"""
PYTHON = f"""#!/bin/sh
case "$*" in
  "-m venv "*) mkdir -p "$3/bin" && cp "$0" "$3/bin/python" && echo "$VERSION" > "$3/version" ;;
  "-m pip "* | "-m compileall "*) ;;
  "-I -m daemon "*) shift; PYTHONPATH={ROOT} exec {sys.executable} "$@" ;;
  *) exec {sys.executable} "$@" ;;
esac
"""
# A version that does not start may have brought the database to its own schema before it failed.
SYSTEMCTL = f"""#!/bin/sh
echo "$*" >> "$DESTDIR/told"
case "$*" in
  "is-active --quiet gnomon.service") grep -q active "$DESTDIR/state" 2>/dev/null ;;
  "is-active --quiet gnomon-web.service") exit 0 ;;
  "is-active --quiet "*) exit 3 ;;
  "is-active gnomon.service") cat "$DESTDIR/state" ;;
  "start --no-block gnomon.service")
    if grep -q bad "$DESTDIR/opt/gnomon/venv/version"; then
      echo failed > "$DESTDIR/state"
      {sys.executable} -c "$MIGRATE" "$DESTDIR/{DATABASE}"
    else echo active > "$DESTDIR/state"; fi ;;
  stop*) echo inactive > "$DESTDIR/state" ;;
esac
"""


class Server:
    """A machine below a folder, on which one version after the other is installed."""

    def __init__(self, folder: Path) -> None:
        self.root = folder / "root"
        self.database = self.root / DATABASE
        self.database.parent.mkdir(parents=True)
        told(self.database)
        self.programs = folder / "bin"
        self.programs.mkdir()
        for name, text in (("python", PYTHON), ("systemctl", SYSTEMCTL)):
            (self.programs / name).write_text(text)
            (self.programs / name).chmod(0o755)

    def run(self, script: str, *args: str, version: str = "") -> tuple[int, str]:
        done = subprocess.run(
            ["sh", str(ROOT / "deploy" / script), *args],
            capture_output=True,
            text=True,
            check=False,
            env={
                "PATH": f"{self.programs}:{os.environ['PATH']}", "DESTDIR": str(self.root),
                "PYTHON": str(self.programs / "python"), "VERSION": version, "REHEARSAL": "yes",
                "READY_S": "2", "HOME": str(self.root),
                "MIGRATE": MIGRATE,
            },
        )  # fmt: skip
        return done.returncode, done.stdout + done.stderr

    def version(self) -> str:
        return (self.root / "opt/gnomon/venv/version").read_text().strip()

    def told(self) -> list[str]:
        lines = (self.root / "told").read_text().splitlines()
        (self.root / "told").unlink()
        return lines

    def units(self) -> set[str]:
        return {path.name for path in (self.root / "etc/systemd/system").iterdir()}

    def schema(self) -> int:
        with closing(sqlite3.connect(self.database)) as db:
            return int(db.execute("PRAGMA user_version").fetchone()[0])


@pytest.fixture
def server(tmp_path: Path) -> Server:
    return Server(tmp_path)


def test_an_upgrade_that_is_not_ready_is_taken_back_and_the_database_with_it(
    server: Server,
) -> None:
    code, said = server.run("install.sh", version="one")
    assert code == 0 and "READY" in said, said
    assert server.units() == {path.name for path in (ROOT / "systemd").iterdir()}
    lines = server.told()
    (enabled,) = (line for line in lines if line.startswith("enable"))
    timers = [unit for unit in server.units() if unit.endswith(".timer")]
    assert sorted(enabled.split()[1:]) == sorted(["gnomon.service", *timers])
    schema = server.schema()

    code, said = server.run("install.sh", version="bad")
    assert code == 1 and "the new version did not start; the old one runs again" in said
    assert "local: lost: everything since" in said and "0 signals" in said
    assert server.version() == "one" and server.schema() == schema
    assert list(server.database.parent.glob("replaced-*.db"))
    lines = server.told()
    # What ran beside the daemon is stopped with it and started again, and nothing else is.
    stops = [line for line in lines if line.startswith("stop")]
    assert len(stops) == 2 and all("gnomon-web.service gnomon.service" in line for line in stops)
    assert sum("start" in line and "gnomon-web" in line for line in lines) == 1
    assert not any("gnomon-notify" in line and "is-active" not in line for line in lines)


def test_a_version_that_runs_can_be_rolled_back_and_loses_nothing_it_need_not(
    server: Server,
) -> None:
    for version in ("one", "two"):
        code, said = server.run("install.sh", version=version)
        assert code == 0, said
    assert server.version() == "two" and "deploy/install.sh --rollback" in said
    code, said = server.run("install.sh", "--rollback")
    assert code == 0 and "nothing is lost" in said, said
    assert server.version() == "one" and not list(server.database.parent.glob("replaced-*"))
    code, said = server.run("install.sh", "--rollback")
    assert code == 1 and "no version before this one" in said


def test_an_upgrade_whose_copy_fails_changes_nothing(server: Server) -> None:
    assert server.run("install.sh", version="one")[0] == 0
    with closing(sqlite3.connect(server.database)) as db:
        db.execute("UPDATE trade SET net_e6 = net_e6 + 1 WHERE net_e6 IS NOT NULL")
        db.commit()
    code, said = server.run("install.sh", version="two")
    assert code == 1 and "nothing was changed" in said and server.version() == "one"
    assert server.told()[-1] == "start gnomon.service"


def test_what_was_written_down_stays_unless_it_is_to_go(server: Server) -> None:
    assert server.run("install.sh", "--no-start", version="one")[0] == 0
    assert not any(line.startswith(("enable", "start")) for line in server.told())
    code, said = server.run("uninstall.sh")
    assert code == 0 and str(server.root / "var/lib/gnomon") in said
    assert server.database.exists() and (server.root / "etc/gnomon/gnomon.toml").exists()
    assert not (server.root / "opt/gnomon").exists() and server.units() == set()
    assert "disable --now gnomon-backup.timer" in server.told()
    assert server.run("uninstall.sh", "--purge")[0] == 0
    assert not server.database.exists() and not (server.root / "etc/gnomon").exists()
