from __future__ import annotations

from math import sqrt

import numpy as np
import pytest

from quant.hawkes import (
    LENS,
    Hawkes,
    compensator,
    expected_count,
    fit,
    grow,
    intensity,
    kolmogorov,
    ljung_box,
    log_likelihood,
    residuals,
    simulate,
)

EVENTS = [0.5, 1.2, 1.9, 3.1, 3.2, 4.8]
SMALL = Hawkes(0.4, 0.6, 1.1)
BUSY = Hawkes(0.5, 1.2, 2.0)


def test_the_likelihood_is_the_reference_to_twelve_digits() -> None:
    assert log_likelihood(SMALL, EVENTS, 5.0) == pytest.approx(-6.871137566906, abs=1e-12)


def test_the_one_pass_is_the_double_sum() -> None:
    model, times = Hawkes(0.7, 0.9, 1.3), simulate(Hawkes(0.7, 0.9, 1.3), 60.0, generator(1))
    apart = times[:, None] - times[None, :]
    rates = model.mu + model.alpha * np.sum(
        np.where(apart > 0.0, np.exp(-model.beta * np.maximum(apart, 0.0)), 0.0), axis=1
    )
    grown = np.sum(1.0 - np.exp(-model.beta * (60.0 - times)))
    expected = float(np.sum(np.log(rates))) - model.mu * 60.0 - model.branching * float(grown)
    assert log_likelihood(model, times, 60.0) == pytest.approx(expected, rel=1e-12)


def test_without_children_it_is_a_poisson_process() -> None:
    model = Hawkes(2.0, 0.0, 1.0)
    expected = 6 * np.log(2.0) - 10.0
    assert log_likelihood(model, EVENTS, 5.0) == pytest.approx(expected)
    assert compensator(model, EVENTS, 5.0) == pytest.approx(2.0 * np.array(EVENTS))
    assert model.fano == 1.0


def generator(seed: int) -> np.random.Generator:
    return np.random.default_rng(seed)


def test_counts_have_the_mean_and_the_fano_factor_of_theory() -> None:
    rng = generator(2)
    counts = np.array([len(simulate(BUSY, 2_000.0, rng)) for _ in range(400)])
    assert expected_count(BUSY, 2_000.0) == pytest.approx(2_500.0 - 0.9375)
    standard = float(np.std(counts)) / sqrt(len(counts))
    assert float(np.mean(counts)) == pytest.approx(expected_count(BUSY, 2_000.0), abs=3 * standard)
    assert BUSY.branching == pytest.approx(0.6)
    assert BUSY.fano == pytest.approx(6.25)
    assert BUSY.mean_rate == pytest.approx(1.25)
    assert float(np.var(counts) / np.mean(counts)) == pytest.approx(BUSY.fano, rel=0.2)


def test_the_likeliest_model_is_near_the_true_one() -> None:
    times = simulate(BUSY, 2_000.0, generator(3))
    found = fit(times, 2_000.0)
    assert found.model.branching == pytest.approx(BUSY.branching, abs=0.07)
    assert found.model.mu == pytest.approx(BUSY.mu, abs=0.08)
    assert found.model.beta == pytest.approx(BUSY.beta, rel=0.25)
    assert found.log_likelihood >= log_likelihood(BUSY, times, 2_000.0)
    assert found.log_likelihood > found.poisson + 100.0


def test_residuals_accept_the_true_model_and_reject_poisson() -> None:
    accepted = 0
    for seed in range(20):
        times = simulate(BUSY, 800.0, generator(seed))
        accepted += residuals(BUSY, times, 800.0).p_value > 0.05
        poisson = Hawkes(len(times) / 800.0, 0.0, 1.0)
        assert residuals(poisson, times, 800.0).p_value < 1e-10
    # One in twenty is rejected by chance; five or more, one time in four hundred.
    assert accepted >= 16


def test_residual_waits_have_mean_one() -> None:
    times = simulate(BUSY, 4_000.0, generator(4))
    waits = residuals(BUSY, times, 4_000.0).waits
    assert len(waits) == len(times)
    assert float(np.mean(waits)) == pytest.approx(1.0, abs=0.06)


def test_the_residual_distance_is_that_of_kolmogorov() -> None:
    # Under a unit Poisson process the waits are the times' own: u = 1 − 1/e for all of them.
    found = residuals(Hawkes(1.0, 0.0, 1.0), np.arange(1.0, 21.0), 20.0)
    assert found.distance == pytest.approx(1.0 - np.exp(-1.0))
    assert found.p_value < 1e-6


def test_a_family_descends_from_its_stranger() -> None:
    strangers = np.array([5.0, 0.0, 90.0])
    found = grow(strangers, branching=0.8, beta=1.0, horizon=100.0, rng=generator(5))
    assert np.all(np.diff(found.times) >= 0.0)
    assert float(found.times[-1]) < 100.0
    assert set(found.root.tolist()) <= {0, 1, 2}
    assert np.all(found.times >= strangers[found.root])
    for number, at in enumerate(strangers):
        assert float(found.times[found.root == number].min()) == at


def test_families_are_as_large_as_the_branching_ratio_says() -> None:
    found = grow(np.zeros(20_000), branching=0.6, beta=1.0, horizon=1e9, rng=generator(6))
    assert len(found.times) == pytest.approx(20_000 / 0.4, rel=0.03)
    assert len(grow([], branching=0.6, beta=1.0, horizon=1.0, rng=generator(6)).times) == 0


@pytest.mark.parametrize(
    ("model", "reason"),
    [
        (Hawkes(1.0, 2.0, 2.0), "branching ratio 1.000 is not below 1"),
        (Hawkes(0.0, 0.5, 1.0), "must be positive"),
        (Hawkes(1.0, -0.1, 1.0), "not negative"),
        (Hawkes(float("inf"), 0.5, 1.0), "not finite"),
    ],
)
def test_a_model_without_sense_is_refused(model: Hawkes, reason: str) -> None:
    with pytest.raises(ValueError, match=reason):
        log_likelihood(model, EVENTS, 5.0)
    with pytest.raises(ValueError, match=reason):
        simulate(model, 5.0, generator(1))


def test_questions_without_sense_are_refused() -> None:
    with pytest.raises(ValueError, match="sorted"):
        log_likelihood(SMALL, [2.0, 1.0], 5.0)
    with pytest.raises(ValueError, match="within"):
        compensator(SMALL, [2.0, 6.0], 5.0)
    with pytest.raises(ValueError, match="horizon"):
        simulate(SMALL, 0.0, generator(1))
    with pytest.raises(ValueError, match="too few to fit"):
        fit(EVENTS, 5.0)
    with pytest.raises(ValueError, match="too few for a test"):
        residuals(SMALL, EVENTS, 5.0)
    with pytest.raises(ValueError, match="outside"):
        grow([0.0], branching=1.0, beta=1.0, horizon=1.0, rng=generator(1))
    with pytest.raises(ValueError, match="beta"):
        grow([0.0], branching=0.5, beta=0.0, horizon=1.0, rng=generator(1))


def test_the_rate_is_that_of_the_likelihood() -> None:
    total = sum(float(np.log(intensity(SMALL, EVENTS, at))) for at in EVENTS)
    integral = float(compensator(SMALL, [*EVENTS, 5.0], 5.0)[-1])
    assert total - integral == pytest.approx(-6.871137566906, abs=1e-12)


def test_a_quiet_process_is_fitted_without_children_worth_speaking_of() -> None:
    times = np.sort(generator(8).uniform(0.0, 1_000.0, 1_000))
    found = fit(times, 1_000.0)
    assert found.model.branching < 0.15
    assert 0.0 <= found.log_likelihood - found.poisson < 6.0


def test_the_test_of_correlation_knows_noise_from_memory() -> None:
    noise = generator(9).exponential(size=(300, 200))
    found = np.array([ljung_box(row) for row in noise])
    assert 0.02 <= np.mean(found < 0.05) <= 0.09
    assert abs(float(np.mean(found)) - 0.5) < 0.07
    assert ljung_box(np.convolve(noise[0], [1.0, 0.6])) < 1e-3
    assert ljung_box(np.ones(50)) == 1.0


def test_the_test_of_correlation_is_that_of_statsmodels() -> None:
    diagnostic = pytest.importorskip("statsmodels.stats.diagnostic")
    values = generator(10).exponential(size=300)
    expected = float(diagnostic.acorr_ljungbox(values, lags=[10])["lb_pvalue"].iloc[0])
    assert ljung_box(values) == pytest.approx(expected, rel=1e-9)


def test_the_lens_evaluates_a_model_that_is_given() -> None:
    given = {"mu": 0.4, "alpha": 0.6, "beta": 1.1, "horizon": 5.0}
    found = LENS.read(np.array(EVENTS), given)
    assert found.value == pytest.approx(0.6 / 1.1)
    assert found.measures["log_likelihood"] == pytest.approx(-6.871137566906, abs=1e-11)
    assert found.measures["ks_p"] is None and "not tested" in found.flags[0]


def test_the_lens_fits_and_tests() -> None:
    times = simulate(BUSY, 1_000.0, generator(11))
    found = LENS.read(times, {"horizon": 1_000.0})
    assert found.value == pytest.approx(0.6, abs=0.1)
    assert found.measures["mean_rate"] == pytest.approx(len(times) / 1_000.0, rel=0.05)
    assert found.measures["ks_p"] > 0.01 and found.measures["ljung_box_p"] > 0.01


@pytest.mark.parametrize(
    ("times", "reason"),
    [
        (np.array(EVENTS), "needs 10 values"),
        (np.arange(20.0)[::-1], "sorted"),
        (np.arange(20.0) - 1.0, "not negative"),
        (np.repeat(np.arange(10.0), 2), "merge simultaneous"),
        (1.7e9 + np.arange(20.0), "start of the record"),
        (np.zeros(20), "horizon"),
    ],
)
def test_the_lens_abstains(times: np.ndarray, reason: str) -> None:
    found = LENS.read(times)
    assert found.value is None and reason in found.flags[0]


def test_the_lens_abstains_where_a_rate_drifts_or_events_lie_beyond() -> None:
    drifting = np.sort(100.0 * generator(12).uniform(size=3_000) ** 0.2)
    assert "drifts" in LENS.read(drifting).flags[0]
    assert "beyond" in LENS.read(np.arange(20.0), {"horizon": 5.0}).flags[0]
    for bad in ({"mu": 1.0}, {"mu": -1.0}, {"mu": 1.0, "alpha": 2.0, "beta": 1.0}):
        with pytest.raises(ValueError):
            LENS.read(np.arange(20.0), bad)


@pytest.mark.parametrize("x", [0.0, 0.05, 0.2, 0.5, 0.83, 0.99999, 1.0, 1.36, 2.0, 5.0])
def test_the_law_of_the_largest_distance_is_scipys(x: float) -> None:
    from scipy.special import kolmogorov as theirs  # noqa: PLC0415 - heavy

    assert kolmogorov(x) == pytest.approx(float(theirs(x)), rel=1e-12, abs=1e-15)
