from __future__ import annotations

from math import inf, nan, pi, sqrt

import numpy as np
import pytest
from scipy.integrate import quad

from quant.inference.shrinkage import SPREAD_MAX, shrink

# Coaching in eight schools (Rubin 1981), the example of the book: estimates and standard errors.
SCHOOLS = [(28, 15), (8, 10), (-3, 16), (7, 11), (-1, 9), (1, 11), (18, 10), (12, 18)]
PARTS = [(float(d), float(se * se)) for d, se in SCHOOLS]


def by_quadrature(index: int) -> float:
    """Return the mean of one school's effect, all integrals done numerically."""
    effects = np.array([d for d, _ in PARTS])
    variances = np.array([v for _, v in PARTS])

    def level(tau: float) -> tuple[float, float]:
        w = 1.0 / (variances + tau * tau)
        mean = float((w * effects).sum() / w.sum())
        likely = float(np.prod(np.sqrt(w / (2 * pi)) * np.exp(-0.5 * w * (effects - mean) ** 2)))
        keeps = tau * tau / (tau * tau + variances[index])
        return likely / sqrt(w.sum()) * 1e12, mean + keeps * (effects[index] - mean)

    top = SPREAD_MAX * float(np.std(effects))
    total, _ = quad(lambda tau: level(tau)[0], 0.0, top)
    value, _ = quad(lambda tau: level(tau)[0] * level(tau)[1], 0.0, top)
    return value / total


def test_eight_schools_are_drawn_together_as_by_quadrature() -> None:
    drawn = shrink(PARTS)
    for index, one in enumerate(drawn):
        assert one is not None
        assert one.value == pytest.approx(by_quadrature(index), abs=2e-3)
        assert one.low < one.value < one.high
    # The book's medians, in whole points.
    values = [round(one.value) for one in drawn if one is not None]
    assert values == pytest.approx([10, 8, 7, 8, 5, 6, 10, 8], abs=1.5)


def test_what_is_known_well_keeps_itself_and_what_is_not_takes_what_the_others_say() -> None:
    drawn = shrink([*PARTS, (99.0, inf), (nan, 1.0), (5.0, 0.0)])
    kept = [one.kept for one in drawn if one is not None]
    assert kept[4] > kept[1] == kept[6] > kept[3] == kept[5] > kept[0] > kept[2] > kept[7] > 0.0
    new, again, exact = drawn[8:]
    assert new is not None
    assert new == again == exact
    assert (new.kept, new.value) == (0.0, pytest.approx(8.0, abs=0.5))
    widths = [one.high - one.low for one in drawn[:8] if one is not None]
    assert new.high - new.low > 0.9 * max(widths)


def test_nothing_known_is_nothing_said_and_one_alone_is_itself() -> None:
    assert shrink([(1.0, inf), (nan, 0.1)]) == [None, None]
    assert shrink([]) == []
    (alone,) = shrink([(0.4, 0.09)])
    assert alone == pytest.approx((0.4, 0.4 - 1.96 * 0.3, 0.4 + 1.96 * 0.3, 0.0), abs=1e-4)
    same = shrink([(0.4, 0.08), (0.4, 0.08)])
    assert same == [pytest.approx((0.4, 0.4 - 1.96 * 0.2, 0.4 + 1.96 * 0.2, 0.0), abs=1e-4)] * 2


def test_slices_that_differ_widely_keep_themselves() -> None:
    for one, estimate in zip(
        shrink([(-9.0, 0.01), (0.0, 0.01), (9.0, 0.01)]), (-9, 0, 9), strict=True
    ):
        assert one is not None
        assert one.value == pytest.approx(estimate, abs=0.01)
        assert one.kept > 0.999


@pytest.mark.parametrize("spread", [0.0, 0.2, 1.0])
def test_shrunken_estimates_are_nearer_the_truth_and_their_intervals_hold_it(
    spread: float,
) -> None:
    rng = np.random.default_rng(5)
    raw = drawn = held = number = 0.0
    for _ in range(60):
        truth = rng.normal(-0.1, spread, 12)
        variances = rng.uniform(0.02, 0.3, 12)
        seen = truth + rng.normal(0.0, np.sqrt(variances))
        found = shrink(list(zip(seen.tolist(), variances.tolist(), strict=True)))
        for true, one, d in zip(truth, found, seen, strict=True):
            assert one is not None
            raw += (d - true) ** 2
            drawn += (one.value - true) ** 2
            held += one.low <= true <= one.high
            number += 1
    assert drawn < (0.5 if spread < 0.5 else 1.0) * raw
    assert held / number > 0.92
