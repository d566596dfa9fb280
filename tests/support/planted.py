"""Three years of hourly closes with planted regimes."""

from __future__ import annotations

import msgspec
import numpy as np
from numpy.typing import NDArray

from research.regimes.known import Extreme, Known, Regimes, registered

START_MS = 1_577_836_800_000  # 2020-01-01
HOUR_MS = 3_600_000
# (days, drift a day, daily volatility)
PLAN = ((150, 0.0, 0.02), (60, 0.01, 0.015), (20, -0.04, 0.12), (60, 0.012, 0.015),
        (60, -0.012, 0.02), (15, -0.04, 0.12), (60, 0.01, 0.015))  # fmt: skip
SETTINGS = msgspec.structs.replace(
    registered().settings, train_days=60, refit_days=120, hmm_starts=1, window=256,
    bootstraps=199, block_days=20,
)  # fmt: skip


def closes(seed: int = 5) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """Return opening times in ms and closes."""
    rng = np.random.default_rng(seed)
    parts = [
        drift / 24 + vol / np.sqrt(24) * rng.standard_normal(24 * days) for days, drift, vol in PLAN
    ]
    log_price = np.cumsum(np.concatenate(parts))
    times = START_MS + HOUR_MS * np.arange(len(log_price), dtype=np.int64)
    return times, 100.0 * np.exp(log_price)


def plan() -> Regimes:
    """Return the file's plan with the planted regimes and small settings."""
    first, known = np.datetime64("2020-01-01"), []
    day = PLAN[0][0]
    for number, (days, drift, vol) in enumerate(PLAN[1:]):
        dates = [str(first + day - 1), str(first + day + days - 1)]
        kinds = ("lowest", "highest") if drift > 0.0 else ("highest", "lowest")
        ends = [Extreme(k, d, d, d) for k, d in zip(kinds, dates, strict=True)]
        direction = "up" if drift > 0.0 else "down"
        known.append(Known(f"regime {number}", direction, vol > 0.1, ends[0], ends[1], "Planted."))
        day += days
    return msgspec.structs.replace(registered(), settings=SETTINGS, regime=known)
