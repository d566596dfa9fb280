from __future__ import annotations

import numpy as np
import pytest

from research.calibration.whole_days import CELLS, covered
from shadow.report.terms import Terms

LOOKS = (60, 90, 180, 365)


def test_days_that_hang_together_are_covered_as_before() -> None:
    for cell in CELLS[::2]:
        found = covered(cell, 200, LOOKS, np.random.default_rng(1), Terms())
        assert found == pytest.approx(cell.sheet, abs=4.0 * np.sqrt(0.05 * 0.95 / 200))
