from __future__ import annotations

import numpy as np

from quant import phase_space
from research.lenses.protocol import registered
from research.lenses.readings import NAMES, read
from research.lenses.worlds import returns

PROTOCOL = registered()


def test_readings_are_those_of_the_set_and_a_dead_window_has_none() -> None:
    windows = np.stack([returns("garch", PROTOCOL, 1, 512, 1)[0], np.zeros(512)])
    seeds = np.array([[1, 2], [1, 3]])
    seen = read(windows, seeds)
    found = phase_space.rank(phase_space.prepare(windows[0]), seed=[1, 2])
    assert np.array_equal(seen.values[0], found.values)
    assert np.array_equal(seen.sign_p[0], found.lens_p)
    assert np.array_equal(seen.garch_p[0], found.garch_lens_p)
    assert seen.composite[0] == found.score == 1.0 - max(found.p_sign, found.p_garch)
    assert ((seen.ranks[0] > 0.0) & (seen.ranks[0] < 1.0)).all()
    assert seen.values.shape == (2, len(NAMES))
    for name in ("values", "ranks", "sign_p", "garch_p", "composite", "composite_sign_p"):
        assert np.isnan(getattr(seen, name)[1]).all(), name
