"""Branches on ten minutes with everything in them, against whole engines of their own."""

from __future__ import annotations

from functools import cache
from typing import Any

import msgspec
import pytest

from daemon.config.load import parse
from daemon.engine.engine import Engine
from daemon.engine.factory import build_engine
from market.decision import TradeKind
from market.events import Command
from shadow.ledger.trade import Trade
from shadow.store.rows import Rows
from tests.daemon import rig
from tests.daemon.rig import Fresh, Scene
from tests.support import virtual
from venue.tape.lines import Record

pytestmark = pytest.mark.xdist_group("eventful market")

SEEDS = (7, 9)
ENFORCED = ("direction", "freshness", "position", "division", "cooldown")


@cache
def recorded(seed: int) -> list[Record]:
    return rig.records_of(rig.eventful(seed).run.lines)


def played(seed: int, **changes: Any) -> Fresh:
    """Play the recording with a changed configuration."""
    scene = rig.eventful(seed)
    config = msgspec.json.decode(msgspec.json.encode(scene.run.config))
    for name, change in changes.items():
        config.setdefault(name, {}).update(change)
    made = rig.fresh(config, scene.coins, seed=seed)
    # Else midnight, which is a Monday's, would make pairs of them again.
    made.engine.desks.booking.lasting = True
    made.play(recorded(seed))
    return made


def own_trades(rows: Rows) -> list[tuple[Any, ...]]:
    """Return what the desk's own filled trades came to, by their money."""
    last = {u.trade_id: u for u in rows.trade_updates if u.trade_id % 4 == TradeKind.PAPER}
    return sorted(
        (u.opened_ns, u.closed_ns, u.qty_lots, u.entry_px, u.exit_px, u.net_e6, u.risk_e6)
        for u in last.values()
        if u.status == "closed" and u.qty_lots
    )


def trades_of(made: Fresh, name: str) -> list[tuple[Any, ...]]:
    (side,) = (s for s in made.engine.desks.branches.sides if s.variant.name == name)
    return sorted(
        (t.opened_ns, t.closed_ns, t.qty_lots, t.entry_px, t.exit_px, t.net_e6, t.risk_e6)
        for t in made.rows.branch_trades
        if t.trade_id % 64 == side.index
    )


def equity_of(engine: Engine, name: str) -> int:
    (side,) = (s for s in engine.desks.branches.sides if s.variant.name == name)
    return side.desk.equity_e6


@cache
def with_branches(seed: int) -> Fresh:
    return played(seed)


@pytest.mark.parametrize("seed", SEEDS)
def test_the_branch_that_toggles_nothing_is_the_desk(seed: int) -> None:
    made = with_branches(seed)
    branches = made.engine.desks.branches
    assert branches.sides[0].desk == made.engine.branch.desk
    assert trades_of(made, "nothing") == own_trades(made.rows) != []
    assert not made.rows.branch_alarms


def test_nothing_stays_the_desk_at_every_second_of_halts_latches_and_outages() -> None:
    scene = Scene(seed=7, config={**rig.TIGHT, "gate": {**rig.TIGHT["gate"], **LOSING}})
    desks = scene.engine.desks
    unequal = 0

    def compare() -> None:
        nonlocal unequal
        unequal += desks.branches.sides[0].desk != desks.main.desk

    for seconds, deaf in ((90, False), (45, True), (60, "BTC")):
        scene.advance(seconds, deaf=deaf, on_second=compare)
        scene.tell(Command("flatten", "", "operator"))
        scene.advance(20, on_second=compare)
        scene.tell(Command("resume", "", "operator"))
    for bot, coin in (("", "BTC"), ("donchian", ""), ("donchian", "SOL")):
        scene.tell(Command("flatten", bot=bot, coin=coin))
        scene.advance(10, on_second=compare)
    assert {len(side.desk.scopes) for side in desks.branches.sides} == {3}
    scene.tell(Command("wind-down", "SOL", "operator"))
    scene.advance(60, on_second=compare)
    replayed = rig.again(scene)
    replayed.play(rig.records_of(scene.run.lines))
    assert replayed.engine.digest == scene.engine.digest
    assert replayed.engine.branch.desk.scopes == desks.main.desk.scopes != {}
    assert unequal == 0 and desks.main.settlement.account.desk.cash_e6 != desks.main.desk.start_e6
    assert not scene.rows.branch_alarms


LOSING = {"drawdown": {"daily_loss_share_max": 0.0004, "peak_loss_share_max": 0.001}}


@pytest.mark.parametrize(
    ("name", "seed"), [*((name, 7) for name in ENFORCED), ("position", 9), ("direction", 9)]
)
def test_a_branch_is_the_whole_desk_played_again_without_the_limit(name: str, seed: int) -> None:
    """The oracle: an engine of its own in which the limit observes."""
    made = with_branches(seed)
    alone = played(seed, gate={name: {"mode": "observe"}}, shadow={"branches": False})
    assert trades_of(made, f"observed {name}") == own_trades(alone.rows)
    assert equity_of(made.engine, f"observed {name}") == alone.engine.branch.desk.equity_e6


def test_an_observing_limit_that_never_lacks_data_is_enforced_on_its_branch() -> None:
    made = with_branches(7)
    alone = played(7, gate={"disagreement": {"mode": "enforce"}}, shadow={"branches": False})
    assert trades_of(made, "enforced disagreement") == own_trades(alone.rows)


def test_some_branch_differs_and_some_limit_is_worth_something() -> None:
    made = with_branches(7)
    sides = made.engine.desks.branches.sides
    assert len({side.desk.equity_e6 for side in sides}) > 3


def test_the_desk_decides_alike_with_branches_and_without_any() -> None:
    scene, alone = with_branches(7), played(7, shadow={"branches": False})
    assert scene.engine.digest == alone.engine.digest
    assert alone.rows.branches == [] and scene.rows.branches != []
    assert scene.engine.vitals.branch_digest != alone.engine.vitals.branch_digest


def test_a_trade_of_a_branch_costs_and_earns_what_one_of_the_desk_does() -> None:
    made = with_branches(7)
    for row in made.rows.branch_trades:
        assert row.net_e6 == row.gross_e6 - row.fees_e6 - row.funding_e6
        assert row.exit_reason and row.risk_e6 > 0
    cash = {}
    for row in made.rows.branch_trades:
        cash[row.branch_id] = cash.get(row.branch_id, 0) + row.net_e6
    for side in made.engine.desks.branches.sides:
        own = sum(t.net_e6 for t in made.rows.branch_trades if t.trade_id % 64 == side.index)
        assert side.desk.cash_e6 - side.desk.start_e6 == own


def test_exposures_are_those_of_what_is_open() -> None:
    made = with_branches(9)
    for side in made.engine.desks.branches.sides:
        held: list[Trade] = list(side.account.trades.values())
        assert side.desk.gross_e6 == sum(t.exposed_e6 for t in held)
        assert side.desk.net_e6 == sum(t.side * t.exposed_e6 for t in held)


def test_a_bot_in_the_shadow_trades_on_no_branch() -> None:
    config = {"bots": {"order_flow": {"stage": "shadow"}}}
    made = played(7, **config)
    assert "order_flow" in {t.bot for t in with_branches(7).rows.branch_trades}
    assert "order_flow" not in {t.bot for t in made.rows.branch_trades}


def test_more_branches_than_there_are_ids_are_refused() -> None:
    world = virtual.world(7)
    config = parse({"coins": ["BTC"]}, "test")
    variants = [*with_branches(7).engine.desks.branches.sides] * 3
    with pytest.raises(Exception, match="more branches"):
        build_engine(
            config,
            {"BTC": world.instruments["BTC"]},
            variants=[side.variant for side in variants],
        )
