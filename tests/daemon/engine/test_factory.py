from __future__ import annotations

import pytest

from daemon.config.load import parse
from daemon.engine.factory import build_engine
from tests.daemon import rig
from tests.support import virtual


def test_an_engine_is_built_from_its_configuration() -> None:
    world = virtual.world()
    config = parse(
        {
            "coins": list(rig.PAIR),
            "seed": 11,
            "desk": {"equity_usd": 1234.5},
            "fills": {"latency_ms": 250.0},
            "gate": {"cooldown": {"mode": "off"}, "direction": {"mode": "observe"}},
            "bots": {"donchian": {"enabled": False}},
        },
        "test",
    )
    instruments = {c: world.instruments[c] for c in rig.PAIR}
    engine = build_engine(config, instruments, without=["position"])
    assert list(engine.market.coins) == list(rig.PAIR)
    assert engine.branch.desk.cash_e6 == engine.branch.desk.start_e6 == 1_234_500_000
    assert engine.branch.desk.seed == 11
    modes = {f.name: f.mode for f in engine.branch.gate.filters}
    assert "cooldown" not in modes and "position" not in modes
    assert modes["direction"] == "observe"
    assert (
        "donchian" not in engine.market.lanes and len(engine.market.lanes) == len(config.bots) - 1
    )
    assert engine.branch.books.identity.config_hash == config.hash()
    slower = build_engine(parse({"fills": {"latency_ms": 300.0}}, "x"), instruments)
    assert slower.branch.books.identity.policy_hash != engine.branch.books.identity.policy_hash
    other = build_engine(parse({"seed": 1}, "x"), instruments)
    assert (
        other.branch.books.identity.policy_hash
        == build_engine(parse({"seed": 2}, "x"), instruments).branch.books.identity.policy_hash
    ), "what a hypothetical order's fate depends on, and nothing else"


@pytest.mark.parametrize("mode", ["local", "paper", "testnet", "live"])
def test_the_daily_limit_opens_by_itself_on_paper_alone(mode: str) -> None:
    instruments = {c: virtual.world().instruments[c] for c in rig.PAIR}
    paper, config = parse({}, "test"), parse({"mode": mode}, "test")
    engine = build_engine(config, instruments)
    on_paper = mode in ("local", "paper")
    views = [engine.branch.view, *(side.view for side in engine.desks.branches.sides)]
    assert {view.rearms for view in views} == {on_paper}
    assert (config.hash() == paper.hash()) is on_paper
