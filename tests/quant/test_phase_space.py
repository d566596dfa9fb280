from __future__ import annotations

from collections.abc import Callable
from functools import cache
from math import erfc, sqrt

import numpy as np
import pytest

from quant import garch, heston, surrogates
from quant.fisher_rao import halves
from quant.hurst import dfa
from quant.jit import JIT
from quant.koopman import radius
from quant.lens import Abstain, discover
from quant.phase_space import NAMES, combined, placed, prepare, rank, statistics

LENGTH = 512
MODEL = garch.Garch(1e-8, 0.06, 0.93, 5.0, 1e-6)
HESTON = heston.Heston(1e-6, 0.02, 1e-6, 2e-4, -0.5)  # per minute

# Without compiled kernels a window takes a second.
WINDOWS = 40 if JIT else 4

Maker = Callable[[np.random.Generator], np.ndarray]


def garch_window(rng: np.random.Generator) -> np.ndarray:
    return garch.simulate(MODEL, 1, LENGTH + 300, rng)[0, 300:]


def heston_window(rng: np.random.Generator) -> np.ndarray:
    """Log returns by Andersen's scheme, a minute apart."""
    n, (_, kappa, theta, sigma, rho) = LENGTH + 300, HESTON
    v = np.array(heston.variance_path(HESTON, 1.0, rng.standard_normal(n), rng.random(n)))
    mean = 0.5 * (v[1:] + v[:-1])
    tied = rho / sigma * (np.diff(v) - kappa * (theta - mean))
    free = np.sqrt((1.0 - rho**2) * mean) * rng.standard_normal(n)
    return (tied + free - 0.5 * mean)[300:]


def logistic(rng: np.random.Generator) -> np.ndarray:
    """A chaotic series of mean zero and variance one."""
    out, x = np.empty(LENGTH), float(rng.uniform(0.1, 0.9))
    for t in range(LENGTH):
        x = 4.0 * x * (1.0 - x)
        out[t] = x
    return (out - 0.5) * sqrt(8.0)


def noisy_window(rng: np.random.Generator) -> np.ndarray:
    return logistic(rng) + 0.2 * rng.standard_normal(LENGTH)


def driven_window(rng: np.random.Generator) -> np.ndarray:
    """Returns of a GARCH's volatility whose signs and sizes a chaotic driver steers."""
    e = garch_window(rng)
    variance = np.full(LENGTH, 1e-6)
    for t in range(1, LENGTH):
        variance[t] = MODEL.omega + MODEL.alpha * e[t - 1] ** 2 + MODEL.beta * variance[t - 1]
    return np.sqrt(variance) * (logistic(rng) + 0.3 * rng.standard_normal(LENGTH))


@cache
def ranked(maker: Maker, windows: int) -> list[list[float]]:
    """Return p, p_sign, p_garch and the lenses' p under both nulls, of so many windows."""
    out = []
    for seed in range(windows):
        window = prepare(maker(np.random.default_rng([seed, 2_024])))
        found = rank(window, count=19, seed=[seed, 7])
        out.append([found.p, found.p_sign, found.p_garch, *found.lens_p, *found.garch_lens_p])
    return out


@pytest.mark.parametrize("maker", [garch_window, heston_window])
def test_volatility_alone_is_seldom_taken_for_more(maker: Maker) -> None:
    found = np.array(ranked(maker, WINDOWS)) <= 0.05 + 1e-9
    # At 5 % under each null, seven or more of 40 come about once in 300. The composite, for which
    # both must reject, is to stay at or below the three that 8 % would give.
    assert found[:, 0].sum() <= 3
    assert found[:, 1:3].sum(axis=0).max() <= 6
    # 19 surrogates cannot reject at 5 % on two sides, so ten: twelve of 40 are one in 2,600.
    each = np.array(ranked(maker, WINDOWS))[:, 3:] <= 0.10 + 1e-9
    assert each.sum(axis=0).max() <= 11


@pytest.mark.parametrize("maker", [noisy_window, driven_window])
def test_a_chaotic_driver_is_seen(maker: Maker) -> None:
    assert sum(found[0] <= 0.05 + 1e-9 for found in ranked(maker, min(6, WINDOWS))) >= min(
        4, WINDOWS - 1
    )


def test_the_same_seed_gives_the_same_ranks_and_another_does_not() -> None:
    window = prepare(garch_window(np.random.default_rng(1)))
    first, again, other = (rank(window, count=19, seed=s) for s in (1, 1, 2))
    assert first.p == again.p and np.array_equal(first.ranks, again.ranks)
    assert not np.array_equal(first.ranks, other.ranks)
    assert np.array_equal(first.values, statistics(window)) and first.flags == ()
    assert first.score == 1.0 - max(first.p_sign, first.p_garch)


def test_the_unit_of_returns_and_their_mean_do_not_matter() -> None:
    returns = garch_window(np.random.default_rng(2))
    first = rank(prepare(returns), count=19, seed=3)
    again = rank(prepare(2.0 * returns), count=19, seed=3)
    assert first.p == again.p and np.array_equal(first.garch_ranks, again.garch_ranks)
    assert prepare(returns + 1.0) == pytest.approx(prepare(returns), abs=1e-9)


def test_windows_are_scaled_then_cut_at_five_mad() -> None:
    returns = np.random.default_rng(3).standard_normal(LENGTH)
    returns[7] = 100.0
    window = prepare(returns)
    scaled = (returns - returns.mean()) / returns.std()
    middle = np.median(scaled)
    reach = 5.0 * np.median(np.abs(scaled - middle))
    assert window == pytest.approx(np.clip(scaled, middle - reach, middle + reach))
    assert window[7] == pytest.approx(middle + reach) and window.flags.c_contiguous
    rows = prepare(np.vstack([returns, 3.0 * returns]))
    assert rows == pytest.approx(np.vstack([window, window]))


def test_the_set_is_of_lenses_there_are() -> None:
    assert len(NAMES) == len(set(NAMES)) == 6
    assert set(NAMES) <= set(discover())
    window = prepare(garch_window(np.random.default_rng(4)))
    values = dict(zip(NAMES, statistics(window), strict=True))
    lenses = discover()
    for name in ("rqa", "koopman", "hurst", "fisher_rao"):
        assert lenses[name].read(window).value == pytest.approx(values[name], rel=1e-9), name
    assert lenses["lyapunov"].read(window).value == pytest.approx(values["lyapunov"], rel=1e-9)
    last = window[-64:]
    unit = (last - last.mean()) / last.std()
    assert lenses["homology"].read(unit).value == pytest.approx(values["homology"], rel=1e-9)


def test_many_windows_are_measured_as_each_would_be() -> None:
    rng = np.random.default_rng(9)
    rows = prepare(np.vstack([garch_window(rng) for _ in range(3)]))
    found = statistics(rows)
    assert found.shape == (3, len(NAMES))
    assert np.array_equal(found, [statistics(row) for row in rows])
    assert (statistics(rows, 0.5)[:, NAMES.index("rqa")] == 0.5).all()


def test_ranks_are_places_in_the_pool() -> None:
    pool = np.array([[3.0, 1.0, 2.0], [1.0, 2.0, 2.0], [2.0, 3.0, 2.0], [0.0, 4.0, 2.0]])
    ranks, p = placed(pool)
    assert ranks == pytest.approx([0.875, 0.125, 0.5])
    assert p == pytest.approx([0.5, 0.5, 1.0])


def test_the_composite_is_fishers_sum_by_hand() -> None:
    pool = np.array([[9.0, 0.0], [1.0, 1.0], [2.0, 2.0], [3.0, 3.0], [4.0, 4.5]])
    z = (pool - pool.mean(axis=0)) / pool.std(axis=0)
    score = [-2.0 * sum(np.log(erfc(abs(x) / sqrt(2.0))) for x in row) for row in z]
    assert np.argmax(score) == 0
    assert combined(pool) == pytest.approx(0.2)
    assert combined(np.ones((5, 2))) == 1.0
    assert combined(np.column_stack([pool, np.ones(5)])) == combined(pool)


def test_among_exchangeable_rows_every_composite_is_as_likely() -> None:
    rng = np.random.default_rng(5)
    mixed = rng.standard_normal((6, 6))
    found = np.array([combined((rng.standard_normal((20, 6)) @ mixed) ** 3) for _ in range(2_000)])
    for level in (0.05, 0.25, 0.5):
        assert np.mean(found <= level + 1e-9) == pytest.approx(level, abs=0.04)


def test_a_lens_without_numbers_is_left_out_and_said_so(monkeypatch: pytest.MonkeyPatch) -> None:
    def deaf(count: int) -> Callable[[np.ndarray], np.ndarray]:
        return lambda window: np.where(np.arange(6) < count, np.nan, window[..., :6])

    window = prepare(garch_window(np.random.default_rng(6)))
    monkeypatch.setattr("quant.phase_space.statistics", deaf(2))
    found = rank(window, count=19, seed=1)
    assert found.flags == ("lyapunov abstains", "rqa abstains")
    assert np.isnan(found.ranks[:2]).all() and np.isfinite(found.ranks[2:]).all()
    monkeypatch.setattr("quant.phase_space.statistics", deaf(3))
    with pytest.raises(Abstain, match="only 3 of 6"):
        rank(window, count=19, seed=1)


def test_windows_without_sense_abstain() -> None:
    with pytest.raises(Abstain, match="never moves"):
        prepare(np.ones(LENGTH))
    with pytest.raises(Abstain, match="never moves"):
        prepare(np.full(LENGTH, np.nan))
    with pytest.raises(Abstain, match="needs 256"):
        rank(np.arange(255.0), seed=1)
    with pytest.raises(Abstain, match="distinct"):
        rank(np.tile(np.arange(10.0), 60), seed=1)


def test_the_observed_series_is_one_of_its_own_surrogates() -> None:
    """With the observed residuals' signs tossed once, nothing can tell which series was first."""
    rejected = 0
    for seed in range(60):
        rng = np.random.default_rng([seed, 8])
        residuals = surrogates.prewhitened(garch_window(rng))
        rows = prepare(surrogates.prewhitened(surrogates.sign_flip(residuals, 20, rng)))
        pool = np.array([(halves(row), radius(row), dfa(row)) for row in rows])
        rejected += combined(pool) <= 0.05 + 1e-9
    assert rejected <= 8
