from __future__ import annotations

import numpy as np
import pytest

from research.lenses.crashes import crash_of
from research.lenses.panel import COMPOSITE
from research.lenses.study import BASELINES
from tests.support.panels import panel
from tests.support.stand_in import NAMES


def test_the_deepest_fall_is_found_and_the_reading_before_it_placed() -> None:
    rng = np.random.default_rng(2)
    returns = rng.standard_normal(1500) * 1e-3
    returns[1300:1320] -= 0.02
    # Wild just before it: volatility stands at its highest.
    returns[1240:1300] *= 5.0
    found = panel(returns, np.arange(1500) + 7000)
    crash = crash_of(found, NAMES, 60)
    assert abs(crash.peak - 7000 - 1300) <= 40 and crash.depth == pytest.approx(0.33, abs=0.08)
    assert 0 <= crash.bars_before < found.step
    assert set(crash.stood) == {*NAMES, COMPOSITE, *BASELINES}
    assert crash.stood["rv60"] is not None and crash.stood["rv60"] > 0.9
    assert crash.stood["size"] == 0.5
