"""Autoresearch against a running daemon: the step it takes is on the tape and in the register."""

from __future__ import annotations

import json
import time
from pathlib import Path

from shadow.store.rows import Rows, day_of
from shadow.store.store import Store
from shadow.store.tables.weights import ReturnRow
from tests.support.learning import DAY_MS
from tests.support.process import PLAIN, gnomon, query, running, status

BOT = "order_flow"


def with_a_past(tmp_path: Path) -> None:
    """Write a database in which a bot did badly on each of the last thirty days."""
    today_ms = int(time.time() * 1000)
    rows = Rows()
    for i in range(1, 31):
        day = day_of(today_ms - i * DAY_MS)
        rows.returns.append(ReturnRow(day, day, BOT, "flow", -10_000 * (1 + i % 3), 5))
    (tmp_path / "local").mkdir()
    store = Store(tmp_path / "local" / "gnomon.db", mode="local", network="local")
    store.write(rows)
    store.close()


def test_a_step_is_taken_by_the_daemon_and_replays(tmp_path: Path) -> None:
    with_a_past(tmp_path)
    step = ("research", "autoresearch", "--state", tmp_path, "--json")
    with running("run", *PLAIN, "--state", tmp_path) as daemon:
        daemon.wait_for("ready")
        planned = json.loads(gnomon(*step, "--dry-run").stdout)
        assert planned["step"] == "start" and planned["reply"] == ""
        assert planned["command"]["start"]["bot"] == BOT
        assert query(tmp_path, "SELECT COUNT(*) FROM experiment") == [(0,)]
        done = gnomon(*step)
        assert done.returncode == 0, done.stderr
        assert json.loads(done.stdout)["reply"].startswith(f"trial 1 of {BOT} began")
        waits = json.loads(gnomon(*step).stdout)
        assert waits["step"] == "wait" and "runs until" in waits["reason"]
        assert [row["decision"] for row in waits["trials"]] == [None]
        assert not any("#" in bot for bot in status(tmp_path)["bots"])
        time.sleep(2.0)
        assert daemon.end(2) == 0
    # The days of the past are made up: no trade explains them, and no step was taken over them.
    done = gnomon("db", "check", "--state", tmp_path)
    found = [line for line in (done.stdout + done.stderr).splitlines() if line.startswith(" ")]
    assert found and all(line.startswith("  weights: ") for line in found), found
    (change,) = query(tmp_path, "SELECT change FROM experiment")
    assert json.loads(change[0])["name"] == planned["command"]["start"]["name"]
    replayed = gnomon("replay", tmp_path / "local" / "tape", "--json")
    assert json.loads(replayed.stdout)["digest_match"] is True, replayed.stderr


def test_without_a_daemon_a_step_is_not_taken(tmp_path: Path) -> None:
    with_a_past(tmp_path)
    with running("run", *PLAIN, "--state", tmp_path, "--for", "1s") as daemon:
        assert daemon.end(timeout=30.0) == 0
    done = gnomon("research", "autoresearch", "--state", tmp_path)
    assert done.returncode == 69 and "gnomon run" in done.stderr
    assert query(tmp_path, "SELECT COUNT(*) FROM experiment") == [(0,)]
