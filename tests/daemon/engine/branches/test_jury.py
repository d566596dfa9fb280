"""Judging in cohorts must be what judging each branch by itself is."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import pytest

from daemon.engine.branches.cohorts import Cohorts
from daemon.engine.branches.side import Side
from daemon.engine.branches.variant import Variant
from risk.drawdown import Drawdown
from risk.drawdown import Settings as Losses
from risk.position import Position
from risk.position import Settings as Cap
from tests.support.shadow import Puppet, Stage

FREE = frozenset({"limit", "position", "drawdown"})
VARIANTS = (
    Variant("nothing"),
    Variant("observed", "limit", ignored=frozenset({"limit"})),
    Variant("observed", "position", ignored=frozenset({"position"})),
    Variant("observed", "drawdown", ignored=frozenset({"drawdown"})),
    Variant("open", ignored=FREE, weighted=False),
)


def told() -> Stage:
    """Return a desk whose branches part by a limit, a cap, a latch, and meet old ways again."""
    losses = Losses(daily_loss_share_max=0.001, peak_loss_share_max=0.001)
    stage = Stage(
        bots=(Puppet("alpha"), Puppet("beta"), Puppet("gamma")),
        filters={"limit": "enforce"},
        real=[Position(Cap(coin_cap_share=0.1), "enforce"), Drawdown(losses, "enforce")],
        variants=VARIANTS,
    )
    stage.up()
    stage.book()
    stage.signal("alpha", lots=60_000, horizon_s=4)
    stage.books(3)
    stage.signal("beta", lots=80_000, stop=20.0, horizon_s=40)
    stage.books(3)
    stage.script(limit="fail")
    stage.signal("gamma", side=-1, lots=10_000, horizon_s=20)
    stage.books(4, 96.0)
    stage.script(limit="pass")
    stage.signal("alpha", side=-1, lots=10_000, stop=20.0, horizon_s=10)
    stage.books(60, 97.0)
    return stage


def test_branches_that_are_judged_together_do_what_they_would_alone(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    known, cohorts = Cohorts.known, []

    def watched(self: Cohorts, sides: Iterable[Side], holders: Mapping[int, int]) -> list[int]:
        cohorts.append(list(known(self, sides, holders)))
        for mask in cohorts[-1]:
            first, *others = (side.desk for side in sides if side.bit & mask)
            assert all(desk == first for desk in others)
        return cohorts[-1]

    def apart(self: Cohorts, sides: Iterable[Side], holders: Mapping[int, int]) -> list[int]:
        return [side.bit for side in sides]

    ends = []
    for way in (watched, apart):
        monkeypatch.setattr(Cohorts, "known", way)
        stage = told()
        sides = stage.engine.desks.branches.sides
        ends.append((list(stage.rows.branch_trades), [s.desk for s in sides]))
    assert ends[0] == ends[1]
    assert {row.qty_lots for row in ends[0][0]} >= {60_000, 80_000, 10_000}
    assert len({side.desk.latched for side in sides}) > 1
    assert list(map(len, cohorts)) == [1, 1, 2, 5]
