from __future__ import annotations

from daemon.engine.branches.variant import Variant
from market.events import FundingHistory
from tests.support.shadow import T0_MS, Stage

VARIANTS = (Variant("nothing"), Variant("observed", "limit", ignored=frozenset({"limit"})))


def stage_of() -> Stage:
    stage = Stage(variants=VARIANTS)
    stage.up()
    stage.book()
    stage.second()
    return stage


def test_what_any_desk_lacks_is_asked_for_once() -> None:
    """The branch alone holds a trade on the coin that falls silent."""
    stage = stage_of()
    stage.script(limit="fail")
    stage.signal(stop=5.0, lots=1_000, horizon_s=9e4)
    stage.books(3)
    desks = stage.engine.desks
    phantom = desks.main.ledger.gaps.since
    for _ in range(40):
        stage.wait(1)
        stage.second()
    assert desks.gaps_since().keys() == {"SOL"} >= phantom().keys()
    both = {**phantom(), **desks.branches.ledger.gaps.since()}
    assert desks.gaps_since()["SOL"] == min(both.values())
    asked = [r for outcome in stage.outcomes for r in outcome.requests if r.what == "candles"]
    assert asked and {r.coin for r in asked} == {"SOL"}


def test_settled_rates_reach_every_desk() -> None:
    stage = stage_of()
    stage.step(FundingHistory("SOL", [(T0_MS, 0.001)]))
    desks = stage.engine.desks
    for ledger in (desks.main.ledger, desks.branches.ledger):
        assert ledger.gaps.rates["SOL"] == {T0_MS: 0.001}
    stage.step(FundingHistory("NONE", [(T0_MS, 0.001)]))
