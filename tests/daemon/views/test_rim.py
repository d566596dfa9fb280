from __future__ import annotations

from pathlib import Path

from daemon.views.rim import Rim
from market.events import Notice
from tests.support.daemons import closed, daemon_of


def test_a_daemon_has_the_figures_that_its_views_need(tmp_path: Path) -> None:
    daemon = daemon_of(tmp_path)
    rim: Rim = daemon
    daemon.consume(Notice("test", "an event"))
    found = rim.figures()
    assert rim.engine is daemon.engine
    assert (found.mode, found.network) == ("local", "local")
    assert (found.ready, found.connected, found.connects) == (False, False, 0)
    assert found.started_ns <= found.now_ns <= daemon.clock.now_ns()
    assert (found.frames, found.skipped, found.violations, found.requests) == (0, 0, {}, 0)
    assert found.recording and found.disk_free_mb > 0.0
    assert (found.lenses_warm, found.lenses_waiting, found.lens_answers) == (True, 0, 0)
    assert found.database == str(tmp_path / "local" / "gnomon.db")
    assert found.tape == str(tmp_path / "local" / "tape")
    closed(daemon)
