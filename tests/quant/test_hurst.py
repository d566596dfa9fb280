from __future__ import annotations

import os
import subprocess
import sys
from math import isnan

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from quant.hurst import (
    LENS,
    _expected,
    _ratios,
    _ratios_plain,
    _squares,
    _squares_plain,
    dfa,
    dfa_sizes,
    rescaled_range,
    rs_sizes,
)


def fractional_noise(hurst: float, count: int, paths: int, seed: int) -> np.ndarray:
    """Return exact paths (paths, count): the covariance in a circle, diagonal in frequencies."""
    lag = np.arange(count + 1.0)
    covariance = ((lag + 1) ** (2 * hurst) - 2 * lag ** (2 * hurst)) / 2
    covariance += np.abs(lag - 1) ** (2 * hurst) / 2
    power = np.fft.fft(np.concatenate([covariance, covariance[-2:0:-1]])).real
    assert power.min() > -1e-9
    rng = np.random.default_rng(seed)
    shape = (paths, 2 * count)
    noise = rng.normal(size=shape) + 1j * rng.normal(size=shape)
    amplitude = np.sqrt(np.maximum(power, 0.0) / (2 * count))
    return np.ascontiguousarray(np.fft.fft(noise * amplitude, axis=1).real[:, :count])


def series() -> dict[str, np.ndarray]:
    rng = np.random.default_rng(4)
    steps = rng.normal(size=512)
    return {
        "noise": steps,
        "odd length": steps[:333],
        "short": steps[:80],
        "price": 60_000.0 + steps.cumsum(),
        "tails": rng.standard_t(2, size=700),
        "ticks": np.round(steps),
        "signs": np.sign(steps),
        "sine": np.sin(np.arange(400) * 0.1),
        "ramp": np.arange(512.0),
        "jump": np.repeat([0.0, 1.0], 150),
        "tiny": 1e-150 * steps,
        "half still": np.concatenate([np.zeros(256), steps[:256]]),
    }


SERIES = series()


@pytest.mark.parametrize("values", SERIES.values(), ids=SERIES)
def test_equals_nolds(values: np.ndarray) -> None:
    reading = LENS.read(values)
    for method, name in ((0, "dfa"), (1, "rs_corrected")):
        expected = LENS.reference(values, n_min=10, n_max=0, method=method)
        assert reading.measures[name] == pytest.approx(expected, abs=1e-9)
        assert LENS.read(values, {"method": method}).value == reading.measures[name]
    assert dfa(values) == reading.value
    assert dfa(values, 5, 40) == pytest.approx(
        LENS.reference(values, n_min=5, n_max=40, method=0), abs=1e-9
    )


@pytest.mark.parametrize("values", SERIES.values(), ids=SERIES)
def test_the_twins_agree(values: np.ndarray) -> None:
    """The running sums, and where they would round the boxes themselves, against the boxes."""
    scaled = values / np.abs(values).max()
    profile = (scaled - scaled.mean()).cumsum()
    profile -= profile.mean()
    sizes = dfa_sizes(10, len(values) // 4)
    assert _squares(profile, sizes) == pytest.approx(_squares_plain(profile, sizes), rel=1e-9)
    sizes = rs_sizes(len(values))
    plain = _ratios_plain(scaled, sizes)
    # nan where a jump falls between two stretches.
    assert _ratios(scaled, sizes) == pytest.approx(plain, rel=1e-9, nan_ok=True)


def test_running_sums_are_as_exact_as_boxes_far_from_zero() -> None:
    """A profile that wanders a million times farther than it shakes, and one that only shakes."""
    rng = np.random.default_rng(8)
    sizes = dfa_sizes(10, 128)
    for drift in (0.0, 1.0, 1e3, 1e6):
        profile = rng.normal(size=512) + drift * (np.arange(512) / 256 - 1) ** 2
        assert _squares(profile, sizes) == pytest.approx(_squares_plain(profile, sizes), rel=1e-9)


def test_box_sizes() -> None:
    assert dfa_sizes(10, 128).tolist() == [10, 12, 14, 17, 20, 24, 29, 35, 42, 51, 61, 74, 89, 106]
    assert dfa_sizes(4, 6).tolist() == [4, 5]
    assert dfa_sizes(4, 3).tolist() == []
    assert rs_sizes(512).tolist()[::14] == [10, 44]


def test_boxes_by_hand() -> None:
    """Profile 0 0 1 0 0 0, boxes of 4 at 0 only: mean 1/4, slope 1/10, so 3/4 − 1/20 in all."""
    profile = np.array([0.0, 0.0, 1.0, 0.0, 0.0, 0.0])
    squares = _squares_plain(profile, np.array([4]))
    assert squares == pytest.approx([(3 / 4 - 1 / 20) / 4])
    assert _squares(profile, np.array([4])) == pytest.approx(squares)


@pytest.mark.parametrize(
    ("count", "truth", "by_dfa", "by_rs"),
    [
        (256, 0.3, 0.312, 0.367),
        (256, 0.5, 0.500, 0.500),
        (256, 0.7, 0.694, 0.618),
        (512, 0.3, 0.309, 0.357),
        (512, 0.5, 0.499, 0.498),
        (512, 0.7, 0.694, 0.627),
        (1024, 0.3, 0.305, 0.352),
        (1024, 0.5, 0.498, 0.500),
        (1024, 0.7, 0.694, 0.638),
    ],
)
def test_bias_on_fractional_noise(count: int, truth: float, by_dfa: float, by_rs: float) -> None:
    """Means over exact paths, whose own error is 0.06 to 0.1 over the root of 400."""
    paths = fractional_noise(truth, count, 400, seed=count + int(10 * truth))
    assert np.mean([dfa(path) for path in paths]) == pytest.approx(by_dfa, abs=0.016)
    assert np.mean([rescaled_range(path)[1] for path in paths]) == pytest.approx(by_rs, abs=0.012)


def test_a_price_is_one_too_high() -> None:
    walks = np.random.default_rng(6).normal(size=(50, 512)).cumsum(axis=1)
    assert np.mean([dfa(100.0 + walk) for walk in walks]) == pytest.approx(1.5, abs=0.05)
    reading = LENS.read(walks[0])
    assert reading.flags == ("above 1: a walk, not its steps; give it returns",)
    assert LENS.read(np.diff(walks[0])).flags == ()


def test_expected_range_of_independent_steps() -> None:
    """At n = 2 the range is |x₁ − x₂|/2 and the deviation that over √2; Peters takes 3/4 of 1/√2.

    Large n: √(πn/2), less a constant.
    """
    assert _expected(2) == pytest.approx(0.75)
    assert _expected(4000) == pytest.approx(np.sqrt(np.pi * 2000), rel=0.02)


@given(st.integers(0, 2**32 - 1), st.floats(1e-6, 1e6), st.floats(-1e3, 1e3))
def test_unit_and_level_change_nothing(seed: int, unit: float, level: float) -> None:
    values = np.random.default_rng(seed).normal(size=200)
    assert dfa(unit * (values + level)) == pytest.approx(dfa(values), abs=1e-9)
    assert dfa(-values) == pytest.approx(dfa(values), abs=1e-12)


@pytest.mark.parametrize(
    ("values", "params", "why"),
    [
        (np.full(512, 0.1), {}, "the series is constant"),
        (np.full(512, 0.0), {"method": 1}, "the series is constant"),
        (np.arange(40.0), {}, "40 values leave 1 box sizes, needs 4"),
        (np.arange(40.0), {"n_max": 60}, "40 values do not fill two boxes of 51"),
    ],
)
def test_abstains(values: np.ndarray, params: dict[str, float], why: str) -> None:
    reading = LENS.read(values, params)
    assert reading.value is None
    assert reading.flags == (why,)
    assert isnan(dfa(values, 10, int(params.get("n_max", 0))))


def test_a_constant_series_has_no_range() -> None:
    assert all(isnan(value) for value in rescaled_range(np.ones(200)))


@pytest.mark.parametrize(
    ("params", "why"),
    [({"n_min": 3}, "n_min=3"), ({"n_max": 9}, "n_max=9"), ({"method": 2}, "method=2")],
)
def test_refuses_parameters(params: dict[str, float], why: str) -> None:
    with pytest.raises(ValueError, match=why):
        LENS.read(SERIES["noise"], params)


def test_without_a_compiler() -> None:
    code = (
        "import sys; from quant.hurst import dfa; import numpy as np;"
        "assert 'numba' not in sys.modules;"
        "print(dfa(np.random.default_rng(5).normal(size=300)).hex())"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        env={**os.environ, "GNOMON_NO_JIT": "1"},
        capture_output=True,
        text=True,
        check=True,
    )
    here = dfa(np.random.default_rng(5).normal(size=300))
    assert float.fromhex(done.stdout) == pytest.approx(here, abs=1e-9)
