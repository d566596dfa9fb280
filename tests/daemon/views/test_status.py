from __future__ import annotations

import asyncio
import io
import json
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from msgspec.structs import asdict
from rich.console import Console

from daemon.config.load import parse
from daemon.config.sections import LensConfig
from daemon.instance.paths import StateDir
from daemon.lens.client import LensProcess
from daemon.live.daemon import Daemon
from daemon.live.decision_log import log_decisions
from daemon.live.startup import Endpoint, Plan
from daemon.screen.draw import screen
from daemon.views.status import RECENT, feed_of, lens_status, status
from market.decision import LensAsk, TradeKind
from market.events import Command, Notice
from shadow.ledger.trade import TradeState
from tests.daemon import rig
from tests.daemon.live.test_daemon import NOWHERE, daemon_of
from tests.support import virtual
from venue.hyperliquid.info import InfoClient

KEYS = {
    "running", "mode", "network", "ready", "uptime_s", "now_ns", "seq", "digest", "frames",
    "skipped", "connected", "connects", "feeds", "signals", "admitted", "blocked", "blocked_by",
    "filters", "open_trades", "open_phantoms", "phantoms", "equity_usd", "halts", "latched",
    "bots", "idle_bots", "violations", "alarms", "recent", "recording", "disk_free_mb",
    "loop_late_ms", "database", "tape", "lenses",
}  # fmt: skip


def busy(path: Path) -> Daemon:
    """Return a daemon that has traded for a while, fed from a recorded market."""
    settings = parse({"coins": list(rig.BUSY), **rig.TIGHT}, "test")
    state = StateDir(path, "local")
    state.create()
    daemon = Daemon(
        Plan(settings, "local", "testnet", state),
        Endpoint(NOWHERE.ws, NOWHERE.rest),
        InfoClient(NOWHERE.rest),
        virtual.world().instruments,
    )
    scene = rig.eventful()
    records = [r for r in rig.records_of(scene.run.lines) if r.kind in "FfTRCXL"]
    for record in records[:12_000]:
        daemon.intake.replay(record)
    return daemon


@pytest.fixture(scope="module")
def daemon(tmp_path_factory: pytest.TempPathFactory) -> Any:
    made = busy(tmp_path_factory.mktemp("state"))
    yield made
    asyncio.run(made._close("over"))


def test_a_status_is_plain_data_and_agrees_with_the_engine(daemon: Daemon) -> None:
    s = json.loads(json.dumps(status(daemon)))
    engine = daemon.engine
    assert s.keys() >= KEYS
    assert s["signals"] == s["admitted"] + s["blocked"] > 20
    assert s["seq"] == engine.vitals.seq and s["digest"] == engine.digest
    assert s["equity_usd"] == engine.branch.desk.equity_e6 / 1e6
    assert sum(s["blocked_by"].values()) >= s["blocked"]
    assert set(s["bots"]) == set(engine.market.lanes) and set(s["filters"]) == set(
        engine.branch.gate.reach
    )
    opened = [t for t in engine.branch.settlement.real.values() if t.state != TradeState.PENDING]
    assert len(s["open_trades"]) == len(opened)
    phantoms = [t for t in engine.branch.ledger.trades.values() if t.kind == TradeKind.PHANTOM]
    assert s["open_phantoms"] == len(phantoms)
    assert [f["coin"] for f in s["feeds"]] == list(engine.market.coins)
    assert s["running"] and s["skipped"] > 0


def test_how_the_lenses_fare_is_told() -> None:
    made = rig.fresh({}, rig.PAIR).engine
    lenses = LensProcess(LensConfig(), lambda update: None)
    lenses.ask(LensAsk("BTC", 0, "raw", "bar"))
    made.market.coins["ETH"].arrivals.burst = True
    made.market.coins["BTC"].lenses.score = 0.5
    found = lens_status(SimpleNamespace(engine=made, lenses=lenses))  # type: ignore[arg-type]
    assert found == {"warm": False, "waiting": 1, "answers": 0, "ranked": 1, "bursts": ["ETH"]}


def test_a_coin_that_was_never_heard_of_has_no_ages_and_no_spread() -> None:
    made = rig.fresh({}, rig.PAIR)
    feed = feed_of(made.engine.market.coins["BTC"], 10**18)
    assert feed["ages_ms"] == {} and feed["spread_bps"] is None and feed["ok"] is False
    json.dumps(feed)


BRIEF = {"ts_ns", "bot", "coin", "side", "verdict", "failing", "reason", "signal_id"}


def test_the_newest_decisions_are_kept_and_logged(
    daemon: Daemon, monkeypatch: pytest.MonkeyPatch
) -> None:
    said: list[tuple[str, dict[str, Any]]] = []

    def hear(event: str, **fields: Any) -> None:
        said.append((event, fields))

    monkeypatch.setattr("daemon.live.decision_log.log.info", hear, raising=False)
    monkeypatch.setattr("daemon.live.decision_log.log.warning", hear, raising=False)
    rows = rig.eventful().rows
    recent = log_decisions(rows)
    assert len(recent) == len(rows.signals)
    for brief, row in zip(recent, rows.signals, strict=True):
        assert brief.keys() == BRIEF
        assert brief.items() <= asdict(row).items()
    events = [event for event, _ in said]
    assert events.count("signal admitted") + events.count("signal blocked") == len(recent)
    assert events.count("alarm raised") == len(rows.alarms)
    assert len(daemon.recent) == RECENT


def everything(daemon: Daemon) -> dict[str, Any]:
    """Return a status in which every unusual thing is the case at once."""
    s = status(daemon)
    first = next(iter(s["bots"]))
    return {
        **s,
        "connected": False,
        "ready": False,
        "halts": {"operator": "[bold]x[/nope]", "disk": "full"},
        "latched": "daily loss 3 %",
        "idle_bots": ["donchian", "ema_cross"],
        "bots": {**s["bots"], first: {"division": "x", "signals": 1, "fault": "KeyError: '[/]'"}},
        "equity_usd": 1.0,
        "uptime_s": 1e7,
        "open_trades": s["open_trades"] * 30,
        "recent": [{**r, "reason": "[/red] " + "long " * 80} for r in s["recent"]],
    }


def nothing(daemon: Daemon) -> dict[str, Any]:
    """Return the status of a daemon that has heard nothing yet."""
    s = status(daemon)
    feeds = [
        {**f, "ok": False, "bid": 0.0, "ask": 0.0, "spread_bps": None, "ages_ms": {}}
        for f in s["feeds"]
    ]
    return {**s, "feeds": feeds, "open_trades": [], "recent": [], "signals": 0, "bots": {}}


@pytest.mark.parametrize("width", range(60, 221, 20))
@pytest.mark.parametrize("make", [status, everything, nothing])
def test_the_screen_can_be_drawn_at_any_width(
    make: Callable[[Daemon], dict[str, Any]], width: int, daemon: Daemon
) -> None:
    s = json.loads(json.dumps(make(daemon)))
    console = Console(width=width, height=50, record=True, file=io.StringIO())
    console.print(screen(s, console.size))
    text = console.export_text()
    assert "gnomon" in text and max(map(len, text.splitlines())) <= width
    if width >= 160:
        for word in (("FEED DOWN", "HALTED by operator", "LATCHED", "FAULTED", "idle bots")
                     if make is everything else ("BTC", "gate", "newest signals")):  # fmt: skip
            assert word in text


def test_a_halt_shows_at_once(tmp_path: Path) -> None:
    daemon = daemon_of(tmp_path)
    daemon._consume(Command("halt", "maintenance"))
    daemon._consume(Notice("test", "seen"))
    s = status(daemon)
    assert s["halts"] == {"operator": "maintenance"} and s["alarms"] == 2
    asyncio.run(daemon._close("over"))
