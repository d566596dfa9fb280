"""Regimes of the synthetic market: calm, ranging, trending, gapping, crashing.

The common factor and every coin take turns by themselves, a stretch of hours at a time; of the two
the graver one rules a coin's book and its takers, while both move its price. Turns begin anew at
every midnight (UTC), so a day needs no other day.

    calm      little moves, tight and deep books, mostly noise
    ranging   three tenths of a stretch's net move are taken back within it; contrarians trade
    trending  a drift of a few hundredths of the volatility, up or down; followers trade
    gapping   the price jumps between two cells, either way, and nobody knew
    crashing  a fast fall with high variance, wide and thin books, sellers who follow the fall,
              open interest flushed; at an unknown moment it turns and some of it comes back

Drifts are small against the variance, and turns end when they like: that is what keeps them from
paying a taker's fees (tests/venue/local/test_stylised.py tries).
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from msgspec import Struct

from quant.sums import sum_in_order
from venue.local.market.dice import Floats
from venue.local.market.grid import HOURS, STEPS, STEPS_PER_HOUR

# Who takes: the order of the shares in `Regime.takers`.
NOISE, MOMENTUM, CONTRARIAN, INFORMED = range(4)


class Regime(Struct, frozen=True):
    """One regime. Multiples are against a usual hour of the coin.

    `hours` bounds a stretch; `drift` is in volatilities a step, `back` the share of the stretch's
    net move that is taken back, `gaps` their number an hour; `takers` the shares of noise,
    momentum, contrarian and informed orders; `flush` the log change of open interest in an hour,
    `premium` where the perpetual is pushed, as a fraction.
    """

    name: str
    odds: float
    hours: tuple[float, float]
    vol: float
    drift: tuple[float, float] = (0.0, 0.0)
    back: float = 0.0
    gaps: float = 0.0
    spread: float = 1.0
    depth: float = 1.0
    orders: float = 1.0
    takers: tuple[float, float, float, float] = (0.45, 0.15, 0.15, 0.25)
    flush: float = 0.0
    premium: float = 0.0


# From the mildest to the gravest.
REGIMES = (
    Regime("calm", 0.45, (1.5, 5.0), 0.65, orders=0.8, takers=(0.55, 0.1, 0.1, 0.25)),
    Regime("ranging", 0.22, (2.0, 5.0), 0.9, back=0.3, depth=0.9, takers=(0.4, 0.08, 0.27, 0.25)),
    Regime(
        "trending",
        0.22,
        (1.0, 4.0),
        1.1,
        drift=(0.015, 0.045),
        orders=1.3,
        takers=(0.37, 0.3, 0.08, 0.25),
        flush=0.01,
    ),
    Regime("gapping", 0.05, (0.7, 2.0), 1.5, gaps=1.6, spread=1.5, depth=0.7, orders=1.4),
    Regime(
        "crashing",
        0.06,
        (0.4, 1.2),
        2.4,
        drift=(0.06, 0.12),
        spread=2.2,
        depth=0.45,
        orders=2.5,
        takers=(0.25, 0.4, 0.1, 0.25),
        flush=-0.08,
        premium=-2e-4,
    ),
)
CALM, RANGING, TRENDING, GAPPING, CRASHING = range(len(REGIMES))

# When a crash turns, as a share of its stretch, and how much of its speed comes back.
CRASH_TURNS = (0.35, 0.75)
CRASH_BACK = 0.35
# The size of a gap as a share of the daily volatility.
GAP_SIZE = (0.03, 0.25)

Ints = npt.NDArray[np.int64]

_FIELDS = {
    name: np.array([getattr(regime, name) for regime in REGIMES])
    for name in ("vol", "back", "gaps", "spread", "depth", "orders", "flush", "premium")
}
_ODDS = np.cumsum([r.odds for r in REGIMES])
_HOURS = np.array([r.hours for r in REGIMES])
_DRIFTS = np.array([r.drift for r in REGIMES])


class Turns(Struct, frozen=True):
    """Regimes of one series over one day, a value for every step.

    `kind` indexes REGIMES, `stretch` numbers the stretches, `drift` is in volatilities a step.
    """

    kind: Ints
    stretch: Ints
    drift: Floats

    def column(self, name: str) -> Floats:
        """Return what the regimes' field says of every step."""
        return column(self.kind, name)


def column(kind: Ints, name: str) -> Floats:
    """Return a field of the regime that rules each step."""
    return _FIELDS[name][kind]


def _vol_scale() -> float:
    """Return what makes the mean square of the regimes' volatilities 1."""
    spent = [r.odds * sum_in_order(r.hours) for r in REGIMES]
    squares = [share * r.vol**2 for share, r in zip(spent, REGIMES, strict=True)]
    return float((sum_in_order(spent) / sum_in_order(squares)) ** 0.5)


VOL_SCALE = _vol_scale()


def turns_of(rng: np.random.Generator) -> Turns:
    """Return the turns of one day."""
    # The shortest stretch bounds how many a day can hold.
    count = int(HOURS / np.min(_HOURS)) + 1
    kinds = np.searchsorted(_ODDS, rng.random(count) * _ODDS[-1])
    hours = rng.uniform(*_HOURS[kinds].T)
    drifts = rng.uniform(*_DRIFTS[kinds].T)
    falls = kinds == CRASHING
    drifts *= np.where(falls, -1.0, rng.choice((-1.0, 1.0), count))
    turning = rng.uniform(*CRASH_TURNS, count)
    ends = np.cumsum(hours * STEPS_PER_HOUR)
    step = np.arange(STEPS)
    stretch = np.searchsorted(ends, step, side="right")
    done = 1.0 - (ends[stretch] - step) / (hours[stretch] * STEPS_PER_HOUR)
    turned = falls[stretch] & (done > turning[stretch])
    drift = drifts[stretch] * np.where(turned, -CRASH_BACK, 1.0)
    return Turns(kinds[stretch], stretch, drift)


def gaps_of(turns: Turns, rng: np.random.Generator, daily_vol: float) -> list[tuple[int, float]]:
    """Return the day's gaps: the step within which each falls, and its size in log price."""
    odds = turns.column("gaps") / STEPS_PER_HOUR
    steps = np.flatnonzero(rng.random(STEPS) < odds)
    sizes = daily_vol * rng.uniform(*GAP_SIZE, len(steps)) * rng.choice((-1.0, 1.0), len(steps))
    return list(zip(steps.tolist(), sizes.tolist(), strict=True))
