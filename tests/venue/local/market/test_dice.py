from __future__ import annotations

import numpy as np

from venue.local.market.dice import GAPS, SIZES, decaying, generator, hash_of, share_of


def test_draws_depend_on_the_whole_key_and_on_nothing_else() -> None:
    assert generator(1, "BTC", 3).random() == generator(1, "BTC", 3).random()
    keys = [
        (1, "BTC", 3),
        (1, "BTC", 4),
        (2, "BTC", 3),
        (1, "ETH", 3),
        (1, "BTC3"),
        (1, "BTC", "3x"),
    ]
    assert len({hash_of(*key) for key in keys}) == len(keys)
    # The hash must be the same in every process, so one value is written down.
    assert hash_of("written", "down") == 0xE4178610A6AC187E5495DC9AC16C1DD6


def test_shares_are_spread_over_the_unit_interval() -> None:
    shares = [share_of("coin", n) for n in range(2_000)]
    assert all(0.0 <= share < 1.0 for share in shares)
    assert 0.47 < sum(shares) / len(shares) < 0.53


def test_a_decaying_sum_is_autocorrelated_and_of_unit_variance() -> None:
    series = decaying(generator("noise").standard_normal(40_000), 10.0, 80)
    assert len(series) == 40_000 - 79
    assert 0.85 < float(np.std(series)) < 1.15
    halved = float(np.corrcoef(series[10:], series[:-10])[0, 1])
    assert 0.4 < halved < 0.6


def test_a_decaying_sum_forgets_what_came_before_its_window() -> None:
    noise = generator("noise").standard_normal(300)
    assert np.array_equal(decaying(noise, 5.0, 40)[100:], decaying(noise[100:], 5.0, 40))


def test_tables_are_usable_as_they_are() -> None:
    assert len(SIZES) == len(GAPS) == 4096
    assert min(SIZES) > 0.0
    assert 0.9 < sorted(SIZES)[2048] < 1.1
    assert set(GAPS) <= set(range(1, 7))
