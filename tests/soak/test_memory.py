"""Minutes of running: memory, threads and files stay flat, and collections stay short."""

from __future__ import annotations

import os
import signal
import time
from pathlib import Path

import pytest

from tests.support.process import Process, running, sound, status

MINUTES = float(os.environ.get("GNOMON_SOAK_MINUTES", "5"))


def resident_mb(pid: int) -> float:
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmRSS:"):
            return int(line.split()[1]) / 1024
    raise AssertionError("no VmRSS")


def open_files(pid: int) -> int:
    return len(list(Path(f"/proc/{pid}/fd").iterdir()))


def threads(pid: int) -> int:
    return len(list(Path(f"/proc/{pid}/task").iterdir()))


def watch(daemon: Process, state: Path, seconds: float) -> None:
    pid = daemon.popen.pid
    time.sleep(5.0)
    files, workers, first = open_files(pid), threads(pid), resident_mb(pid)
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        time.sleep(min(5.0, seconds))
        assert open_files(pid) <= files + 3
        assert threads(pid) <= workers + 2
    grown = resident_mb(pid) - first
    assert grown < 10.0 + seconds / 60.0 * 2.0, f"grew by {grown:.1f} MB in {seconds:.0f} s"
    found = status(state)
    assert found["gc_pause_ms_max"] < 50.0
    assert found["connected"]


def test_a_short_run_stays_flat(tmp_path: Path) -> None:
    with running("run", "--plain", "--state", tmp_path) as daemon:
        daemon.wait_for("ready")
        watch(daemon, tmp_path, 8.0)
        assert daemon.end(signal.SIGTERM) == 0
    sound(tmp_path)


@pytest.mark.long
@pytest.mark.timeout(7200)
def test_minutes_stay_flat(tmp_path: Path) -> None:
    with running("run", "--plain", "--state", tmp_path) as daemon:
        daemon.wait_for("ready")
        watch(daemon, tmp_path, MINUTES * 60.0)
        assert daemon.end(signal.SIGTERM) == 0
    sound(tmp_path)
