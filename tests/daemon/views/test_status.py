from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest

from daemon.config.sections import LensConfig
from daemon.lens.client import LensProcess
from daemon.live.daemon import Daemon
from daemon.views.status import (
    RECENT,
    ClockStatus,
    LensStatus,
    RunningStatus,
    feed_of,
    lens_status,
    status,
)
from market.decision import LensAsk, TradeKind
from market.events import Command, Notice, VenueTime
from shadow.ledger.trade import TradeState
from tests.daemon import rig
from tests.support.daemons import StandIn, busy, closed, daemon_of, figures

pytestmark = pytest.mark.xdist_group("busy market")


@pytest.fixture(scope="module")
def daemon(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Daemon]:
    made = busy(tmp_path_factory.mktemp("state"))
    yield made
    asyncio.run(made.close("over"))


def test_a_status_agrees_with_the_engine_and_reads_back_from_its_json(daemon: Daemon) -> None:
    s = status(daemon)
    engine = daemon.engine
    assert s.signals == s.admitted + s.blocked > 20
    assert s.seq == engine.vitals.seq and s.digest == engine.digest
    assert s.equity_usd == engine.branch.desk.equity_e6 / 1e6
    assert sum(s.blocked_by.values()) >= s.blocked
    assert set(s.bots) == set(engine.market.lanes) and set(s.filters) == set(
        engine.branch.gate.reach
    )
    opened = [t for t in engine.branch.settlement.real.values() if t.state != TradeState.PENDING]
    assert [t.trade_id for t in s.open_trades] == [t.trade_id for t in opened] != []
    for brief, trade in zip(s.open_trades, opened, strict=True):
        assert brief.side == ("buy" if trade.side > 0 else "sell")
        assert (brief.lots, brief.stop_px) == (trade.open_lots, trade.stop_px)
    phantoms = [t for t in engine.branch.ledger.trades.values() if t.kind == TradeKind.PHANTOM]
    assert s.open_phantoms == len(phantoms)
    assert [f.coin for f in s.feeds] == list(engine.market.coins)
    assert s.running and s.skipped > 0 and s.votes
    assert len(s.recent) == RECENT and s.recent == list(daemon.recent)
    assert msgspec.json.decode(msgspec.json.encode(s), type=RunningStatus) == s


def test_what_the_engine_does_not_know_comes_from_the_rim() -> None:
    there = StandIn(rig.fresh({}, rig.PAIR).engine)
    there.numbers = figures(
        mode="paper-testnet", network="testnet", ready=True, now_ns=9_540_000_000, frames=5,
        skipped=4, violations={"junk": 3}, connected=False, connects=2, recording=False,
        disk_free_mb=12.6, loop_late_ms=0.126, gc_pause_ms_max=7.777, requests=1,
    )  # fmt: skip
    s = status(there)
    assert (s.mode, s.network, s.ready, s.uptime_s) == ("paper-testnet", "testnet", True, 8.5)
    assert (s.frames, s.skipped, s.violations, s.requests) == (5, 4, {"junk": 3}, 1)
    assert (s.connected, s.connects, s.recording) == (False, 2, False)
    assert (s.disk_free_mb, s.loop_late_ms, s.gc_pause_ms_max) == (13, 0.13, 7.78)
    assert (s.database, s.tape, s.orchestration) == ("x.db", "tape", [])


def test_how_the_lenses_fare_is_told() -> None:
    made = rig.fresh({}, rig.PAIR).engine
    lenses = LensProcess(LensConfig(), lambda update: None)
    lenses.ask(LensAsk("BTC", 0, "raw", "bar"))
    made.market.coins["ETH"].arrivals.burst = True
    made.market.coins["BTC"].lenses.score = 0.5
    numbers = figures(
        lenses_warm=lenses.warm, lenses_waiting=lenses.waiting, lens_answers=lenses.answers
    )
    assert lens_status(made, numbers) == LensStatus(False, 1, 0, 1, ["ETH"])


def test_a_coin_that_was_never_heard_of_has_no_ages_and_no_spread() -> None:
    made = rig.fresh({}, rig.PAIR)
    feed = feed_of(made.engine.market.coins["BTC"], 10**18)
    assert feed.ages_ms == {} and feed.spread_bps is None and feed.ok is False
    msgspec.json.encode(feed)


def test_a_halt_shows_at_once(tmp_path: Path) -> None:
    daemon = daemon_of(tmp_path)
    daemon.consume(Command("halt", "maintenance"))
    daemon.consume(Notice("test", "seen"))
    s = status(daemon)
    assert s.halts == {"operator": "maintenance"} and s.alarms == 2
    closed(daemon)


def test_how_clocks_stand_to_the_venues_is_told() -> None:
    engine = rig.fresh({}, rig.PAIR).engine
    there = StandIn(engine)
    assert status(there).clock == ClockStatus(None, None, None, "", {})
    now_ns = 2_000_000_000
    there.numbers = figures(now_ns=now_ns, wall_ahead_ns=-3_000_000_000)
    engine.step(VenueTime(1_600, now_ns, now_ns, now_ns))
    engine.clock.hear("bbo", 60_000, now_ns)
    assert status(there).clock == ClockStatus(400, 0, -2_600, "", {"bbo": 1})
    engine.clock.offset_ns = 1_600_000_000
    found = status(there).clock
    assert found.trouble == "our stamps are 1.6 s ahead of the venue's clock"
