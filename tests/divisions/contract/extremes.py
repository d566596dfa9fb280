"""What a bot does on markets that are dead, one-sided or counted in other units."""

from __future__ import annotations

import pytest

from divisions.roster import BotClass
from market.decision import Signal
from tests.divisions.contract.showings import (
    VARIANTS,
    Bots,
    assert_sound,
    dead,
    one_sided,
    part,
    restless,
)


@part("extremes")
def a_market_in_which_nothing_happens_leads_to_nothing(bots: Bots, cls: BotClass) -> None:
    stage = dead(bots)
    assert_sound(bots, stage, cls)
    assert stage.calls[bots.index(cls)] > 0
    assert stage.heard[bots.index(cls)] == []


@part("extremes", *((variant,) for variant in VARIANTS))
def a_market_that_knows_one_direction_is_survived(bots: Bots, cls: BotClass, variant: str) -> None:
    assert_sound(bots, one_sided(bots, variant), cls)


@part("units", (4.0, 8.0), (2.0**-10, 2.0**10))
def prices_and_sizes_in_other_units_change_no_decision(
    bots: Bots, cls: BotClass, price: float, size: float
) -> None:
    """By powers of two, which floats take without rounding."""
    if not cls.scale_free:
        return
    i = bots.index(cls)
    usual, scaled = restless(bots, 1.0, 1.0), restless(bots, price, size)
    assert_sound(bots, scaled, cls)
    assert len(usual.heard[i]) == len(scaled.heard[i])
    for ours, theirs in zip(usual.heard[i], scaled.heard[i], strict=True):
        assert (ours.now_ns, ours.coin, type(ours.action)) == (
            theirs.now_ns, theirs.coin, type(theirs.action),
        )  # fmt: skip
        assert ours.action.side == theirs.action.side
        if isinstance(ours.action, Signal) and isinstance(theirs.action, Signal):
            assert theirs.action.conviction == pytest.approx(ours.action.conviction, rel=1e-6)
            distance = ours.action.plan.stop_px - ours.mid
            stop = theirs.action.plan.stop_px - theirs.mid
            assert stop == pytest.approx(price * distance, rel=1e-5)
