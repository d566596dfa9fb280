"""Order flow: a Hawkes process of takers on a given path.

Orders are a Hawkes process, made by its clusters: strangers arrive, more of them where the path
moves and as the regime has it, and each order calls forth others within seconds. Each taker is of
a kind. Noise buys and sells in moods that mean nothing; momentum follows the last minute,
contrarians fade the last five; the informed look ahead, seconds and half a minute, but never see a
gap. A family mostly keeps the side that it began with, as one who works a large order does. So flow
says something about the next seconds, but not much. An order prints one or more fills at the touch.

Invariant: prints are sorted by time, lie on block times, and the day's first minute holds one.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from msgspec import Struct

from market.events import MS_PER_DAY, MS_PER_MINUTE
from quant.hawkes import Cluster, grow
from venue.local.market.dice import Floats, Singles, decaying, generator
from venue.local.market.grid import BLOCK_MS, STEP_CELLS, STEP_MS, STEPS, cells_at
from venue.local.world.coins import Profile
from venue.local.world.regimes import CONTRARIAN, INFORMED, MOMENTUM, REGIMES, column

Ints = npt.NDArray[np.int64]

FILLS_PER_ORDER = 1.6
# Children of an order, and how soon they come.
BRANCHING = 0.55
CHILDREN_PER_MS = 1.0 / 1_500.0
FAMILY_SIDE = 0.75
FILL_SIGMA = 1.9
LOTS_MAX = 2**31 - 1
BLOCKS = MS_PER_DAY // BLOCK_MS
# How far ahead the sides look, in cells, and by how much each horizon tilts the odds.
AHEAD_CELLS = (5, 50)
AHEAD_TILT = (0.40, 0.20)
AHEAD_HELD = (1, 5)
# What each kind makes of what it sees, as a tilt of the odds, and how large it trades.
MOOD_TILT = 0.5
MOMENTUM_CELLS, MOMENTUM_TILT = 100, 0.5
CONTRARIAN_CELLS, CONTRARIAN_TILT = 500, -0.5
INFORMED_TILT = 1.5
TAKER_SIZE = (0.8, 1.2, 1.0, 1.4)
MOOD_HALF_LIFE = 2.0
MEMORY = 64

# Who takes, by the regime and a random byte.
_TAKERS = np.stack(
    [np.searchsorted(np.cumsum(r.takers)[:-1], np.arange(256) / 256.0, "right") for r in REGIMES]
).astype(np.int8)
_SIZES = np.array(TAKER_SIZE, dtype=np.float32)


class Scene(Struct, frozen=True):
    """A day as the takers see it, and what drives them.

    `cells` are log prices, `sigma` the volatility of each step, `moves` the sizes of the steps in
    units of their usual one, `tilts` those of `tilts_of`, `regime` rules each step.
    """

    cells: Singles
    sigma: Floats
    moves: Floats
    tilts: Singles
    regime: Ints


class Prints(Struct, frozen=True):
    """One day's prints as columns: ms of the day, +1 buy or -1 sell, lots."""

    ms: Ints
    side: npt.NDArray[np.int8]
    lots: Ints
    cell: Ints
    """The cell in force at each print."""
    taker: npt.NDArray[np.int8]
    """The kind of taker, by its place in `Regime.takers`."""


class Minutes(Struct, frozen=True):
    """Bars of consecutive minutes: prices in units, volume in lots, notional in USD."""

    open: npt.NDArray[np.int32]
    high: npt.NDArray[np.int32]
    low: npt.NDArray[np.int32]
    close: npt.NDArray[np.int32]
    lots: Ints
    count: npt.NDArray[np.int32]
    notional: Floats


def prints_of(seed: int, profile: Profile, day: int, scene: Scene, *, px: float) -> Prints:
    """Return the day's prints; `px` is a price in USD to size by."""
    rng = generator(seed, profile.instrument.coin, "prints", day)
    weight = (0.5 + 0.6 * np.minimum(scene.moves, 4.0)) * column(scene.regime, "orders")
    grown = _arrivals(rng, profile.prints_per_s / FILLS_PER_ORDER, weight)
    ms = np.minimum((grown.times / BLOCK_MS).astype(np.int64), BLOCKS - 1) * BLOCK_MS
    cell = cells_at(ms, profile.salt)
    byte = rng.integers(0, 256, len(ms), dtype=np.uint8)
    taker = _TAKERS[scene.regime[cell // STEP_CELLS], byte]
    side = _sides(rng, scene, cell, taker, grown.root)
    fills = rng.geometric(1.0 / FILLS_PER_ORDER, len(ms))
    total = int(np.sum(fills))
    median = profile.print_usd / px * 10**profile.instrument.sz_decimals
    taker = np.repeat(taker, fills)
    lots = median * np.exp(FILL_SIGMA * rng.standard_normal(total, dtype=np.float32))
    lots *= _SIZES[taker]
    return Prints(
        np.repeat(ms, fills),
        np.repeat(side, fills),
        np.clip(lots, 1.0, LOTS_MAX).astype(np.int64),
        np.repeat(cell, fills),
        taker,
    )


def _arrivals(rng: np.random.Generator, orders_per_s: float, weight: Floats) -> Cluster:
    """Return the day's orders in ms; strangers come by the weight of the step."""
    usual = orders_per_s * STEP_MS / 1000.0 * (1.0 - BRANCHING)
    strangers = rng.poisson(usual * weight)
    # The first stranger stands for the print that the first minute must have.
    strangers[0] = max(strangers[0], 1)
    ms = np.repeat(np.arange(STEPS) * float(STEP_MS), strangers)
    ms += rng.random(len(ms)) * STEP_MS
    return grow(ms, branching=BRANCHING, beta=CHILDREN_PER_MS, horizon=float(MS_PER_DAY), rng=rng)


def _sides(
    rng: np.random.Generator, scene: Scene, cell: Ints, taker: npt.NDArray[np.int8], root: Ints
) -> npt.NDArray[np.int8]:
    """Return +1 for buyers and -1 for sellers; `root` tells families apart."""
    # Written backwards, so that of a family the first order stays.
    first = np.empty(int(root.max()) + 1, dtype=np.int64)
    first[root[::-1]] = np.arange(len(root) - 1, -1, -1)
    kept = rng.random(len(cell), dtype=np.float32) < FAMILY_SIDE
    kept[first] = False
    asked = np.flatnonzero(~kept)
    tilt = np.clip(_tilts(rng, scene, cell[asked], taker[asked]), -0.96, 0.96)
    buys = rng.random(len(asked), dtype=np.float32) < 0.5 + 0.5 * tilt
    side = np.empty(len(cell), dtype=np.int8)
    side[asked] = 2 * buys.astype(np.int8) - 1
    followers = np.flatnonzero(kept)
    side[followers] = side[first[root[followers]]]
    return side


def _tilts(
    rng: np.random.Generator, scene: Scene, cell: Ints, taker: npt.NDArray[np.int8]
) -> Floats:
    """Return how far what a taker of its kind sees makes it a buyer."""
    mood = decaying(rng.standard_normal(STEPS + MEMORY - 1), MOOD_HALF_LIFE, MEMORY)
    tilt = MOOD_TILT * mood[cell // STEP_CELLS]
    for kind, back, weight in (
        (MOMENTUM, MOMENTUM_CELLS, MOMENTUM_TILT),
        (CONTRARIAN, CONTRARIAN_CELLS, CONTRARIAN_TILT),
    ):
        who = np.flatnonzero(taker == kind)
        at = cell[who]
        past = scene.cells[at] - scene.cells[np.maximum(at - back, 0)]
        usual = scene.sigma[at // STEP_CELLS] * (back / STEP_CELLS) ** 0.5
        tilt[who] = weight * past / usual
    who = np.flatnonzero(taker == INFORMED)
    tilt[who] = INFORMED_TILT * scene.tilts[cell[who]]
    return tilt


def tilts_of(cells: Singles, sigma: Singles) -> Singles:
    """Return how far the coming move tilts the odds at every cell, within ±0.6.

    `sigma` is the volatility of each step. A look far ahead serves for a few cells.
    """
    tilts = np.zeros_like(cells)
    for ahead, weight, held in zip(AHEAD_CELLS, AHEAD_TILT, AHEAD_HELD, strict=True):
        move = cells[ahead::held] - cells[:-ahead:held]
        usual = np.repeat(sigma * np.float32((ahead / STEP_CELLS) ** 0.5), STEP_CELLS // held)
        move /= usual[: len(move)]
        np.clip(move, -1.0, 1.0, out=move)
        move *= np.float32(weight)
        tilts.reshape(-1, held)[: len(move)] += move[:, None]
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
    for prices in (px[starts], np.maximum.reduceat(px, starts), np.minimum.reduceat(px, starts)):
        bar = close.copy()
        bar[full] = prices
        bars.append(bar)
    volume = np.zeros(len(count), dtype=np.int64)
    volume[full] = np.add.reduceat(lots, starts)
    notional = np.zeros(len(count))
    notional[full] = np.add.reduceat(px * lots * scale, starts)
    return Minutes(bars[0], bars[1], bars[2], close, volume, count.astype(np.int32), notional)
