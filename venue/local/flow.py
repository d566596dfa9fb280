"""Who trades, when and how much, on a path that is already drawn?

Orders arrive in bursts, more of them where the path moves; an order prints one or more fills at the
touch of its side. Buyers outnumber sellers a little before the price rises, and sides come in runs
that mean nothing: so flow says something about the next seconds, but not much.

Invariant: prints are sorted by time, lie on block times, and the day's first minute holds one.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from msgspec import Struct

from market.events import MS_PER_DAY, MS_PER_MINUTE
from venue.local.coins import Profile
from venue.local.dice import Floats, Singles, decaying, generator
from venue.local.grid import BLOCK_MS, STEP_CELLS, STEP_MS, STEPS, cells_at

Ints = npt.NDArray[np.int64]

FILLS_PER_ORDER = 1.6
BURST_SIGMA = 0.7
BURST_HALF_LIFE = 4.0
ECHO_ODDS = 0.4
ECHO_MS = 900.0
FILL_SIGMA = 1.9
LOTS_MAX = 2**31 - 1
# How far ahead the sides look, in cells, and by how much each horizon tilts the odds.
AHEAD_CELLS = (5, 50)
AHEAD_TILT = (0.40, 0.20)
MOOD_TILT = 0.55
MOOD_HALF_LIFE = 2.0
MEMORY = 64


class Prints(Struct, frozen=True):
    """One day's prints as columns: ms of the day, +1 buy or -1 sell, lots."""

    ms: Ints
    side: npt.NDArray[np.int8]
    lots: Ints
    cell: Ints
    """The cell in force at each print."""


class Minutes(Struct, frozen=True):
    """Bars of consecutive minutes: prices in units, volume in lots, notional in USD."""

    open: npt.NDArray[np.int32]
    high: npt.NDArray[np.int32]
    low: npt.NDArray[np.int32]
    close: npt.NDArray[np.int32]
    lots: Ints
    count: npt.NDArray[np.int32]
    notional: Floats


def prints_of(
    seed: int,
    profile: Profile,
    day: int,
    *,
    moves: Floats,
    tilts: Singles,
    px: float,
) -> Prints:
    """Return the day's prints.

    `moves` are the sizes of the steps in units of their usual one, `tilts` those of `tilts_of`,
    `px` is a price in USD to size by.
    """
    coin = profile.instrument.coin
    rng = generator(seed, coin, "prints", day)
    memory = rng.standard_normal((2, STEPS + MEMORY - 1))
    burst = np.exp(BURST_SIGMA * decaying(memory[0], BURST_HALF_LIFE, MEMORY))
    weight = (0.5 + 0.6 * np.minimum(moves, 4.0)) * burst
    rate = profile.prints_per_s * STEP_MS / 1000.0 / FILLS_PER_ORDER
    orders = rng.poisson(rate * weight / np.mean(weight))
    orders[0] = max(orders[0], 1)
    ms = _arrivals(rng, orders)
    cell = cells_at(ms, profile.salt)
    mood = decaying(memory[1], MOOD_HALF_LIFE, MEMORY)[cell // STEP_CELLS]
    tilt = MOOD_TILT * np.clip(mood, -1.5, 1.5) + tilts[cell]
    buys = rng.random(len(ms)) < 0.5 + 0.5 * np.clip(tilt, -0.96, 0.96)
    fills = rng.geometric(1.0 / FILLS_PER_ORDER, len(ms))
    side = np.where(buys, 1, -1).astype(np.int8)
    total = int(np.sum(fills))
    median = profile.print_usd / px * 10**profile.instrument.sz_decimals
    lots = median * np.exp(FILL_SIGMA * rng.standard_normal(total, dtype=np.float32))
    return Prints(
        np.repeat(ms, fills),
        np.repeat(side, fills),
        np.clip(lots, 1.0, LOTS_MAX).astype(np.int64),
        np.repeat(cell, fills),
    )


def _arrivals(rng: np.random.Generator, orders: npt.NDArray[np.int64]) -> Ints:
    ms = np.repeat(np.arange(STEPS) * STEP_MS, orders) + rng.integers(0, STEP_MS, int(orders.sum()))
    echoes = np.flatnonzero(rng.random(len(ms)) < ECHO_ODDS)
    # The first order answers nobody: it stands for the print that the first minute must have.
    echoes = echoes[echoes > 0]
    ms[echoes] = ms[echoes - 1] + rng.exponential(ECHO_MS, len(echoes)).astype(np.int64)
    ms.sort()
    blocks = np.minimum(ms, MS_PER_DAY - 1) // BLOCK_MS
    return np.asarray(blocks * BLOCK_MS)


def tilts_of(cells: Singles, sigma: Singles) -> Singles:
    """Return how far the coming move tilts the odds at every cell, within ±0.6.

    `sigma` is the volatility of each step.
    """
    cell_sigma = np.repeat(sigma, STEP_CELLS)
    cell_sigma /= np.float32(STEP_CELLS**0.5)
    tilts = np.zeros_like(cells)
    for ahead, weight in zip(AHEAD_CELLS, AHEAD_TILT, strict=True):
        move = cells[ahead:] - cells[:-ahead]
        move /= cell_sigma[:-ahead]
        move *= np.float32(ahead**-0.5)
        np.clip(move, -1.0, 1.0, out=move)
        tilts[:-ahead] += np.float32(weight) * move
    return tilts


def minutes_of(ms: Ints, px: Ints, lots: Ints, *, scale: float) -> Minutes:
    """Return the day's 1440 bars of its prints; `scale` turns units times lots into USD.

    A minute without prints repeats the last close, as the venue's candles do.
    """
    edges = np.searchsorted(ms, np.arange(0, MS_PER_DAY + 1, MS_PER_MINUTE))
    count = np.diff(edges)
    full = np.flatnonzero(count)
    starts = edges[full]
    # Index of the last minute with prints, for each minute; the first minute always has some.
    source = np.maximum.accumulate(np.where(count > 0, np.arange(len(count)), 0))
    close = np.zeros(len(count), dtype=np.int32)
    close[full] = px[edges[full + 1] - 1]
    close = close[source]
    bars = []
    for column in (px[starts], np.maximum.reduceat(px, starts), np.minimum.reduceat(px, starts)):
        bar = close.copy()
        bar[full] = column
        bars.append(bar)
    volume = np.zeros(len(count), dtype=np.int64)
    volume[full] = np.add.reduceat(lots, starts)
    notional = np.zeros(len(count))
    notional[full] = np.add.reduceat(px * lots * scale, starts)
    return Minutes(bars[0], bars[1], bars[2], close, volume, count.astype(np.int32), notional)
