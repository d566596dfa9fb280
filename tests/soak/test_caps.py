from __future__ import annotations

from statistics import median

import pytest

from tests.soak.caps import CAPS, SEEDS, bound

SHARE_MAX = 0.10


def test_a_cap_that_is_far_too_small_binds_and_the_others_do_not() -> None:
    found = bound(7, 4, 0.034, {"position": {"coin_cap_share": 0.02}})
    assert found["position"] > 0.5 and found["episodes"] > 5
    assert found["division"] <= SHARE_MAX and found["exposure"] <= SHARE_MAX


@pytest.mark.long
@pytest.mark.parametrize("coins", [8, 50])
def test_in_a_day_no_cap_binds_on_more_than_a_tenth_of_the_episodes(coins: int) -> None:
    found = [bound(seed, coins, 24.0) for seed in SEEDS]
    for cap in CAPS:
        assert median(one[cap] for one in found) <= SHARE_MAX, (cap, found)
