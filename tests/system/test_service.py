"""The systemd side: what the daemon tells its manager, and what the unit promises."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import tomllib
from pathlib import Path

import pytest

from tests.support.process import PLAIN, ROOT, running, until

UNITS = ROOT / "systemd"
UNIT = UNITS / "gnomon.service"
SERVICES = tuple(sorted(path.name for path in UNITS.glob("*.service")))
TIMERS = tuple(sorted(path.name for path in UNITS.glob("*.timer")))
ANALYZE = shutil.which("systemd-analyze")
needs_systemd = pytest.mark.skipif(ANALYZE is None, reason="systemd-analyze is not installed")


def test_the_manager_hears_ready_watchdog_and_stopping(tmp_path: Path) -> None:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
        address = tmp_path / "notify"
        manager.bind(str(address))
        manager.settimeout(0.2)
        told: list[str] = []

        def heard(word: str) -> bool:
            try:
                while True:
                    told.append(manager.recv(4096).decode())
            except TimeoutError:
                return any(word in message for message in told)

        env = {"NOTIFY_SOCKET": str(address), "WATCHDOG_USEC": "2000000"}
        with running("run", *PLAIN, "--state", tmp_path / "s", env=env) as daemon:
            until(lambda: heard("READY=1"), "READY=1")
            told.clear()
            until(lambda: heard("WATCHDOG=1"), "WATCHDOG=1", 5.0)
            assert any("STATUS=local, feed up" in message for message in told)
            daemon.popen.send_signal(signal.SIGTERM)
            until(lambda: heard("STOPPING=1"), "STOPPING=1", 5.0)
            assert daemon.end() == 0


def test_a_wedged_loop_stops_telling_the_watchdog(tmp_path: Path) -> None:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
        address = tmp_path / "notify"
        manager.bind(str(address))
        manager.settimeout(30.0)
        env = {"NOTIFY_SOCKET": str(address), "WATCHDOG_USEC": "2000000"}
        with running("run", *PLAIN, "--state", tmp_path / "s", env=env) as daemon:
            while "WATCHDOG=1" not in manager.recv(4096).decode():
                pass
            daemon.popen.send_signal(signal.SIGSTOP)
            manager.setblocking(False)
            try:
                while manager.recv(4096):
                    pass
            except BlockingIOError:
                pass
            manager.settimeout(2.5)
            with pytest.raises(TimeoutError):
                manager.recv(4096)
            daemon.popen.send_signal(signal.SIGCONT)
            manager.settimeout(5.0)
            assert "WATCHDOG=1" in manager.recv(4096).decode()
            assert daemon.end(signal.SIGTERM) == 0


@pytest.fixture(params=SERVICES)
def installed_unit(tmp_path: Path, request: pytest.FixtureRequest) -> Path:
    """Return a service with its program, and the units beside it, where systemd finds them."""
    program = tmp_path / "gnomon"
    program.write_text("#!/bin/sh\n")
    program.chmod(0o755)
    for unit in UNITS.iterdir():
        text = unit.read_text().replace("/opt/gnomon/bin/gnomon", str(program))
        (tmp_path / unit.name).write_text(text)
    return tmp_path / str(request.param)


@needs_systemd
def test_systemd_accepts_the_unit(installed_unit: Path) -> None:
    done = subprocess.run(
        ["systemd-analyze", "verify", str(installed_unit)],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert installed_unit.name not in done.stderr


@needs_systemd
@pytest.mark.parametrize("installed_unit", TIMERS, indirect=True)
def test_systemd_accepts_the_timer(installed_unit: Path) -> None:
    done = subprocess.run(
        ["systemd-analyze", "verify", str(installed_unit)],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert installed_unit.name not in done.stderr


@needs_systemd
def test_the_sandbox_is_as_tight_as_promised(installed_unit: Path) -> None:
    done = subprocess.run(
        ["systemd-analyze", "security", "--offline=true", "--threshold=12", str(installed_unit)],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout[-2000:]


def test_the_unit_promises_what_the_documents_say() -> None:
    lines = UNIT.read_text().splitlines()
    for promise in (
        "Type=notify",
        "RestartPreventExitStatus=75 78",
        "User=gnomon",
        "Group=gnomon",
        "UMask=0027",
        "StateDirectoryMode=0750",
        "MemoryDenyWriteExecute=no",
        "NoNewPrivileges=yes",
    ):
        assert promise in lines
    assert any(line.startswith("WatchdogSec=") for line in lines)
    assert not any("Credential" in line for line in lines)


def test_autoresearch_is_hardened_like_the_daemon_and_has_nothing_to_write_to() -> None:
    daemon = set(UNIT.read_text().splitlines())
    lines = set((UNITS / "gnomon-autoresearch.service").read_text().splitlines())
    hardening = ("Protect", "Private", "Restrict", "System", "No", "Capability", "Inaccessible")
    missing = {line for line in daemon - lines if line.startswith(hardening)}
    assert {line.partition("=")[0] for line in missing} == {
        "NotifyAccess",
        "RestrictAddressFamilies",
        "SystemCallFilter",
    }
    assert "SystemCallFilter=~@privileged @resources" in lines
    assert "RestrictAddressFamilies=AF_UNIX" in lines
    assert "ProtectSystem=strict" in lines and "PrivateNetwork=yes" in lines
    assert not any(line.startswith(("StateDirectory", "ReadWritePaths")) for line in lines)
    timer = (UNITS / "gnomon-autoresearch.timer").read_text().splitlines()
    assert "OnCalendar=*-*-* 00:20:00 UTC" in timer and "Persistent=yes" in timer


def test_the_backup_can_write_nothing_but_copies_and_keeps_a_week_of_them() -> None:
    lines = (UNITS / "gnomon-backup.service").read_text().splitlines()
    (start,) = (line for line in lines if line.startswith("ExecStart="))
    assert "db backup /var/lib/gnomon/backups --keep 7 --state /var/lib/gnomon" in start
    assert "StateDirectory=gnomon/backups" in lines and "ProtectSystem=strict" in lines
    assert "PrivateNetwork=yes" in lines and not any("ReadWritePaths" in line for line in lines)
    timer = (UNITS / "gnomon-backup.timer").read_text().splitlines()
    assert "OnCalendar=*-*-* 00:40:00 UTC" in timer and "Persistent=yes" in timer


def install(*args: str | Path, into: Path, python: str = "/nonexistent") -> tuple[int, str]:
    """Run the installer below another root; the interpreter it is given does not exist."""
    done = subprocess.run(
        ["sh", str(ROOT / "deploy" / "install.sh"), *map(str, args)],
        capture_output=True,
        text=True,
        check=False,
        env={"PATH": os.environ["PATH"], "DESTDIR": str(into), "PYTHON": python},
    )
    return done.returncode, done.stderr


def test_the_installer_knows_the_extras_and_refuses_others(tmp_path: Path) -> None:
    extras = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    for extra in extras["optional-dependencies"]:
        assert (ROOT / f"requirements-{extra}.lock").exists()
        # It gets as far as the interpreter.
        code, said = install("--extra", extra, into=tmp_path)
        assert code == 1 and "/nonexistent is too old" in said
    for wrong in (("--extra", "duckdb"), ("--extra",), ("--fast",)):
        code, said = install(*wrong, into=tmp_path)
        assert code == 1 and said.startswith("install: ") and said.count("\n") == 1, wrong
        assert "parquet" in said or "--extra NAME" in said
    assert not list(tmp_path.iterdir())


# The first run, as root, imports whatever the command needs: the interpreter's own files may be
# out of another user's reach on a developer's machine.
MEMBER = """
import contextlib, io, os, sys
from daemon.__main__ import main
group = int(sys.argv.pop(1))
with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
    with contextlib.suppress(SystemExit):
        main()
os.setgroups([])
os.setgid(group)
os.setuid(65534)
main()
"""


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become another user")
def test_a_member_of_the_group_reads_reports_but_commands_nothing() -> None:
    with tempfile.TemporaryDirectory() as folder:
        os.chmod(folder, 0o755)
        look_as_a_member(Path(folder) / "state")


def look_as_a_member(root: Path) -> None:
    root.mkdir()
    group = 54321

    def restrict() -> None:
        for path in (root, *root.rglob("*")):
            os.chown(path, 0, group)
            path.chmod(0o750 if path.is_dir() else 0o600 if path.suffix == ".sock" else 0o640)

    def as_member(*args: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-c", MEMBER, str(group), *args],
            capture_output=True,
            text=True,
            env={"PATH": os.environ["PATH"], "HOME": "/nonexistent", "PYTHONPATH": str(ROOT)},
            cwd="/",
            check=False,
        )

    with running("run", *PLAIN, "--state", root) as daemon:
        daemon.wait_for("ready")
        restrict()
        for command in (("shadow", "report"), ("shadow", "list"), ("status",), ("db", "check")):
            done = as_member(*command, "--state", str(root))
            assert done.returncode == 0, done.stderr
        # As root the halt is carried out; the answer looked at is the member's.
        refused = as_member("halt", "--state", str(root))
        assert refused.returncode == 69
        assert "permission denied" in refused.stderr
        assert daemon.end(signal.SIGTERM) == 0
    restrict()
    for command in (("shadow", "report"), ("status",), ("db", "check")):
        done = as_member(*command, "--state", str(root))
        assert done.returncode == 0, done.stderr
