from __future__ import annotations

import numpy as np
import pytest

from divisions.weights import step
from market.events import MS_PER_DAY
from research.weights.darwin import paths, ratios, shuffled, standing_out


def drawn(
    seed: int, histories: int, days: int, names: int, edge: tuple[float, ...] = ()
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return (returns in millionths, active, closed) at random, some idle days among them."""
    rng = np.random.default_rng(seed)
    r = rng.standard_t(4, (histories, days, names))
    r[..., : len(edge)] += np.array(edge)
    active = rng.random(r.shape) < rng.uniform(0.3, 1.0, names)
    closed = rng.poisson(1.5, r.shape)
    return np.round(r * 1e6).astype(np.int64), active, closed


@pytest.mark.parametrize(("seed", "names"), [(1, 5), (2, 10), (3, 26), (4, 3)])
def test_it_is_the_same_rule_day_after_day(seed: int, names: int) -> None:
    r, active, closed = drawn(seed, 2, 90, names)
    r[:, :, 1] = r[:, :, 0]  # two that tie whenever both are active
    active[:, :, 1] = active[:, :, 0]
    found = paths(r, active, closed)
    for h in range(2):
        weights = {str(k): 1.0 for k in range(names)}
        series: dict[str, dict[int, tuple[int, int]]] = {name: {} for name in weights}
        for day in range(90):
            for k in np.flatnonzero(active[h, day]):
                at = int(r[h, day, k]), int(closed[h, day, k])
                series[str(k)][day * MS_PER_DAY] = at
            standings = step(weights, series, day * MS_PER_DAY)
            weights = {name: s.weight for name, s in standings.items()}
            assert list(weights.values()) == pytest.approx(list(found[h, day]), rel=1e-12)
    assert (found[:, -1] != 1.0).any() == (names >= 4)


def test_ratios_need_two_days_and_a_spread() -> None:
    r = np.array([[[1, 5], [1, 6], [1, 8]]], dtype=np.int64)
    sharpe, n = ratios(r, np.ones(r.shape, dtype=bool))
    assert np.isnan(sharpe[0, :, 0]).all() and np.isnan(sharpe[0, 0, 1])
    assert sharpe[0, 2, 1] == pytest.approx(np.mean([5, 6, 8]) / np.std([5, 6, 8], ddof=1))
    assert n[0, :, 0].tolist() == [1, 2, 3]


def test_the_lead_is_that_of_the_highest_over_the_others_mean() -> None:
    assert standing_out(np.ones(5)) == 0.0
    found = standing_out(np.array([2.0, 1.0, 0.5, 1.0, 1.0]))
    assert found == pytest.approx(np.log(2.0) - (np.log(0.5) / 4))
    assert standing_out(np.array([0.5, 1.0, 1.0, 2.0, 1.0])) == pytest.approx(found)


def test_dealing_anew_keeps_each_day_and_who_was_idle() -> None:
    r, active, closed = drawn(5, 1, 60, 5)
    r0, a0, c0 = r[0] / 1e6, active[0], closed[0]
    dealt, ends = shuffled(r0, a0, c0, 8, np.random.default_rng(1))
    unit = np.round(r0 / np.array([r0[a0[:, k], k].std() for k in range(5)]) * 1e6)
    for day in range(60):
        here = a0[day]
        for h in range(8):
            assert sorted(dealt[h, day, here]) == sorted(unit[day, here])
            assert sorted(ends[h, day, here]) == sorted(c0[day, here])
            assert (dealt[h, day, ~here] == 0).all()
    assert len({dealt[h].tobytes() for h in range(8)}) == 8


def test_no_edge_survives_the_dealing() -> None:
    r, active, closed = drawn(6, 1, 400, 5, (2.0,))
    active[:] = True
    dealt, _ = shuffled(r[0] / 1e6, active[0], closed[0], 40, np.random.default_rng(2))
    means = [dealt[:, :, k][:, active[0][:, k]].mean() for k in range(5)]
    spread = np.std(dealt[:, active[0]]) / np.sqrt(40 * 400)
    assert max(means) - min(means) < 8 * spread
