from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

from daemon.engine import snapshot
from market.decision import BUY, SELL, ExitCall, ExitPlan, Signal
from market.events import (
    Command,
    ContextUpdate,
    Print,
    Timer,
    TradesUpdate,
)
from shadow.store.check import broken_promises
from shadow.store.rows import Rows
from tests.daemon import rig
from tests.daemon.rig import Fresh
from tests.support.engines import NOW_NS, S, book, feed, quiet, recorded, stored

pytestmark = pytest.mark.xdist_group("eventful market")

NAN, INF = float("nan"), float("inf")


def wound(made: Fresh, name: str, hook: str, at: int, error: Exception | None) -> list[int]:
    """Make a bot raise, or fall silent, from its `at`-th call on; returns the call counter."""
    bot = made.engine.market.lanes[name].bot
    real = getattr(bot, hook)
    calls = [0]

    def hurt(*arguments: Any) -> Any:
        calls[0] += 1
        if calls[0] < at:
            return real(*arguments)
        if error is not None:
            raise error
        return None

    setattr(bot, hook, hurt)
    made.engine.market.resubscribe()
    return calls


@pytest.mark.parametrize(
    ("name", "hook", "at"),
    [
        ("order_flow", "on_book", 1),
        ("order_flow", "on_book", 3000),
        ("trade_imbalance", "on_trades", 500),
        ("ema_cross", "on_bar", 9),
        ("funding_harvest", "on_context", 400),
    ],
)
def test_a_bot_that_raises_is_faulted_alone(name: str, hook: str, at: int) -> None:
    scene = rig.eventful()
    records = recorded()
    broken, silent = rig.again(scene), rig.again(scene)
    calls = wound(broken, name, hook, at, RuntimeError("planted"))
    wound(silent, name, hook, at, None)
    broken.play(records)
    silent.play(records)
    assert calls[0] == at, "a faulted bot must not be called again"
    lane = broken.engine.market.lanes[name]
    assert lane.fault == "RuntimeError: planted" and lane.faults == 1
    healthy = [other.fault for other in broken.engine.market.lanes.values() if other is not lane]
    assert not any(healthy)
    alarms = [row for row in broken.rows.alarms if row.kind == "bot_fault"]
    (told,) = [row.message for row in alarms]
    assert told.startswith(name) and "planted" in told
    for table in Rows.__struct_fields__:
        if table != "alarms":
            assert getattr(broken.rows, table) == getattr(silent.rows, table), table


def test_a_faulted_bot_is_put_back_by_command_with_fresh_memories() -> None:
    def act(memory: rig.Count, coin: Any, view: Any) -> None:
        if memory.calls == 3:
            raise RuntimeError("third time")

    lane = rig.probe(act)
    made = quiet([lane])
    for i in range(6):
        feed(made, NOW_NS + i)
    assert lane.fault and lane.memory("BTC").calls == 3
    assert made.engine.step(Command("rearm", "nobody", recv_ns=NOW_NS + 7)).reply.startswith("no")
    outcome = made.engine.step(Command("rearm", "probe", recv_ns=NOW_NS + 8))
    assert "third time" in outcome.reply and not lane.fault
    assert [row.kind for row in outcome.rows.alarms] == ["rearm"]
    feed(made, NOW_NS + 9)
    assert lane.memory("BTC").calls == 1
    assert snapshot.durable(made.engine)["lane/probe"] is not None


def plan(**changes: Any) -> ExitPlan:
    return ExitPlan(**{"stop_px": 99.0, "horizon_ns": S, **changes})


@pytest.mark.parametrize(
    "action",
    [
        Signal("BTC", 0, 1.0, plan(), ""),
        Signal("BTC", 2, 1.0, plan(), ""),
        Signal("BTC", BUY, 0.0, plan(), ""),
        Signal("BTC", BUY, 1.01, plan(), ""),
        Signal("BTC", BUY, NAN, plan(), ""),
        Signal("BTC", BUY, 1.0, plan(stop_px=100.0), ""),
        Signal("BTC", SELL, 1.0, plan(stop_px=99.0), ""),
        Signal("BTC", BUY, 1.0, plan(stop_px=NAN), ""),
        Signal("BTC", SELL, 1.0, plan(stop_px=INF), ""),
        Signal("BTC", BUY, 1.0, plan(stop_px=-1.0), ""),
        Signal("BTC", BUY, 1.0, plan(target_px=99.5), ""),
        Signal("BTC", BUY, 1.0, plan(target_px=INF), ""),
        Signal("BTC", BUY, 1.0, plan(horizon_ns=0), ""),
        Signal("BTC", BUY, 1.0, plan(trail=-1.0), ""),
        Signal("ETH", BUY, 1.0, plan(), "about another coin than it was shown"),
        Signal("NOPE", BUY, 1.0, plan(), "about no coin"),
        Signal("BTC", BUY, 1.0, plan(), "saw what is no number", {"it": object()}),  # type: ignore[dict-item]
        Signal("BTC", BUY, 1.0, plan(), object()),  # type: ignore[arg-type]
        ExitCall("NOPE", BUY, ""),
        "buy",
        True,
    ],
    ids=lambda action: re.sub(r" at 0x\w+", "", str(action)),
)
def test_a_signal_no_gate_could_judge_faults_its_bot_and_leaves_nothing_behind(
    action: Any, tmp_path: Path
) -> None:
    other = rig.probe(lambda m, coin, view: None, "other")
    lane = rig.probe(lambda m, coin, view: action)
    made = quiet([lane, other])
    rows = feed(made, NOW_NS)
    assert lane.fault and not other.fault
    assert [row.kind for row in rows.alarms] == ["bot_fault"]
    assert (
        rows.size() - sum(map(len, (rows.weights, rows.series, rows.spells, rows.branches))) == 1
        and not made.engine.branch.ledger.trades
        and not made.engine.branch.keys
    )
    assert other.memory("BTC").calls == 1
    with stored(tmp_path, made.engine, rows) as db:
        assert broken_promises(db) == []


def test_a_bot_is_idle_until_any_of_its_feeds_has_spoken() -> None:
    made = rig.fresh({}, rig.PAIR)
    engine = made.engine
    lanes = engine.market.lanes
    assert set(engine.market.idle_bots()) == set(lanes)
    engine.step(book("BTC", NOW_NS))
    engine.step(TradesUpdate("BTC", [Print(NOW_NS // 1_000_000, 100.0, 1.0, 1)], NOW_NS))
    heard = {name for name, lane in lanes.items() if {"book", "trades"} & set(lane.bot.feeds())}
    assert heard and set(engine.market.idle_bots()) == set(lanes) - heard
    context = ContextUpdate("ETH", 0.0, 1.0, 1.0, 1.0, None, 1.0, 1.0, NOW_NS)
    engine.step(context)
    assert all("context" not in lanes[name].bot.feeds() for name in engine.market.idle_bots())


def test_a_bot_whose_memory_is_not_finite_is_faulted_alone() -> None:
    """A quotient of nothing, say: whatever it computes from now on would be no number."""

    def forget(memory: Any, coin: Any, view: Any) -> None:
        memory.calls = NAN if coin.name == "ETH" else memory.calls

    made = quiet([rig.probe(forget, "mad"), rig.probe(lambda m, c, v: None, "sane")])
    engine = made.engine
    engine.step(Timer(NOW_NS))
    for coin in rig.PAIR:
        feed(made, NOW_NS + S, coin=coin)
    rows = engine.step(Timer(NOW_NS + 61 * S)).rows
    assert [row.kind for row in rows.alarms] == ["bot_fault"]
    assert "mad on ETH" in rows.alarms[0].message and "not finite" in rows.alarms[0].message
    assert {name: bool(lane.fault) for name, lane in engine.market.lanes.items()} == {
        "mad": True,
        "sane": False,
    }
    engine.step(Command("rearm", "mad", recv_ns=NOW_NS + 62 * S))  # type: ignore[arg-type]
    assert engine.market.lanes["mad"].check() == ""
