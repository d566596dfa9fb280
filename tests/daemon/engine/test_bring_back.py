from __future__ import annotations

from collections.abc import Iterator

import pytest

from daemon.engine import snapshot
from daemon.engine.engine import Engine
from market.events import MS_PER_DAY, Command, FeedUp, Timer, VenueTime
from shadow.ledger.trade import TradeState
from tests.daemon import rig
from tests.daemon.rig import Fresh, Scene
from tests.support import virtual
from tests.support.engines import S, feed

DAY = 86_400 * S
NOW_NS = virtual.START_MS * 1_000_000


def pieces_of(engine: Engine) -> dict[str, str]:
    engine.out.dirty = dict.fromkeys(
        (
            "desk", "weights", "returns",
            *(f"key/{name}" for name in engine.branch.keys),
            *(f"trade/{trade_id}" for trade_id in engine.branch.ledger.trades),
        )
    )  # fmt: skip
    return {k: v for k, v in snapshot.durable(engine).items() if v is not None}


def ahead(by_ns: int) -> tuple[Scene, dict[str, str]]:
    """Return a run whose clock was ahead of the venue's, and what it left in its database."""
    lane = rig.probe(lambda m, c, v: rig.entry(c, stop=0.2, horizon_s=900))
    start_ms = virtual.START_MS + by_ns // 1_000_000
    scene = Scene(coins=rig.PAIR, start_ms=start_ms, lanes=[lane], config={"gate": rig.OPEN})
    scene.advance(20)
    desk = scene.engine.branch.desk
    desk.stopped["probe|BTC"] = scene.run.now_ns
    today_ms = scene.run.now_ns // 10**6 // MS_PER_DAY * MS_PER_DAY
    scene.engine.weighing.fresh = {"probe": {today_ms: (5, 1)}}
    return scene, pieces_of(scene.engine)


def stamps(engine: Engine) -> Iterator[int]:
    """Yield every moment that a state speaks of, in nanoseconds."""
    yield from (engine.vitals.now_ns, engine.vitals.venue_ns)
    yield from (engine.branch.desk.day_ms * 10**6, engine.weighing.weights.stepped_ms * 10**6)
    yield from engine.branch.desk.stopped.values()
    for key in engine.branch.keys.values():
        yield from (key.opened_ns, key.spoke_ns)
    for trade in engine.branch.ledger.trades.values():
        yield from (trade.decided_ns, trade.due_ns, trade.opened_ns, trade.gap_ns)
    for days in engine.weighing.fresh.values():
        yield from (day * 10**6 for day in days)


def restarted(scene: Scene, pieces: dict[str, str], now_ns: int) -> tuple[Fresh, list[str]]:
    made = rig.fresh(scene.run.config, rig.PAIR)
    return made, snapshot.recover(made.engine, pieces, 10**6, now_ns)


@pytest.mark.parametrize("days", [1, 730])
def test_a_clock_that_was_ahead_and_came_back_is_over_with_the_restart(days: int) -> None:
    scene, pieces = ahead(days * DAY)
    made, lost = restarted(scene, pieces, NOW_NS)
    engine = made.engine
    assert len(lost) == 1 and f"{days * 86_400 + 20} s ahead of the venue's" in lost[0]
    assert max(stamps(engine)) <= NOW_NS
    trades = engine.branch.ledger.trades
    assert len(trades) >= 2 and {t.state for t in trades.values()} == {TradeState.OPEN}
    assert engine.weighing.fresh == {"probe": {NOW_NS // 10**6 // MS_PER_DAY * MS_PER_DAY: (5, 1)}}
    rows = [engine.step(VenueTime(NOW_NS // 10**6, NOW_NS, NOW_NS, NOW_NS)).rows]
    rows.append(engine.step(FeedUp(recv_ns=NOW_NS)).rows)
    today_ms = NOW_NS // 10**6 // MS_PER_DAY * MS_PER_DAY
    assert engine.branch.desk.day_ms == today_ms, "no day that was not"
    assert engine.vitals.next_hour_ns == NOW_NS + 3600 * S
    for second in range(1, 60 * 70, 30):
        ns = NOW_NS + second * S
        feed(made, ns)
        rows.append(engine.step(Timer(ns)).rows)
    assert engine.vitals.next_hour_ns == NOW_NS + 7200 * S, "hours end again"
    assert not [row for one in rows for row in one.weights if row.reason != "start"]


def test_the_next_day_steps_the_weights_again() -> None:
    scene, pieces = ahead(730 * DAY)
    made, _ = restarted(scene, pieces, NOW_NS)
    engine = made.engine
    engine.step(VenueTime(NOW_NS // 10**6, NOW_NS, NOW_NS, NOW_NS))
    later = NOW_NS + DAY
    stepped = [row.day for row in engine.step(Timer(later)).rows.weights]
    assert stepped and set(stepped) == {"2026-11-24"}


@pytest.mark.parametrize("by_ns", [0, -3600 * S, S])
def test_a_state_that_is_no_later_than_now_is_left_as_it_is(by_ns: int) -> None:
    scene, pieces = ahead(by_ns)
    made, lost = restarted(scene, pieces, NOW_NS + 60 * S)
    assert lost == []
    assert made.engine.vitals.now_ns == scene.run.now_ns


def test_a_halt_outlives_it() -> None:
    scene, _ = ahead(DAY)
    scene.tell(Command("halt", "by hand"))
    made, _ = restarted(scene, pieces_of(scene.engine), NOW_NS)
    assert made.engine.branch.desk.halts == {"operator": "by hand"}
