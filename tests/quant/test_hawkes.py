from __future__ import annotations

from math import sqrt

import numpy as np
import pytest

from quant.hawkes import (
    Hawkes,
    compensator,
    expected_count,
    fit,
    grow,
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
