from __future__ import annotations

from math import sqrt

import numpy as np
import pytest

from quant.garch import Garch, _plain, _recursion, fit, simulate
from quant.lens import Abstain

MODEL = Garch(0.01, 0.06, 0.93, 5.0, 1.0)


def generator(seed: int) -> np.random.Generator:
    return np.random.default_rng(seed)


def test_the_recursion_by_hand() -> None:
    shocks = np.array([[1.0, -2.0, 0.5]])
    second = 0.1 + 0.2 * 4.0 + 0.5 * 4.0
    third = 0.1 + 0.2 * 4.0 * second + 0.5 * second
    expected = [[2.0, -2.0 * sqrt(second), 0.5 * sqrt(third)]]
    assert _recursion(0.1, 0.2, 0.5, 4.0, shocks) == pytest.approx(np.array(expected))


def test_both_bodies_agree() -> None:
    shocks = generator(1).standard_normal((7, 300))
    ours = _recursion(0.01, 0.06, 0.93, 1.0, shocks)
    assert ours == pytest.approx(_plain(0.01, 0.06, 0.93, 1.0, shocks), rel=1e-12)


def test_series_have_the_first_variance_and_the_long_one() -> None:
    begun = Garch(0.05, 0.05, 0.90, 8.0, 9.0)
    found = simulate(begun, 20_000, 200, generator(2))
    assert float(np.var(found[:, 0])) == pytest.approx(9.0, rel=0.05)
    assert float(np.var(found[:, -1])) == pytest.approx(1.0, rel=0.06)
    assert begun.persistence == pytest.approx(0.95)


def test_a_model_is_found_again_in_its_own_units() -> None:
    series = simulate(MODEL, 1, 6_000, generator(3))[0]
    found = fit(series)
    assert found.persistence == pytest.approx(0.99, abs=0.01)
    assert found.alpha == pytest.approx(0.06, abs=0.02)
    assert found.nu == pytest.approx(5.0, abs=0.8)
    small = fit(series * 1e-4)
    assert small.first == pytest.approx(found.first * 1e-8, rel=1e-6)
    assert small.omega == pytest.approx(found.omega * 1e-8, rel=1e-4)


def test_the_first_variance_is_that_of_the_windows_start() -> None:
    series = generator(4).standard_normal(400) * np.repeat([3.0, 1.0], 200)
    assert 3.0 < fit(series).first < 20.0


def test_the_same_generator_draws_the_same() -> None:
    first, again = (simulate(MODEL, 3, 50, generator(5)) for _ in range(2))
    assert np.array_equal(first, again)


@pytest.mark.parametrize(
    ("series", "reason"),
    [
        (np.ones(200), "never moves"),
        (np.arange(99.0), "needs 100 values"),
        (np.full(200, np.nan), "not finite"),
    ],
)
def test_what_cannot_be_fitted_abstains(series: np.ndarray, reason: str) -> None:
    with pytest.raises(Abstain, match=reason):
        fit(series)


def test_a_bounded_series_is_fitted_without_a_word(
    recwarn: pytest.WarningsRecorder, capsys: pytest.CaptureFixture[str]
) -> None:
    found = fit(generator(6).uniform(-1.0, 1.0, 400))
    assert found.nu > 20.0
    assert not recwarn.list and capsys.readouterr().out == ""
