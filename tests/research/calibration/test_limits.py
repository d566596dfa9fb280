from __future__ import annotations

import numpy as np
import pytest

from research.calibration.limits import CONTROL, HARD, PLAIN, Asked, Limit, blocks, planted
from research.calibration.signals import World, draw


def asked(world: World, histories: int = 40) -> Asked:
    rng = np.random.default_rng(1)
    return Asked(world, draw(world, histories, rng), histories, rng)


PLAIN_DESK = asked(World("plain", 24.0, 140, bots_r=0.0, wild_scale=1.0))
HARD_DESK = asked(
    World("hard", 24.0, 140, bots=26, law="stops", hold_days=2.8, bots_r=0.0, limits="hard")
)


@pytest.mark.parametrize(
    ("desk", "limits"), [(PLAIN_DESK, PLAIN), (HARD_DESK, HARD)], ids=["plain", "hard"]
)
def test_a_worthless_limit_blocks_what_is_no_worse(desk: Asked, limits: tuple[Limit, ...]) -> None:
    r = desk.signals.r - desk.signals.mean
    for limit, failed in zip(limits, blocks(desk, limits), strict=True):
        assert 0.005 < failed.mean() < 0.65, limit.name
        assert r[failed].mean() == pytest.approx(0.0, abs=5.0 * r.std() / failed.sum() ** 0.5)


def test_there_are_fourteen_of_either_kind_and_the_coin_is_first() -> None:
    for limits in (PLAIN, HARD):
        assert len({limit.name for limit in limits}) == 14 and limits[0] is CONTROL


def test_a_cooldown_follows_a_loss_of_the_same_bot() -> None:
    desk = PLAIN_DESK
    s = desk.signals
    limit = next(limit for limit in PLAIN if limit.name == "cooldown")
    failed = limit.rule(desk)
    third = s.third
    losers = np.flatnonzero(s.r < -0.3)
    lost = set(zip(s.history[losers], s.bot[losers], third[losers], strict=True))
    for i in range(0, desk.size, 97):
        assert failed[i] == ((s.history[i], s.bot[i], third[i] - 1) in lost)


def test_planted_limits_block_the_same_draw() -> None:
    limits = planted((-0.3, 0.5))
    first, second = blocks(PLAIN_DESK, limits)
    assert (first == second).all() and first.mean() == pytest.approx(0.2, abs=0.01)
    assert limits[0].offset(PLAIN_DESK) == pytest.approx(-0.3)


def test_a_limit_that_turns_chooses_the_other_way_from_the_middle_on() -> None:
    offset = Limit("turns", PLAIN[0].rule, effect_r=-0.6, turns=True).offset(PLAIN_DESK)
    half = PLAIN_DESK.signals.day < 70
    assert (offset[half] == -0.6).all() and (offset[~half] == 0.6).all()
