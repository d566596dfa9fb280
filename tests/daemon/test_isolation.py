"""The shadow must not be able to change a real decision."""

from __future__ import annotations

import random
from collections.abc import Iterable
from typing import Any

import msgspec
import pytest

from market.decision import TradeKind
from market.events import Command
from market.orders import Cancel
from shadow.ledger.trade import UNAVAILABLE, Change, TradeState
from shadow.store.rows import Rows
from tests.daemon import rig
from tests.daemon.rig import Fresh, Scene
from tests.support import virtual
from tests.support.rows import without

pytestmark = pytest.mark.xdist_group("eventful market")


def real(rows: Rows) -> dict[str, list[Any]]:
    """Return everything in rows that is about the desk's own money."""
    paper = TradeKind.PAPER
    return {
        "trades": [r for r in rows.trades if r.trade_id % 4 == paper],
        "updates": [r for r in rows.trade_updates if r.trade_id % 4 == paper],
        "fills": [r for r in rows.fills if r.trade_id % 4 == paper],
        "order_events": rows.order_events,
        "trade_days": [r for r in rows.trade_days if r.trade_id % 4 == paper],
        "equity": [without(r, "open_phantoms") for r in rows.equity],
    }


def renumbered(made: Fresh) -> tuple[list[Any], dict[str, list[Any]]]:
    """Return admitted signals and the desk's own rows, with ids counted among the admitted.

    An id also counts the blocked signals of its event, and those a broken shadow does change.
    """
    admitted = [r for r in made.rows.signals if r.verdict == "admitted"]
    names: dict[Any, tuple[str, int]] = {}
    for n, row in enumerate(admitted):
        names |= {row.signal_id: ("signal", n), row.trade_id: ("trade", n)}

    def told(rows: Iterable[Any]) -> list[Any]:
        return [[names.get(cell, cell) for cell in msgspec.to_builtins(row)] for row in rows]

    return told(admitted), {name: told(rows) for name, rows in real(made.rows).items()}


def market(made: Fresh | Scene) -> dict[str, Any]:
    """Return all that is known of the coins, but for levels merged when someone looked."""
    return {
        name: msgspec.to_builtins(coin)
        | {"book": {k: v for k, v in msgspec.to_builtins(coin.book).items() if "merged" not in k}}
        for name, coin in made.engine.market.coins.items()
    }


def same_desk(a: Fresh | Scene, b: Fresh | Scene) -> None:
    assert a.engine.branch.desk == b.engine.branch.desk
    assert market(a) == market(b)
    assert a.engine.vitals.admitted == b.engine.vitals.admitted


@pytest.mark.parametrize("seed", [7, 9])
def test_decisions_on_a_recorded_market_are_the_same_with_the_shadow_off(seed: int) -> None:
    scene = rig.eventful(seed)
    on = rig.again(scene)
    off = rig.fresh({**scene.run.config, "shadow": {"enabled": False}}, rig.BUSY, seed=seed)
    records = rig.records_of(scene.run.lines)
    on.play(records)
    off.play(records)
    assert [without(r, "trade_id") for r in off.rows.signals] == [
        without(r, "trade_id") for r in on.rows.signals
    ]
    assert off.rows.checks == on.rows.checks
    assert real(off.rows) == real(on.rows)
    assert off.rows.alarms == on.rows.alarms
    same_desk(on, off)
    assert {row.kind for row in off.rows.trades} == {"paper"}
    assert len(real(on.rows)["trades"]) > 10 and len(on.rows.trades) > 40


@pytest.mark.parametrize("seed", [7, 9])
def test_two_live_runs_of_one_market_decide_alike_with_the_shadow_on_and_off(seed: int) -> None:
    scenes = [
        Scene(seed=seed, config={**rig.TIGHT, "shadow": {"enabled": enabled}})
        for enabled in (True, False)
    ]
    for scene in scenes:
        scene.advance(100, reads=3)
        scene.outage(50)
        scene.advance(60, deaf="SOL")
        scene.tell(Command("halt", "a pause"))
        scene.advance(20)
        scene.tell(Command("resume"))
        scene.advance(60)
    on, off = scenes
    assert real(off.rows) == real(on.rows)
    assert [without(r, "trade_id") for r in off.rows.signals] == [
        without(r, "trade_id") for r in on.rows.signals
    ]
    same_desk(on, off)


def close_phantoms(made: Fresh, rng: random.Random) -> int:
    """Close some open phantoms on the spot, at no price, as a broken shadow might."""
    engine = made.engine
    ledger, now_ns = engine.branch.ledger, engine.vitals.now_ns
    victims = [
        t for t in ledger.trades.values() if t.kind != TradeKind.PAPER and rng.random() < 0.5
    ]
    for trade in victims:
        if trade.state == TradeState.OPEN:
            if not ledger.gaps.release(trade):
                size = ledger.coin(trade.coin).instrument.size(trade.open_lots)
                ledger.marks[trade.coin].remove(trade, size)
        elif trade.state == TradeState.PENDING:
            ledger.broker.send(Cancel(trade.trade_id, trade.coin, "entry"), now_ns)
            del ledger.waiting[trade.coin][trade.trade_id]
        else:
            continue
        trade.exit_reason = "sabotage" if trade.opened_ns else UNAVAILABLE
        trade.state, trade.closed_ns = TradeState.CLOSED, now_ns
        del ledger.trades[trade.trade_id]
        engine.branch.settlement.apply([Change(trade, "closed", now_ns)])
    return len(victims)


@pytest.mark.parametrize("seed", [7, 9])
def test_a_sabotaged_shadow_changes_no_admitted_signal_and_no_real_trade(seed: int) -> None:
    scene = rig.eventful(seed)
    records = rig.records_of(scene.run.lines)
    sound, hurt = rig.again(scene), rig.again(scene)
    sound.play(records)
    rng = random.Random(seed)
    closed = 0
    for record in records:
        hurt.play([record])
        if rng.random() < 0.002 and not hurt.intake._skips:
            closed += close_phantoms(hurt, rng)
    assert closed > 10
    admitted, rows = renumbered(sound)
    assert renumbered(hurt) == (admitted, rows)
    assert admitted
    assert rows["trades"]
    same_desk(sound, hurt)
    blocked = [
        [(r.ts_ns, r.bot, r.coin) for r in made.rows.signals if r.verdict == "blocked"]
        for made in (sound, hurt)
    ]
    assert blocked[0] != blocked[1], "the sabotage must have been felt somewhere"


def test_virtual_runs_are_themselves_repeatable() -> None:
    digests = []
    for _ in range(2):
        scene = Scene(coins=rig.PAIR, start_ms=virtual.START_MS + 60_000)
        scene.advance(60)
        digests.append(scene.engine.digest)
    assert digests[0] == digests[1]
