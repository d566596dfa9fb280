from __future__ import annotations

import asyncio
import re
import shutil
import subprocess
from pathlib import Path

import pytest
from msgspec.structs import replace
from prometheus_client.parser import text_string_to_metric_families

from daemon.instance.database import reading
from daemon.views.health import Health, health
from daemon.views.panels.limits import limits_panel
from daemon.views.panels.weights import weights_panel
from daemon.views.status import RunningStatus, status
from daemon.web.metrics import exposition
from tests.support.daemons import busy

DEPLOY = Path(__file__).resolve().parents[3] / "deploy"


@pytest.fixture(scope="module")
def scraped(tmp_path_factory: pytest.TempPathFactory) -> tuple[bytes, RunningStatus, Health]:
    made = busy(tmp_path_factory.mktemp("metrics"))
    told = status(made)
    asyncio.run(made.close("over"))
    found = health(made.state, told, told.now_ns)
    with reading(made.state) as db:
        return exposition(found, limits_panel(db), weights_panel(db)), told, found


def samples(text: bytes) -> dict[tuple[str, ...], float]:
    return {
        (s.name, *s.labels.values()): s.value
        for family in text_string_to_metric_families(text.decode())
        for s in family.samples
    }


def test_every_figure_is_that_of_the_status(
    scraped: tuple[bytes, RunningStatus, Health],
) -> None:
    text, told, _ = scraped
    found = samples(text)
    assert found["gnomon_up",] == 1.0
    assert found["gnomon_equity_usd",] == pytest.approx(told.equity_usd)
    assert found["gnomon_signals_total",] == told.signals
    for name, count in told.blocked_by.items():
        assert found["gnomon_blocked_signals_total", name] == count
    for feed in told.feeds:
        assert found["gnomon_book_sound", feed.coin] == feed.ok
    assert found["gnomon_division_weight", "trend"] == 1.0
    assert found["gnomon_limit_decided", "direction"] == 0.0
    assert all(name[0].startswith("gnomon_") for name in found)


def test_without_a_daemon_nothing_is_sent_as_zero_that_nobody_knows(
    scraped: tuple[bytes, RunningStatus, Health],
) -> None:
    gone = replace(scraped[2], status=None, state="silent", loss=None)
    assert samples(exposition(gone, None, None)) == {
        ("gnomon_up",): 0.0, ("gnomon_state_info", "silent"): 1.0,
    }  # fmt: skip


@pytest.mark.skipif(shutil.which("promtool") is None, reason="no promtool (Debian: prometheus)")
def test_prometheus_takes_the_text_and_the_rules(
    scraped: tuple[bytes, RunningStatus, Health],
) -> None:
    for command, told in (
        (["promtool", "check", "metrics"], scraped[0]),
        (["promtool", "check", "rules", str(DEPLOY / "alerts.yml")], b""),
    ):
        done = subprocess.run(command, input=told, capture_output=True, check=False)
        assert done.returncode == 0, (done.stdout + done.stderr).decode()


def test_rules_and_dashboard_ask_for_figures_there_are(
    scraped: tuple[bytes, RunningStatus, Health],
) -> None:
    # Also those of which there is nothing to send yet.
    sent = set(re.findall(r"^# TYPE (gnomon_[a-z_]+)", scraped[0].decode(), re.M))
    for file in ("alerts.yml", "grafana.json"):
        asked = set(re.findall(r"gnomon_[a-z_]+", (DEPLOY / file).read_text()))
        assert asked and asked <= sent, (file, asked - sent)
