"""Minutes of running, and a day in minutes: memory, threads and files stay flat.

In the first hours a daemon grows by what it is meant to remember (600 minutes of bars above all);
what it grows by after that it would grow by for ever. So the slope is measured once it is warm.
"""

from __future__ import annotations

import json
import os
import signal
import statistics
import subprocess
import sys
import time
from collections.abc import Sequence
from itertools import combinations
from pathlib import Path

import pytest

from tests.support.process import ROOT, Process, environment, running, sound, status

HOURS = float(os.environ.get("GNOMON_SOAK_HOURS", "30"))
WARM_HOURS = 12.0
SLOPE_MB_MAX = 1.0
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
    config = tmp_path / "gnomon.toml"
    config.write_text('coins = ["BTC", "ETH", "DOGE"]\n')
    with running("run", "--plain", "--config", config, "--state", tmp_path) as daemon:
        daemon.wait_for("ready")
        watch(daemon, tmp_path, 3.0)
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


# A day and more, faster than real time.


def slope_mb(samples: Sequence[tuple[float, float]]) -> float:
    """Return MB an hour by Theil and Sen: the median slope between any two (hours, MB)."""
    return statistics.median(
        (mb - before_mb) / (at - before)
        for (before, before_mb), (at, mb) in combinations(samples, 2)
    )


def virtual_day(*words: object) -> str:
    command = [sys.executable, "-m", "tests.soak.virtual_day", *map(str, words)]
    done = subprocess.run(
        command, capture_output=True, text=True, env=environment(), cwd=ROOT, check=False
    )
    assert done.returncode == 0, done.stderr[-2_000:]
    return done.stdout


def grown(folder: Path, hours: float) -> list[tuple[float, float]]:
    """Return (hours, MB) of a daemon fed with a made market, sampled every ten minutes."""
    market = folder / "market.zst"
    virtual_day("make", market, hours)
    lines = virtual_day("feed", market, folder / "state").splitlines()
    samples = [json.loads(line) for line in lines]
    assert samples[-1]["signals"], "nothing happened"
    return [(sample["hours"], sample["kb"] / 1024.0) for sample in samples]


def test_a_leak_is_found_out() -> None:
    leaking = [(i / 6.0, 90.0 + 2.0 * i / 6.0 + (i % 3)) for i in range(60)]
    assert slope_mb(leaking) > SLOPE_MB_MAX
    assert abs(slope_mb([(i / 6.0, 90.0 + (i % 3)) for i in range(60)])) < 0.1


def test_some_minutes_of_a_virtual_day(tmp_path: Path) -> None:
    assert grown(tmp_path, 0.2)[-1][1] < 200.0


@pytest.mark.long
@pytest.mark.timeout(7200)
def test_a_warm_daemon_grows_no_more(tmp_path: Path) -> None:
    samples = grown(tmp_path, HOURS)
    warm = [sample for sample in samples if sample[0] >= WARM_HOURS]
    found = slope_mb(warm)
    print(f"{found:+.2f} MB an hour from {WARM_HOURS:g} h to {warm[-1][0]:.1f} h of virtual time")
    assert found <= SLOPE_MB_MAX, [f"{at:.1f} h {mb:.1f} MB" for at, mb in samples[::6]]
