"""The lens process of a running daemon: what it may do to the daemon, which is nothing."""

from __future__ import annotations

import json
import os
import signal
from pathlib import Path

from tests.support.process import children, gnomon, query, running, status, until


def lens_processes(pid: int) -> list[int]:
    """Return the lens processes among a daemon's children."""
    return [
        child
        for child in children(pid)
        if b"daemon.lens.process" in Path(f"/proc/{child}/cmdline").read_bytes()
    ]


def test_a_daemon_outlives_its_lens_process_and_gets_another(tmp_path: Path) -> None:
    config = tmp_path / "gnomon.toml"
    config.write_text('coins = ["BTC", "ETH"]\n')
    with running("run", "--plain", "--config", config, "--state", tmp_path) as daemon:
        daemon.wait_for("ready")
        until(lambda: status(tmp_path)["lenses"]["ranked"] > 0, "a coin with ranks")
        (first,) = lens_processes(daemon.popen.pid)
        assert os.getpriority(os.PRIO_PROCESS, first) >= 10
        told = json.loads(gnomon("lens", "BTC", "--state", tmp_path, "--json").stdout)
        assert {"lyapunov", "rqa", "homology", "koopman"} <= {r["lens"] for r in told["readings"]}
        os.kill(first, signal.SIGKILL)
        until(
            lambda: (
                lens_processes(daemon.popen.pid) not in ([], [first])
                and status(tmp_path)["lenses"]["warm"]
            ),
            "another lens process",
        )
        assert status(tmp_path)["running"] is True
        daemon.popen.send_signal(signal.SIGTERM)
        assert daemon.end(timeout=30.0) == 0
    assert query(tmp_path, "SELECT message FROM alarm WHERE kind = 'restart'")[0][0].startswith(
        "lenses: LensGone: the lens process ended"
    )
    replayed = json.loads(gnomon("replay", tmp_path / "local" / "tape", "--json").stdout)
    assert replayed["digest_match"] is True
