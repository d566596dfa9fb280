"""Data of the lens measurements: closes of minutes of coins whose volatility wanders."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from daemon.lens.bank import N
from market.decision import LensAsk
from market.events import MS_PER_HOUR, MS_PER_MINUTE, LensKind
from market.series import KEEP_MINUTES
from quant import garch, phase_space

Array = NDArray[np.float64]

SEED = 5
FIRST_PX = 100.0
# Of a minute's returns: 8 basis points on average, heavy tails, long memory of what was.
MODEL = garch.Garch(0.01 * 8e-4**2, 0.06, 0.93, 5.0, 8e-4**2)
START_MS = 1_756_684_800_000
assert START_MS % MS_PER_HOUR == 0


def coin_names(count: int) -> list[str]:
    """Return as many names."""
    return [f"COIN{number}" for number in range(count)]


def closes(coins: int, minutes: int) -> Array:
    """Return closes of shape (coins, KEEP_MINUTES + minutes), the same every time."""
    rng = np.random.default_rng(SEED)
    returns = garch.simulate(MODEL, coins, KEEP_MINUTES + minutes, rng)
    found: Array = FIRST_PX * np.exp(np.cumsum(returns, axis=1))
    return found


def asks(table: Array, minute: int, kind: LensKind = "raw") -> list[LensAsk]:
    """Return what is asked of every coin at the close of a minute from 0, which ends an hour."""
    bar_ms = START_MS + (minute - 1) * MS_PER_MINUTE
    rows = table[:, minute : minute + KEEP_MINUTES].tolist()
    names = coin_names(len(table))
    return [LensAsk(name, bar_ms, kind, "bar", row) for name, row in zip(names, rows, strict=True)]


def window_of(ask: LensAsk) -> Array:
    """Return the prepared window (N,) that the phase-space lenses see of a question."""
    return phase_space.prepare(np.diff(np.log(ask.closes))[-N:])
