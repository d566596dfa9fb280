from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from quant.kaufman import efficiency_ratio, null_cdf
from tests.support.walks import NULL_TABLE, QUANTILES, prices

# The half-normal is the limit of long windows; what it is off by, as a probability.
OFF_BY = {10: 0.020, 20: 0.010, 50: 0.006, 100: 0.004}


@pytest.mark.parametrize("slope", [1.0, 0.1, 1e-9, 12_345.678])
@pytest.mark.parametrize("sign", [1, -1])
def test_a_straight_line_is_wholly_efficient(slope: float, sign: int) -> None:
    line = [100.0 + sign * slope * i for i in range(31)]
    assert efficiency_ratio(line, 30) == pytest.approx(sign, abs=1e-6)


@pytest.mark.parametrize("n", [2, 10, 50])
def test_an_even_number_of_alternating_steps_goes_nowhere(n: int) -> None:
    assert efficiency_ratio([100.0 + i % 2 for i in range(n + 1)], n) == 0.0


@pytest.mark.parametrize("n", [3, 11])
def test_an_odd_number_of_alternating_steps_is_one_of_them(n: int) -> None:
    assert efficiency_ratio([100.0 + i % 2 for i in range(n + 1)], n) == pytest.approx(1 / n)


@pytest.mark.parametrize("price", [0.1, 100.0, 1e6])
def test_a_constant_price_is_defined_as_zero(price: float) -> None:
    assert efficiency_ratio([price] * 11, 10) == 0.0


def test_only_the_last_steps_count() -> None:
    assert efficiency_ratio([1.0, 900.0, 2.0, 3.0, 4.0, 5.0], 3) == 1.0


@pytest.mark.parametrize("n", [1, 10])
def test_too_few_prices_are_refused(n: int) -> None:
    with pytest.raises(ValueError, match=f"needs {n + 1} prices, got {n}"):
        efficiency_ratio([1.0] * n, n)


@given(prices)
def test_the_ratio_is_bounded_and_has_the_sign_of_the_net_move(path: list[float]) -> None:
    ratio = efficiency_ratio(path, len(path) - 1)
    assert -1.0 <= ratio <= 1.0
    assert np.sign(ratio) == np.sign(path[-1] - path[0])


@given(prices)
def test_turning_the_prices_round_turns_the_sign(path: list[float]) -> None:
    n = len(path) - 1
    assert efficiency_ratio(path[::-1], n) == pytest.approx(-efficiency_ratio(path, n), abs=1e-12)


@given(prices, st.sampled_from([0.125, 2.0, 1024.0]))
def test_the_unit_of_price_does_not_matter(path: list[float], unit: float) -> None:
    n = len(path) - 1
    assert efficiency_ratio([p * unit for p in path], n) == efficiency_ratio(path, n)


@pytest.mark.parametrize("n", NULL_TABLE)
@pytest.mark.parametrize("which", range(4), ids=["median", "q90", "q95", "q99"])
def test_the_null_agrees_with_the_table(n: int, which: int) -> None:
    assert null_cdf(NULL_TABLE[n][which], n) == pytest.approx(QUANTILES[which], abs=OFF_BY[n])


@pytest.mark.parametrize("n", NULL_TABLE)
def test_a_simulated_random_walk_confirms_table_and_null(n: int) -> None:
    draws = 4_000
    steps = np.random.default_rng(n).standard_normal((draws, n))
    walks = np.concatenate([np.zeros((draws, 1)), steps.cumsum(axis=1)], axis=1)
    found = np.array([abs(efficiency_ratio(walk, n)) for walk in walks.tolist()])
    for point, quantile in zip(NULL_TABLE[n], QUANTILES, strict=True):
        sampling = 3.5 * (quantile * (1 - quantile) / draws) ** 0.5
        assert np.mean(found < point) == pytest.approx(quantile, abs=sampling)
        assert np.mean([null_cdf(r, n) < quantile for r in found]) == pytest.approx(
            quantile, abs=sampling + OFF_BY[n]
        )


def test_the_null_of_ten_steps_is_as_far_off_as_it_says() -> None:
    assert null_cdf(0.777, 10) == pytest.approx(0.95, abs=0.0005)


@given(st.integers(2, 500), st.floats(0.0, 1.0), st.floats(0.0, 1.0))
def test_the_null_is_a_distribution_of_the_magnitude(n: int, a: float, b: float) -> None:
    low, high = sorted((a, b))
    assert null_cdf(0.0, n) == 0.0
    assert 0.0 <= null_cdf(low, n) <= null_cdf(high, n) <= 1.0
    assert null_cdf(-high, n) == null_cdf(high, n)


def test_a_ratio_is_the_more_surprising_the_longer_it_held() -> None:
    values = [null_cdf(0.3, n) for n in (10, 20, 50, 100)]
    assert values == sorted(values)
    assert values[0] < 0.6, "0.3 over ten bars is about the median of a random walk"
    assert values[-1] > 0.97
