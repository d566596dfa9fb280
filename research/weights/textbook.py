"""Eight textbook rules on hourly closes, for studies of weights on markets that really were.

They stand for what divisions do with bars (follow, fade, compare) and are nobody's bots. A rule
decides at an hour's close and earns from the next hour on. Results are in units of a position's
daily volatility, which stands for R, after a taker's fee for every change of position.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

HOUR_MS = 3_600_000
HOURS = 24
VOL_HOURS = 168
FEE = 4.5e-4
FADE_FROM = 1.5


def _ema(closes: Floats, hours: int) -> Floats:
    out = np.empty_like(closes)
    out[0] = closes[0]
    for t in range(1, len(closes)):
        out[t] = out[t - 1] + 2.0 / (hours + 1) * (closes[t] - out[t - 1])
    return out


def follow(closes: Floats, hours: int) -> Floats:
    """Return the sign of a fast less a four times slower moving average."""
    result: Floats = np.sign(_ema(closes, hours) - _ema(closes, 4 * hours))
    return result


def breakout(closes: Floats, hours: int) -> Floats:
    """Return the side of the last close beyond all closes of the hours before it."""
    out = np.zeros_like(closes)
    for t in range(hours, len(closes)):
        before = closes[t - hours : t]
        up, down = closes[t] > before.max(axis=0), closes[t] < before.min(axis=0)
        out[t] = np.where(up, 1.0, np.where(down, -1.0, out[t - 1]))
    return out


def fade(closes: Floats, hours: int) -> Floats:
    """Return the side against a close far from its mean, else nothing."""
    out = np.zeros_like(closes)
    for t in range(hours, len(closes)):
        recent = closes[t - hours + 1 : t + 1]
        spread = recent.std(axis=0)
        z = (closes[t] - recent.mean(axis=0)) / np.where(spread > 0.0, spread, 1.0)
        out[t] = np.where(np.abs(z) > FADE_FROM, -np.sign(z), 0.0)
    return out


def compare(closes: Floats, hours: int) -> Floats:
    """Return long what outran the mean of all coins, short what fell behind it."""
    out = np.zeros_like(closes)
    moved = np.log(closes[hours:] / closes[:-hours])
    out[hours:] = np.sign(moved - moved.mean(axis=1, keepdims=True))
    return out


RULES: tuple[tuple[str, Callable[[Floats, int], Floats], int], ...] = (
    ("follow 12", follow, 12),
    ("follow 48", follow, 48),
    ("breakout 24", breakout, 24),
    ("breakout 96", breakout, 96),
    ("fade 24", fade, 24),
    ("fade 96", fade, 96),
    ("compare 24", compare, 24),
    ("compare 168", compare, 168),
)


def daily(start_ms: int, closes: Floats) -> tuple[Floats, NDArray[np.bool_], Ints]:
    """Return (results, active, changes of position) by whole UTC day and rule.

    `closes` is (hours, coins) of consecutive hours; the first one opened at `start_ms`. Raises
    ValueError when there are too few or one is not positive.
    """
    if len(closes) < 2 * VOL_HOURS or not (closes > 0.0).all():
        raise ValueError(f"needs {2 * VOL_HOURS} positive closes")
    returns = np.zeros_like(closes)
    returns[1:] = np.diff(np.log(closes), axis=0)
    total = np.cumsum(returns * returns, axis=0)
    vol = np.full_like(closes, np.nan)
    vol[VOL_HOURS:] = np.sqrt((total[VOL_HOURS:] - total[:-VOL_HOURS]) / VOL_HOURS * HOURS)
    # Whole days from the first on which every rule has what it needs.
    skip = VOL_HOURS + 1
    skip += (-(start_ms // HOUR_MS + skip)) % HOURS
    days = (len(closes) - skip) // HOURS
    span = slice(skip, skip + days * HOURS)
    results = np.empty((days, len(RULES)))
    changes = np.empty((days, len(RULES)), dtype=np.int64)
    for k, (_, rule, hours) in enumerate(RULES):
        held = np.zeros_like(closes)
        held[1:] = rule(closes, hours)[:-1]
        turned = np.abs(np.diff(held, axis=0, prepend=held[:1]))
        risk = np.where(vol > 0.0, vol, np.inf)
        risk[1:] = risk[:-1].copy()
        earned = (held * returns - turned * FEE) / risk
        results[:, k] = earned[span].sum(axis=1).reshape(days, HOURS).sum(axis=1)
        changes[:, k] = (turned[span] > 0.0).sum(axis=1).reshape(days, HOURS).sum(axis=1)
    return results, np.ones(results.shape, dtype=bool), changes
