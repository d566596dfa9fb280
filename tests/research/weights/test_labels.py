from __future__ import annotations

import numpy as np
import pytest

from research.weights.labels import STATES, label


def walk(seed: int, *volatilities: float) -> list[float]:
    rng = np.random.default_rng(seed)
    moves = np.concatenate([v * rng.standard_normal(100) for v in volatilities])
    return [float(x) for x in 100.0 * np.exp(np.cumsum(moves))]


def test_labels_of_a_market_that_grew_wild() -> None:
    found = label(walk(1, 0.0005, 0.001, 0.0005, 0.006))
    assert found.state == "wild" and found.rv_z is not None and found.rv_z > 1.0
    calm = label(walk(2, 0.004, 0.001, 0.006, 0.0005))
    assert calm.state == "calm" and calm.rv_z is not None and calm.rv_z < 0.0
    assert found.probabilities is not None and sum(found.probabilities) == pytest.approx(1.0)
    assert len(STATES) == 3 and found.bars == 400


@pytest.mark.parametrize("closes", [[], [1.0], [5.0] * 200, walk(3, 0.001)[:30]])
def test_a_label_that_cannot_be_given_says_why(closes: list[float]) -> None:
    found = label(closes)
    assert found.state is None and found.reason
