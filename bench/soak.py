"""What does the whole daemon weigh while it trades fifty coins: memory, pauses, lateness, CPU?

`gnomon run` in paper mode listens to a `gnomon venue` on loopback, both as processes of their
own; what is measured is the trading process alone.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from bench.result import Figure, Result
from bench.rounds import percentile
from daemon.instance.control import Request, ask
from daemon.instance.paths import StateDir
from market.errors import VenueUnreachable, require
from venue.hyperliquid.universe import load_instruments

ROOT = Path(__file__).parents[1]
SECONDS = 300.0
READY_S = 180.0
LEAVE_S = 30.0
TICKS_A_SECOND = os.sysconf("SC_CLK_TCK")


@dataclass
class Watched:
    """Samples once a second, and the first and last status."""

    resident_mb: list[float] = field(default_factory=list)
    late_ms: list[float] = field(default_factory=list)
    first: dict[str, Any] = field(default_factory=dict)
    last: dict[str, Any] = field(default_factory=dict)
    cpu_s: float = 0.0
    wall_s: float = 0.0


def measure(rounds: int, *, seconds: float = SECONDS, coins: int | None = None) -> Result:
    """Run the daemon once for a while; rounds are the seconds it is looked at."""
    names = tuple(load_instruments())[:coins]
    with tempfile.TemporaryDirectory(prefix="gnomon-bench-") as folder:
        watched = _run(Path(folder), names, seconds)
    frames = watched.last["frames"] - watched.first["frames"]
    require(watched.last["connected"] and frames > 0, "the daemon heard nothing")
    result = Result(f"Soak: `gnomon run --mode paper`, {len(names)} coins, {seconds:.0f} s", "G18")
    pause_ms = watched.last["gc_pause_ms_max"]
    memory_mb = max(watched.resident_mb)
    result.figures = [
        Figure("longest collector pause", pause_ms, "ms", must=5.0, stretch=1.0, lower=True),
        Figure("resident memory, most", memory_mb, "MB", must=120.0, lower=True),
        Figure("resident memory, growth", memory_mb - watched.resident_mb[0], "MB"),
        Figure("seconds' tick late, p50", percentile(watched.late_ms, 0.5), "ms"),
        Figure("seconds' tick late, most", max(watched.late_ms), "ms"),
        Figure("CPU of one core", watched.cpu_s / watched.wall_s * 100.0, "%"),
        Figure("CPU a frame, everything included", watched.cpu_s / frames * 1e6, "us"),
    ]
    last = watched.last
    result.counts = [
        f"{frames:,} frames ({frames / watched.wall_s:.0f} a second), {last['skipped']} passed "
        f"over, {last['admitted']} admitted, {last['blocked']} blocked, "
        f"{last['open_phantoms']} phantoms open at the end, {last['alarms']} alarms",
        f"the longest collector pause was {watched.first['gc_pause_ms_max']} ms by the first "
        "status after readiness",
    ]
    result.notes = ["measured from readiness on; the status of each second costs the daemon too"]
    return result


def _run(folder: Path, coins: tuple[str, ...], seconds: float) -> Watched:
    with _process(folder / "venue.log", "venue", "--port", "0") as venue:
        urls = _first_line(venue, folder / "venue.log")
        config = folder / "gnomon.toml"
        config.write_text(
            f'mode = "paper"\ncoins = {json.dumps(coins)}\n'
            f'[venue.testnet]\nws_url = "{urls["ws"]}"\nrest_url = "{urls["http"]}"\n'
        )
        state = folder / "state"
        options = ("--plain", "--config", str(config), "--state", str(state))
        with _process(folder / "daemon.log", "run", *options) as daemon:
            socket = StateDir(state, "paper-testnet").socket
            watched = Watched(first=_ready(daemon, socket, folder / "daemon.log"))
            _watch(daemon.pid, socket, seconds, watched)
    return watched


@contextmanager
def _process(log: Path, *args: str) -> Iterator[subprocess.Popen[bytes]]:
    clean = {k: v for k, v in os.environ.items() if not k.startswith(("GNOMON_", "XDG_", "NOTIFY"))}
    clean |= {"PYTHONPATH": str(ROOT), "PYTHONUNBUFFERED": "1"}
    with log.open("wb") as out:
        process = subprocess.Popen(
            [sys.executable, "-m", "daemon", *args], stdout=out, stderr=out, env=clean, cwd="/"
        )
        try:
            yield process
        finally:
            process.send_signal(signal.SIGTERM)
            try:
                process.wait(LEAVE_S)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


def _first_line(process: subprocess.Popen[bytes], log: Path) -> dict[str, str]:
    deadline = time.monotonic() + READY_S
    while True:
        # The log also has what is told to a reader.
        for line in log.read_bytes().splitlines(keepends=True):
            if line.startswith(b"{") and line.endswith(b"\n"):
                found: dict[str, str] = json.loads(line)
                return found
        _still(process, log, deadline)


def _ready(process: subprocess.Popen[bytes], socket: Path, log: Path) -> dict[str, Any]:
    deadline = time.monotonic() + READY_S
    while True:
        try:
            status = ask(socket, Request("status"), dict)
        except (VenueUnreachable, OSError):
            status = {}
        if status.get("ready"):
            return status
        _still(process, log, deadline)


def _still(process: subprocess.Popen[bytes], log: Path, deadline: float) -> None:
    time.sleep(0.1)
    in_time = process.poll() is None and time.monotonic() < deadline
    require(in_time, f"a process of the soak is not ready: {log.read_text()[-1000:]}")


def _watch(pid: int, socket: Path, seconds: float, watched: Watched) -> None:
    began, burnt = time.monotonic(), cpu_s(pid)
    due = began
    while time.monotonic() < began + seconds:
        due += 1.0
        time.sleep(max(0.0, due - time.monotonic()))
        watched.last = ask(socket, Request("status"), dict)
        watched.late_ms.append(watched.last["loop_late_ms"])
        watched.resident_mb.append(resident_mb(pid))
    watched.wall_s = time.monotonic() - began
    watched.cpu_s = cpu_s(pid) - burnt


def resident_mb(pid: int) -> float:
    """Return the memory a process holds."""
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmRSS:"):
            return int(line.split()[1]) / 1024.0
    raise ProcessLookupError(pid)


def cpu_s(pid: int) -> float:
    """Return the CPU seconds a process has used, user and system, all its threads."""
    words = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(words[11]) + int(words[12])) / TICKS_A_SECOND
