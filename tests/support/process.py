"""Whole `gnomon` processes under test: start, watch their lines, stop, kill, look at the state."""

from __future__ import annotations

import os
import signal
import sqlite3
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import msgspec

from daemon.instance.control import Request, ask
from daemon.live.child import World
from daemon.views.status import RunningStatus
from market.events import MS_PER_DAY

ROOT = Path(__file__).resolve().parents[2]
# Log lines, three coins, and no lens process beside the daemon: most tests are not about them.
PLAIN = ("--plain", "--config", str(Path(__file__).with_name("plain.toml")))
# Of the venue where no configuration names another.
SEED, YOUNG_DAYS = 7, 6
PATIENCE_S = float(os.environ.get("GNOMON_PATIENCE", "1")) * 30.0


def command(*args: str | Path) -> list[str]:
    """Return the command line of a gnomon command."""
    return [sys.executable, "-m", "daemon", *(str(a) for a in args)]


def environment(extra: Mapping[str, str] | None = None) -> dict[str, str]:
    """Return an environment in which no configuration of the machine is found."""
    clean = {k: v for k, v in os.environ.items() if not k.startswith(("GNOMON_", "XDG_", "NOTIFY"))}
    clean.update(HOME="/nonexistent", PYTHONPATH=str(ROOT), PYTHONUNBUFFERED="1")
    # A test worker's idea of the terminal is not the terminal of a command it starts.
    for name in ("STATE_DIRECTORY", "COLUMNS", "LINES"):
        clean.pop(name, None)
    return {**clean, **(extra or {})}


def gnomon(
    *args: str | Path, env: Mapping[str, str] | None = None, timeout: float = 60.0
) -> subprocess.CompletedProcess[str]:
    """Run a command to its end."""
    return subprocess.run(
        command(*args),
        capture_output=True,
        text=True,
        env=environment(env),
        timeout=timeout,
        check=False,
        cwd="/",
    )


def with_a_young_world(arguments: tuple[str | Path, ...]) -> None:
    """Begin the world of a state that a plain daemon is about to make: six days old.

    A user's is thirty, and the venue takes a second to build the other days. The longest bars that
    a bot waits for are there either way.
    """
    words = [str(argument) for argument in arguments]
    if (
        words[:1] != ["run"]
        or PLAIN[-1] not in words
        or {"--mode", "--state"} & {*words} != {"--state"}
    ):
        return
    state = Path(words[words.index("--state") + 1])
    world = state / "local" / "world.json"
    if state.parent.is_dir() and not world.exists():
        world.parent.mkdir(parents=True, exist_ok=True)
        today_ms = int(time.time() * 1000) // MS_PER_DAY * MS_PER_DAY
        world.write_bytes(msgspec.json.encode(World(SEED, today_ms - YOUNG_DAYS * MS_PER_DAY)))


class Process:
    """A running command; `lines` fills with its output as it comes."""

    def __init__(self, *args: str | Path, env: Mapping[str, str] | None = None) -> None:
        self.began = time.monotonic()
        self.lines: list[str] = []
        with_a_young_world(args)
        self.popen = subprocess.Popen(
            command(*args),
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            env=environment(env),
            cwd="/",
        )
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def _read(self) -> None:
        assert self.popen.stdout is not None
        for line in self.popen.stdout:
            self.lines.append(line.rstrip("\n"))

    def text(self) -> str:
        """Return everything said so far."""
        return "\n".join(self.lines)

    def wait_for(self, what: str, timeout: float = PATIENCE_S) -> float:
        """Wait for a line that holds `what`; return the seconds since the start."""
        try:
            until(lambda: what in self.text(), repr(what), timeout, self.popen)
        except AssertionError as vain:
            raise AssertionError(f"{vain} in:\n{self.text()}") from None
        return time.monotonic() - self.began

    def end(self, number: int | None = None, timeout: float = PATIENCE_S) -> int:
        """Send a signal if given, wait for the end, return the exit code."""
        if number is not None:
            self.popen.send_signal(number)
        try:
            code = self.popen.wait(timeout)
        except subprocess.TimeoutExpired:
            self.popen.kill()
            self.popen.wait()
            raise AssertionError(f"did not end within {timeout} s:\n{self.text()}") from None
        self._reader.join(5.0)
        assert self.popen.stdout is not None
        self.popen.stdout.close()
        return code


@contextmanager
def running(*args: str | Path, env: Mapping[str, str] | None = None) -> Iterator[Process]:
    """Run a command for the length of a block; whatever is left of it is killed."""
    process = Process(*args, env=env)
    try:
        yield process
    finally:
        if process.popen.poll() is None:
            process.end(signal.SIGKILL)
        elif process.popen.stdout is not None and not process.popen.stdout.closed:
            process.end()


def until(
    condition: Callable[[], bool],
    what: str,
    timeout: float = PATIENCE_S,
    process: subprocess.Popen[str] | None = None,
) -> None:
    """Wait for a condition; raises AssertionError naming `what` when it does not come true."""
    deadline = time.monotonic() + timeout
    while not condition():
        ended = process is not None and process.poll() is not None
        if time.monotonic() > deadline or (ended and not _soon(condition)):
            raise AssertionError(f"waited in vain for {what}")
        time.sleep(0.05)


def _soon(condition: Callable[[], bool]) -> bool:
    """Give a process's last words a moment to be read."""
    time.sleep(0.3)
    return condition()


def query(state: Path, sql: str, mode: str = "local") -> list[tuple[Any, ...]]:
    """Return rows of a state's database."""
    path = state / mode / "gnomon.db"
    with closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True, timeout=5.0)) as db:
        return db.execute(sql).fetchall()


def status(state: Path) -> dict[str, Any]:
    """Return what the daemon of a state says of itself, asked as `gnomon status` asks it."""
    (socket,) = state.glob("*/gnomon.sock")
    found: dict[str, Any] = msgspec.to_builtins(ask(socket, Request("status"), RunningStatus))
    return found


def sound(state: Path) -> None:
    """Assert that every database of a state keeps its promises."""
    done = gnomon("db", "check", "--state", state)
    assert done.returncode == 0, done.stdout + done.stderr


def children(pid: int) -> list[int]:
    """Return the process ids of a process's children."""
    path = Path(f"/proc/{pid}/task/{pid}/children")
    return [int(word) for word in path.read_text().split()]


def alive(pid: int) -> bool:
    """Say whether a process still runs (a zombie does not)."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] != "Z"
    except OSError:
        return False
