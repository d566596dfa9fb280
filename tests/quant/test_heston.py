from __future__ import annotations

from math import erf, exp, log, sqrt

import numpy as np
import pytest

from quant.heston import (
    Heston,
    calibrate,
    call_price,
    call_prices,
    characteristic,
    put_price,
    simulate,
    variance_path,
)

LEWIS = Heston(0.04, 4.0, 0.25, 1.0, -0.5)
FANG = Heston(0.0175, 1.5768, 0.0398, 0.5751, -0.5711)
ANDERSEN_1 = Heston(0.04, 0.5, 0.04, 1.0, -0.9)
ANDERSEN_2 = Heston(0.04, 0.3, 0.04, 0.9, -0.5)
ANDERSEN_3 = Heston(0.09, 1.0, 0.09, 1.0, -0.3)
BROADIE_1 = Heston(0.010201, 6.21, 0.019, 0.61, -0.70)
BROADIE_2 = Heston(0.09, 2.0, 0.09, 1.0, -0.3)

# Model, strike, years, rate, dividend, price, and how many digits of it are known; spot is 100.
PUBLISHED = [
    (LEWIS, 80, 1, 0.01, 0.02, 26.7747587440, 1e-9),
    (LEWIS, 90, 1, 0.01, 0.02, 20.9333490006, 1e-9),
    (LEWIS, 100, 1, 0.01, 0.02, 16.0701549170, 1e-9),
    (LEWIS, 110, 1, 0.01, 0.02, 12.1322115167, 1e-9),
    (LEWIS, 120, 1, 0.01, 0.02, 9.0249134835, 1e-9),
    (FANG, 100, 1, 0.0, 0.0, 5.7851554344, 1e-9),
    (FANG, 100, 10, 0.0, 0.0, 22.3189457912, 1e-9),
    (BROADIE_1, 100, 1, 0.0319, 0.0, 6.8061133, 1e-7),
    (BROADIE_2, 100, 5, 0.05, 0.0, 34.9997584, 1e-7),
    (ANDERSEN_1, 60, 10, 0.0, 0.0, 44.32998, 1e-5),
    (ANDERSEN_1, 100, 10, 0.0, 0.0, 13.08467, 1e-5),
    (ANDERSEN_1, 140, 10, 0.0, 0.0, 0.29577, 1e-5),
    (ANDERSEN_2, 60, 15, 0.0, 0.0, 45.28686, 1e-5),
    (ANDERSEN_2, 100, 15, 0.0, 0.0, 16.64922, 1e-5),
    (ANDERSEN_2, 140, 15, 0.0, 0.0, 5.13819, 1e-5),
    (ANDERSEN_3, 60, 5, 0.05, 0.0, 56.57502, 1e-5),
    (ANDERSEN_3, 100, 5, 0.05, 0.0, 33.59682, 1e-5),
    (ANDERSEN_3, 140, 5, 0.05, 0.0, 18.15696, 1e-5),
]
PUTS = [7.9588781133, 12.0179667073, 17.0552709613, 23.0178258984, 29.8110262027]


@pytest.mark.parametrize(("model", "strike", "years", "rate", "dividend", "price", "to"), PUBLISHED)
def test_calls_are_those_of_the_literature(
    model: Heston,
    strike: float,
    years: float,
    rate: float,
    dividend: float,
    price: float,
    to: float,
) -> None:
    found = call_price(100.0, strike, years, model, rate=rate, dividend=dividend)
    assert found == pytest.approx(price, abs=to)


@pytest.mark.parametrize(("strike", "price"), list(zip((80, 90, 100, 110, 120), PUTS, strict=True)))
def test_puts_are_those_of_the_literature(strike: float, price: float) -> None:
    assert put_price(100.0, strike, 1.0, LEWIS, rate=0.01, dividend=0.02) == pytest.approx(
        price, abs=1e-9
    )


def normal_cdf(x: float) -> float:
    return 0.5 * (1.0 + erf(x / sqrt(2.0)))


@pytest.mark.parametrize("years", [1 / 52, 0.25, 5.0])
@pytest.mark.parametrize("strike", [80.0, 100.0, 125.0])
def test_variance_that_hardly_moves_gives_black_and_scholes(years: float, strike: float) -> None:
    vol = 0.3
    d1 = log(100.0 / strike) / (vol * sqrt(years)) + 0.5 * vol * sqrt(years)
    expected = 100.0 * normal_cdf(d1) - strike * normal_cdf(d1 - vol * sqrt(years))
    found = call_price(100.0, strike, years, Heston(vol**2, 1.0, vol**2, 1e-4, 0.0))
    assert found == pytest.approx(expected, abs=1e-6)


def test_the_characteristic_function_is_one_at_zero_and_a_martingale() -> None:
    for model in (LEWIS, ANDERSEN_1, FANG):
        assert characteristic(0.0, model, 3.0) == pytest.approx(1.0)
        assert characteristic(-1j, model, 3.0) == pytest.approx(1.0)


def test_the_little_trap_keeps_the_branch_over_thirty_years() -> None:
    u = np.linspace(0.0, 20.0, 4_001)
    phase = np.unwrap(np.angle(characteristic(u, ANDERSEN_3, 30.0)))
    # A crossed branch cut shows as a kink: the phase would jump by a multiple of π·2κθ/σ².
    assert float(np.max(np.abs(np.diff(phase, 2)))) < 1e-3


def test_variance_never_touches_zero_where_feller_says_so() -> None:
    assert LEWIS.feller
    assert not any(model.feller for model in (FANG, ANDERSEN_1, ANDERSEN_2, BROADIE_1, BROADIE_2))


# Steps a year as in the published comparisons, coarse on purpose.
@pytest.mark.parametrize(
    ("model", "years", "steps", "price"),
    [(LEWIS, 1.0, 16, None), (ANDERSEN_1, 10.0, 40, 13.08467), (FANG, 1.0, 16, 5.7851554)],
)
def test_simulated_prices_are_those_of_the_integral(
    model: Heston, years: float, steps: int, price: float | None
) -> None:
    rng = np.random.default_rng(11)
    paths = simulate(model, years, steps=steps, paths=100_000, rng=rng)
    ends = 100.0 * np.exp(paths.log_return)
    payoff = np.maximum(ends - 100.0, 0.0)
    expected = call_price(100.0, 100.0, years, model) if price is None else price
    assert float(np.mean(payoff)) == pytest.approx(
        expected, abs=3.0 * float(np.std(payoff)) / sqrt(len(payoff))
    )
    assert float(np.mean(ends)) == pytest.approx(
        100.0, abs=3.0 * float(np.std(ends)) / sqrt(len(ends))
    )


@pytest.mark.parametrize("model", [LEWIS, FANG])
def test_simulated_returns_have_the_characteristic_function(model: Heston) -> None:
    paths = simulate(model, 1.0, steps=32, paths=100_000, rng=np.random.default_rng(5))
    for u in (0.5, 2.0, 5.0, 10.0):
        found = complex(np.mean(np.exp(1j * u * paths.log_return)))
        assert abs(found - complex(characteristic(u, model, 1.0))) < 4.0 / sqrt(100_000)


@pytest.mark.parametrize("model", [LEWIS, ANDERSEN_1])
def test_simulated_variance_has_its_exact_mean_and_spread(model: Heston) -> None:
    v = simulate(model, 2.0, steps=16, paths=100_000, rng=np.random.default_rng(6)).variance
    gone = 1.0 - exp(-2.0 * model.kappa)
    mean = model.theta * gone + model.v0 * (1.0 - gone)
    spread = model.sigma**2 / model.kappa * gone * (model.v0 * (1 - gone) + model.theta * gone / 2)
    assert float(np.min(v)) >= 0.0
    assert float(np.mean(v)) == pytest.approx(mean, rel=0.02)
    assert float(np.var(v)) == pytest.approx(spread, rel=0.06)


@pytest.mark.parametrize("model", [LEWIS, ANDERSEN_1])
def test_a_single_path_of_variance_is_stationary_too(model: Heston) -> None:
    rng, count, dt = np.random.default_rng(8), 60_000, 0.25
    path = variance_path(model, dt, rng.standard_normal(count).tolist(), rng.random(count).tolist())
    assert len(path) == count + 1 and path[0] == model.v0
    assert min(path) >= 0.0
    held = np.array(path[200:])
    assert float(np.mean(held)) == pytest.approx(model.theta, rel=0.1)
    expected = model.sigma**2 * model.theta / (2.0 * model.kappa)
    assert float(np.var(held)) == pytest.approx(expected, rel=0.3)
    near = float(np.corrcoef(held[1:], held[:-1])[0, 1])
    assert near == pytest.approx(exp(-model.kappa * dt), abs=0.05)


@pytest.mark.parametrize("model", [LEWIS, FANG])
def test_calibration_finds_the_model_behind_a_surface(model: Heston) -> None:
    strikes, years = (
        grid.ravel() for grid in np.meshgrid([70.0, 85.0, 100.0, 115.0, 130.0], [0.25, 1.0, 2.0])
    )
    prices = call_prices(100.0, strikes, years, model, rate=0.01)
    found = calibrate(100.0, strikes, years, prices, rate=0.01)
    assert found.error < 1e-6
    assert tuple(found.model) == pytest.approx(tuple(model), rel=2e-3)


@pytest.mark.parametrize(
    ("changed", "reason"),
    [
        ({"v0": -0.1}, "v0 = -0.1 is negative"),
        ({"kappa": 0.0}, "kappa = 0.0 is not positive"),
        ({"theta": -1.0}, "theta"),
        ({"sigma": 0.0}, "sigma"),
        ({"rho": 1.0}, "rho = 1.0 is outside"),
        ({"kappa": float("nan")}, "kappa = nan is not finite"),
    ],
)
def test_a_model_without_sense_is_refused(changed: dict[str, float], reason: str) -> None:
    with pytest.raises(ValueError, match=reason):
        call_price(100.0, 100.0, 1.0, LEWIS._replace(**changed))


def test_questions_without_sense_are_refused() -> None:
    rng = np.random.default_rng(1)
    with pytest.raises(ValueError, match="must be positive"):
        call_price(100.0, 0.0, 1.0, LEWIS)
    with pytest.raises(ValueError, match="expiry"):
        characteristic(1.0, LEWIS, 0.0)
    with pytest.raises(ValueError, match="0 steps"):
        simulate(LEWIS, 1.0, steps=0, paths=1, rng=rng)
    with pytest.raises(ValueError, match="steps are too long"):
        simulate(Heston(0.25, 4.0, 0.25, 1.0, 0.9), 10.0, steps=1, paths=1, rng=rng)
    with pytest.raises(ValueError, match="step"):
        variance_path(LEWIS, 0.0, [0.0], [0.5])
    with pytest.raises(ValueError, match="five prices"):
        calibrate(100.0, [100.0], [1.0], [10.0])
    with pytest.raises(ValueError, match="no-arbitrage"):
        calibrate(100.0, [50.0] * 5, [1.0] * 5, [49.0] * 5)
