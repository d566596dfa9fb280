from __future__ import annotations

import numpy as np
import pytest

from research.calibration.returns import LAWS, SKEW_MEAN


@pytest.mark.parametrize("law", LAWS)
def test_every_law_has_mean_zero(law: str) -> None:
    drawn = LAWS[law](np.random.default_rng(1), 400_000)
    assert abs(drawn.mean()) < 4.0 * drawn.std() / np.sqrt(len(drawn))


def test_the_skewed_laws_are_as_skewed_as_they_say() -> None:
    rng = np.random.default_rng(2)
    skew, harsh, stops = (LAWS[law](rng, 100_000) for law in ("skew", "harsh", "stops"))
    raw = skew + SKEW_MEAN
    assert np.isclose(raw, -1.0).mean() == pytest.approx(0.62, abs=0.01)
    assert np.isclose(raw, 5.0).mean() == pytest.approx(0.08, abs=0.005)
    assert skew.std() == pytest.approx(1.63, abs=0.02)
    assert harsh[harsh > 0.0].mean() == pytest.approx(8.0, abs=0.3)
    assert stops.max() <= 20.0 and stops.min() < -1.2 and 2.0 < stops.std() < 2.7
