"""`gnomon run` as a new user meets it: no keys, no network, a local venue as a child."""

from __future__ import annotations

import json
import signal
import time
from pathlib import Path

from tests.support.process import (
    PLAIN,
    alive,
    children,
    gnomon,
    query,
    running,
    sound,
    status,
    until,
)


def test_a_first_run_trades_reports_and_replays(tmp_path: Path) -> None:
    with running("run", "--plain", "--state", tmp_path, "--for", "12s") as daemon:
        daemon.wait_for("ready")
        ready_at = time.monotonic()
        until(lambda: bool(query(tmp_path, "SELECT 1 FROM signal")), "a first signal", 10.0)
        assert time.monotonic() - ready_at < 10.0
        during = gnomon("shadow", "report", "--state", tmp_path, "--json")
        assert during.returncode == 0
        assert isinstance(json.loads(during.stdout), list)
        assert status(tmp_path)["running"] is True
        assert (tmp_path / "local" / "gnomon.sock").stat().st_mode & 0o777 == 0o600
        assert daemon.end(timeout=30.0) == 0
        assert "gnomon shadow report" in daemon.text()
    sound(tmp_path)
    signals, admitted, blocked = query(
        tmp_path,
        "SELECT COUNT(*), SUM(verdict = 'admitted'), SUM(verdict = 'blocked') FROM signal",
    )[0]
    assert signals == admitted + blocked > 0
    assert query(tmp_path, "SELECT COUNT(*) FROM lens WHERE null_rank IS NOT NULL")[0][0] > 0
    replayed = gnomon("replay", tmp_path / "local" / "tape", "--json")
    assert replayed.returncode == 0, replayed.stderr
    found = json.loads(replayed.stdout)
    assert found["digest_match"] is True
    assert found["digest"] == query(tmp_path, "SELECT digest FROM run")[0][0]
    assert (found["signals"], found["admitted"], found["blocked"]) == (signals, admitted, blocked)


def test_an_interrupt_stops_cleanly_within_five_seconds_and_prices_go_on(tmp_path: Path) -> None:
    marks = []
    for number in (signal.SIGINT, signal.SIGTERM):
        with running("run", *PLAIN, "--state", tmp_path) as daemon:
            daemon.wait_for("ready")
            venue = children(daemon.popen.pid)
            assert venue
            marks.append({f["coin"]: f["bid"] for f in status(tmp_path)["feeds"]})
            began = time.monotonic()
            assert daemon.end(number, timeout=10.0) == 0
            assert time.monotonic() - began < 5.0
            assert "gnomon shadow report" in daemon.text()
            assert not any(alive(pid) for pid in venue)
        assert query(tmp_path, "SELECT ended_why FROM run ORDER BY run_id DESC LIMIT 1") == [
            (signal.Signals(number).name,)
        ]
        sound(tmp_path)
    before, after = marks
    assert before and before.keys() == after.keys()
    for coin, px in before.items():
        assert abs(after[coin] / px - 1.0) < 0.02, coin


def test_the_local_venue_dies_with_its_daemon_however_that_dies(tmp_path: Path) -> None:
    with running("run", *PLAIN, "--state", tmp_path) as daemon:
        daemon.wait_for("ready")
        venue = children(daemon.popen.pid)
        assert daemon.end(signal.SIGKILL) == -signal.SIGKILL
        until(lambda: not any(alive(pid) for pid in venue), "the venue's end", 5.0)


def test_commands_reach_the_engine_and_the_tape(tmp_path: Path) -> None:
    with running("run", *PLAIN, "--state", tmp_path) as daemon:
        daemon.wait_for("ready")
        halted = gnomon("halt", "--reason", "a test", "--state", tmp_path)
        assert halted.returncode == 0
        assert status(tmp_path)["halts"] == {"operator": "a test"}
        assert gnomon("rearm", "donchian", "--state", tmp_path).returncode == 0
        unknown = gnomon("rearm", "nobody", "--state", tmp_path)
        assert "no bot 'nobody'" in unknown.stderr
        assert gnomon("resume", "--state", tmp_path).returncode == 0
        assert status(tmp_path)["halts"] == {}
        daemon.end(signal.SIGINT)
    info = json.loads(gnomon("tape", "info", tmp_path / "local" / "tape", "--json").stdout)
    assert info["records"]["commands"] == 3
    kinds = [row[0] for row in query(tmp_path, "SELECT kind FROM alarm ORDER BY rowid")]
    assert kinds[:1] == ["halt"] and "resume" in kinds
    assert gnomon("replay", tmp_path / "local" / "tape").returncode == 0
    nobody = gnomon("halt", "--state", tmp_path)
    assert nobody.returncode == 69 and "no daemon answers" in nobody.stderr
