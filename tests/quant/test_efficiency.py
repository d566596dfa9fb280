from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from quant.efficiency import LENS, Stream, null_quantile, null_rank
from quant.kaufman import efficiency_ratio
from tests.support.walks import NULL_TABLE, QUANTILES, prices


@pytest.mark.parametrize("n", NULL_TABLE)
@pytest.mark.parametrize("which", range(4), ids=["median", "q90", "q95", "q99"])
def test_the_quantiles_of_the_null_are_those_of_the_table(n: int, which: int) -> None:
    # The table's own sampling error at its 99 % point is about 0.002, and it is rounded.
    assert null_quantile(QUANTILES[which], n) == pytest.approx(NULL_TABLE[n][which], abs=0.003)


@given(st.integers(8, 500), st.floats(0.0, 0.999), st.floats(0.0, 0.999))
def test_quantiles_rise_and_the_rank_undoes_them(n: int, a: float, b: float) -> None:
    low, high = sorted((a, b))
    assert 0.0 <= null_quantile(low, n) <= null_quantile(high, n) <= 1.0
    point = null_quantile(low, n)
    if point < null_quantile(0.999, n):
        assert null_rank(-point, n) == pytest.approx(low, abs=1e-9)


@pytest.mark.parametrize(("q", "n"), [(0.5, 7), (-0.1, 10), (1.0, 10)])
def test_questions_the_null_cannot_answer_are_refused(q: float, n: int) -> None:
    with pytest.raises(ValueError):
        null_quantile(q, n)


@given(prices, st.integers(1, 20))
def test_the_stream_is_the_batch(path: list[float], n: int) -> None:
    stream = Stream(n)
    for i, price in enumerate(path):
        found = stream.update(price)
        if i < n:
            assert found is None
        else:
            assert found == pytest.approx(efficiency_ratio(path[: i + 1], n), abs=1e-12)


def test_a_long_stream_does_not_drift_even_after_a_crash_of_scale() -> None:
    steps = np.random.default_rng(8).standard_normal(30_000)
    path = (100.0 + 0.01 * steps.cumsum()).tolist()
    path[5_000] = 1e9
    stream = Stream(10)
    for i, price in enumerate(path):
        found = stream.update(price)
        if i >= 10 and i % 7 == 0:
            assert found == pytest.approx(efficiency_ratio(path[i - 10 : i + 1], 10), abs=1e-12)
    with pytest.raises(ValueError, match="not positive"):
        Stream(0)


def test_the_lens_reports_and_abstains() -> None:
    found = LENS.read(np.arange(11.0))
    assert found.value == 1.0
    assert found.measures == {"quantile": 0.999, "z": pytest.approx(10**0.5)}
    assert LENS.read(np.tile([1.0, 2.0], 6), {"n": 10}).measures["quantile"] == 0.0
    assert "needs 11 values" in LENS.read(np.arange(10.0)).flags[0]
    few = LENS.read(np.arange(10.0), {"n": 5})
    assert few.value == 1.0 and few.measures["quantile"] is None and few.flags
    with pytest.raises(ValueError, match="not positive"):
        LENS.read(np.arange(10.0), {"n": 0})
