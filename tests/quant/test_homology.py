from __future__ import annotations

import os
import subprocess
import sys
from math import ceil, isnan, pi, sin, sqrt
from warnings import catch_warnings, simplefilter

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from quant.homology import (
    LENS,
    _distances,
    _distances_plain,
    _pairs,
    _persist,
    _persist_plain,
    components,
    delayed,
    diagram,
    l1_norm,
    landscape_norms,
    norms,
    persistence,
)
from quant.lens import Abstain


def circle(count: int) -> np.ndarray:
    angle = np.arange(count) * 2 * pi / count
    return np.column_stack([np.cos(angle), np.sin(angle)])


def garch(seed: int, count: int) -> np.ndarray:
    rng = np.random.default_rng(seed)
    variance, out = 1.0, []
    for _ in range(count):
        shock = sqrt(variance) * rng.standard_t(5)
        out.append(shock)
        variance = 0.05 + 0.1 * shock * shock + 0.8 * variance
    return np.array(out)


def grid(*sides: int) -> np.ndarray:
    axes = [np.arange(float(side)) for side in sides]
    return np.stack(np.meshgrid(*axes), axis=-1).reshape(-1, len(sides))


def clouds() -> dict[str, np.ndarray]:
    rng = np.random.default_rng(7)
    return {
        "one pair": rng.normal(size=(2, 3)),
        "line": rng.normal(size=(40, 1)),
        "plane": rng.normal(size=(90, 2)),
        "space": rng.normal(size=(64, 3)),
        "past a word": rng.normal(size=(65, 3)),
        "past two words": rng.normal(size=(140, 3)),
        "wide, over 32 loops at once": rng.normal(size=(128, 40)),
        "uniform": rng.random((100, 2)),
        "garch": delayed(garch(3, 66), 3, 1),
        "square grid": grid(7, 7),
        "cube": grid(4, 4, 4),
        "ticks": rng.integers(0, 4, size=(60, 3)).astype(float),
        "every point thrice": np.repeat(rng.normal(size=(20, 3)), 3, axis=0),
        "collinear": np.outer(np.arange(30.0), [1.0, 2.0, 3.0]),
        "circle": circle(61),
    }


CLOUDS = clouds()


def long_bars(bars: np.ndarray) -> np.ndarray:
    """Return the bars that single precision can tell from nothing."""
    return bars[bars[:, 1] - bars[:, 0] > 1e-5]


@pytest.mark.parametrize("count", [60, 64])
def test_a_circle_has_one_loop(count: int) -> None:
    bars = diagram(circle(count))
    assert bars.shape == (1, 2)
    assert bars[0] == pytest.approx([2 * sin(pi / count), 2 * sin(pi * ceil(count / 3) / count)])
    known = {60: (0.1046719, sqrt(3)), 64: (0.09813535, 1.7638426)}[count]
    assert bars[0] == pytest.approx(known, abs=1e-7)


@pytest.mark.parametrize("cloud", CLOUDS.values(), ids=CLOUDS)
def test_equals_ripser(cloud: np.ndarray) -> None:
    """Ripser computes in single precision: distances of a few units, so 1e-6."""
    from ripser import ripser  # noqa: PLC0415 - scikit-learn comes with it

    with catch_warnings():
        simplefilter("ignore")  # more columns than rows is what two points in space have
        theirs = ripser(cloud, maxdim=1)["dgms"][1].astype(float)
    mine = diagram(cloud)
    a, b = long_bars(mine), long_bars(theirs)
    assert len(a) == len(b)
    assert np.sort(a[:, 1] - a[:, 0]) == pytest.approx(np.sort(b[:, 1] - b[:, 0]), abs=1e-5)
    for column in (0, 1):
        assert np.sort(a[:, column]) == pytest.approx(np.sort(b[:, column]), rel=1e-6)
    assert landscape_norms(mine)[0] == pytest.approx(landscape_norms(theirs)[0], rel=1e-5, abs=1e-6)


@pytest.mark.parametrize("cloud", CLOUDS.values(), ids=CLOUDS)
def test_the_twin_agrees(cloud: np.ndarray) -> None:
    """The kernel and its twin pair the same edges, on tables of distances equal to rounding."""
    table = _distances(cloud)
    assert table == pytest.approx(_distances_plain(cloud), rel=1e-14, abs=1e-14)
    assert (table == table.T).all()
    starts, ends = _pairs(len(cloud))
    lengths = table[starts, ends]
    order = np.argsort(lengths, kind="stable")
    edges = starts[order], ends[order], lengths[order], len(cloud)
    for one, other in zip(_persist(*edges), _persist_plain(*edges), strict=True):
        assert one.shape == other.shape
        assert np.sort(one, axis=0) == pytest.approx(np.sort(other, axis=0), abs=0.0)


@pytest.mark.parametrize("cloud", CLOUDS.values(), ids=CLOUDS)
def test_components_die_on_the_edges_of_the_shortest_tree(cloud: np.ndarray) -> None:
    """The tree by Prim, which grows from one point instead of joining by length."""
    table = _distances(cloud)
    reach, outside, lengths = table[0].copy(), set(range(1, len(cloud))), []
    while outside:
        nearest = min(outside, key=lambda i: reach[i])
        lengths.append(reach[nearest])
        outside.remove(nearest)
        reach = np.minimum(reach, table[nearest])
    assert components(cloud).tolist() == sorted(lengths)


def test_a_loop_by_hand() -> None:
    """A unit square: closed by its fourth side, filled along a diagonal."""
    assert diagram(grid(2, 2)).tolist() == [[1.0, sqrt(2)]]
    assert diagram(grid(2, 1)).shape == (0, 2)
    assert diagram(np.zeros((1, 2))).shape == (0, 2)


def test_any_metric_will_do() -> None:
    """Six stations of a ring road, by road: born at 1, and filled by a triangle of side 2."""
    gap = np.abs(np.subtract.outer(np.arange(6.0), np.arange(6.0)))
    bars, joins = persistence(np.minimum(gap, 6.0 - gap))
    assert bars.tolist() == [[1.0, 2.0]]
    assert joins.tolist() == [1.0] * 5


def test_norms_in_closed_form_are_those_of_the_landscape() -> None:
    """One tent from 0 to 2 has area 1 and squared norm 2/3; many, by sorting them on a grid."""
    assert landscape_norms(np.array([[0.0, 2.0]])) == pytest.approx((1.0, sqrt(2 / 3)))
    assert landscape_norms(np.empty((0, 2))) == (0.0, 0.0)
    rng = np.random.default_rng(2)
    births = rng.random(9)
    bars = np.column_stack([births, births + rng.random(9)])
    at = np.linspace(0.0, 2.0, 40_001)
    tents = np.maximum(0.0, np.minimum(at - bars[:, :1], bars[:, 1:] - at))
    levels = -np.sort(-tents, axis=0)
    step = at[1]
    l1 = sum(level.sum() * step for level in levels)
    l2 = sqrt(sum((level**2).sum() * step for level in levels))
    assert landscape_norms(bars) == pytest.approx((l1, l2), rel=1e-6)


def test_norms_scale_with_the_cloud() -> None:
    small, large = norms(CLOUDS["space"]), norms(2.0 * CLOUDS["space"])
    assert large[0] == pytest.approx(4.0 * small[0])
    assert large[1] == pytest.approx(2.0**1.5 * small[1])


POINTS = arrays(
    np.float64,
    st.tuples(st.integers(4, 24), st.integers(1, 3)),
    elements=st.floats(-5, 5, width=16),
)


@given(POINTS, st.randoms(use_true_random=False))
def test_the_order_of_points_is_nothing(cloud: np.ndarray, draw: object) -> None:
    order = list(range(len(cloud)))
    draw.shuffle(order)  # type: ignore[attr-defined]
    assert diagram(cloud[order]).tolist() == diagram(cloud).tolist()


@given(POINTS, st.integers(0, 2**32 - 1))
def test_turning_and_shifting_change_nothing(cloud: np.ndarray, seed: int) -> None:
    rng = np.random.default_rng(seed)
    turn = np.linalg.qr(rng.normal(size=(cloud.shape[1],) * 2))[0]
    moved = cloud @ turn + rng.normal(size=cloud.shape[1])
    assert norms(moved) == pytest.approx(norms(cloud), rel=1e-9, abs=1e-9)


@given(POINTS)
def test_bars_are_sound(cloud: np.ndarray) -> None:
    bars = diagram(cloud)
    assert np.isfinite(bars).all()
    assert (bars[:, 0] < bars[:, 1]).all()
    assert bars.tolist() == sorted(bars.tolist())
    assert set(bars.ravel()) <= set(_distances(cloud).ravel())


def test_delay_vectors() -> None:
    assert delayed(np.arange(8.0), 3, 2).tolist() == [[i, i + 2, i + 4] for i in range(4)]
    with pytest.raises(ValueError, match="dim=0"):
        delayed(np.arange(8.0), 0, 1)


def test_lens_reads_a_series() -> None:
    wave = np.sin(np.arange(66) * 0.3)
    reading = LENS.read(wave, {"dim": 2, "lag": 5})
    assert reading.value == pytest.approx(l1_norm(wave, 2, 5))
    assert reading.value == pytest.approx(LENS.reference(wave, dim=2, lag=5), rel=1e-6)
    (birth, death), *_ = sorted(reading.measures["bars"], key=lambda bar: bar[0] - bar[1])
    assert reading.measures["longest"] == death - birth > 1.0
    assert reading.measures["total"] >= death - birth
    noise = garch(1, 66)
    assert LENS.read(noise).value == l1_norm(noise)


@pytest.mark.parametrize(
    ("series", "why"),
    [
        (np.arange(5.0), "needs 6 values, got 5"),
        (np.full(60, 0.1), "all points are one"),
        (np.arange(515.0), "513 points are more than 512"),
    ],
)
def test_abstains(series: np.ndarray, why: str) -> None:
    reading = LENS.read(series)
    assert reading.value is None
    assert reading.flags == (why,)
    assert isnan(l1_norm(series))


def test_refuses_what_is_no_cloud() -> None:
    with pytest.raises(ValueError, match="two dimensions"):
        diagram(np.zeros(3))
    with pytest.raises(Abstain, match="513 points"):
        persistence(np.zeros((513, 513)))
    for gap in (np.nan, np.inf):
        with pytest.raises(Abstain, match="not finite"):
            diagram(np.array([[0.0, 1.0], [1.0, gap], [2.0, 0.0], [3.0, 1.0]]))


def test_without_a_compiler() -> None:
    code = (
        "import sys; from quant.homology import diagram; import numpy as np;"
        "assert 'numba' not in sys.modules;"
        "print(diagram(np.random.default_rng(5).normal(size=(64, 3))).tobytes().hex())"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        env={**os.environ, "GNOMON_NO_JIT": "1"},
        capture_output=True,
        text=True,
        check=True,
    )
    there = np.frombuffer(bytes.fromhex(done.stdout), dtype=np.float64)
    here = diagram(np.random.default_rng(5).normal(size=(64, 3)))
    assert there == pytest.approx(here.ravel(), rel=1e-13)
