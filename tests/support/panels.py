"""Panels of a lens study, small enough for a test."""

from __future__ import annotations

import msgspec
import numpy as np

from research.lenses.panel import (
    Panel,
    panel_of,
    serial,
)
from research.lenses.protocol import registered
from tests.support.stand_in import read

SMALL = msgspec.structs.replace(registered(), window=300, stride=10, horizons=[15, 60], horizon=15)


RNG = np.random.default_rng(11)


RETURNS = RNG.standard_t(5, 1500) * 1e-3


def panel(returns: np.ndarray, times: np.ndarray | None = None, **given: object) -> Panel:
    counted = np.arange(len(returns)) if times is None else times
    settings: dict[str, object] = {
        "read": read, "most": 60, "seed": 1, "horizon": 15, "spread": serial, **given
    }  # fmt: skip
    return panel_of("x", counted, returns, SMALL, **settings)  # type: ignore[arg-type]
