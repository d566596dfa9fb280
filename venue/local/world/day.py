"""One coin on one UTC day: its touch, prints and premium.

A `Day` holds all that is asked of the present: the touch of every cell, the prints, the premium. A
`Record`, much smaller, is what later days still ask of it: minute bars and hourly premia.

Invariant: bid and ask of every cell obey the venue's price rule and bid < ask.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from msgspec import Struct

from market.events import MS_PER_HOUR
from venue.local.market.dice import Floats, Singles, generator
from venue.local.market.grid import (
    CELLS,
    HOURS,
    STEP_CELLS,
    STEP_MS,
    STEPS,
    STEPS_PER_HOUR,
    cell_at,
)
from venue.local.market.ticks import POWERS, tick_of, ticks_of
from venue.local.world.coins import Profile
from venue.local.world.flow import Ints, Minutes, Scene, minutes_of, prints_of, tilts_of
from venue.local.world.makers import QUOTE_CELLS, depth_of, quotes_of
from venue.local.world.path import Walk, cells_of, open_gaps
from venue.local.world.premium import at_steps, hourly, impact_premium, premium_knots, pushed
from venue.local.world.regimes import column

SPREAD_TICKS_MAX = 200
LEAN_SCALE = 127.0
DEPTH_SCALE = 100.0
# The imbalance's noise holds for so many cells, and sums so many draws.
LEAN_CELLS = 3
LEAN_NOISE_LENGTH = 4
LEAN_NOISE = 0.42
LEAN_KNOWLEDGE = 0.6
LEAN_INVENTORY = 0.05
WHITE_SIGMA = 73.9
OPEN_INTEREST_SIGMA = 0.06


class Record(Struct, frozen=True):
    """Record of a day: its bars, and the mean premium of each of its hours."""

    minutes: Minutes
    premium: Floats


class Day(Struct, frozen=True):
    """One coin's day. Prices are in units, times in ms of the day.

    The columns are memoryviews, because a plain number is read from them twice as fast as from an
    array. `lean` is the book's imbalance in 1/127, `depth` each step's depth in percent of the
    usual. `tick` is 0 on the rare day on which it changes. `premium` and `open_interest` (base
    units) stand at the knots; `paid` is the running sum over knots of the premium that counts for
    funding.
    """

    salt: int
    tick: int
    px_decimals: int
    bid: memoryview[int]
    spread: memoryview[int]
    lean: memoryview[int]
    depth: memoryview[int]
    print_ms: memoryview[int]
    print_px: memoryview[int]
    print_lots: memoryview[int]
    print_side: memoryview[int]
    premium: memoryview[float]
    open_interest: memoryview[float]
    paid: memoryview[float]
    record: Record

    def touch(self, ms: int) -> tuple[int, int, int, int]:
        """Return bid, ask, tick and lean in force at a time of the day."""
        return self.touch_of(cell_at(ms, self.salt))

    def touch_of(self, cell: int) -> tuple[int, int, int, int]:
        """Return bid, ask, tick and lean of a cell."""
        bid = self.bid[cell]
        tick = self.tick or tick_of(bid, self.px_decimals)
        return bid, bid + self.spread[cell] * tick, tick, self.lean[cell]

    def mid(self, ms: int, cells: int = 1) -> float:
        """Return the mean mid in units over the last `cells` cells of today."""
        last = cell_at(ms, self.salt)
        first = max(last - cells + 1, 0)
        total = 0
        for cell in range(first, last + 1):
            bid, ask, _, _ = self.touch_of(cell)
            total += bid + ask
        return total / (2 * (last + 1 - first))

    def at_knots(self, series: memoryview[float], ms: int) -> float:
        """Return the value between two knots, on the straight line."""
        index, rest = divmod(ms, STEP_MS)
        return series[index] + (series[index + 1] - series[index]) * rest / STEP_MS

    def mean_premium(self, ms: int) -> float:
        """Return the mean of the hour's premia up to now."""
        last = ms // STEP_MS
        first = ms // MS_PER_HOUR * MS_PER_HOUR // STEP_MS
        return (self.paid[last + 1] - self.paid[first]) / (last + 1 - first)


def build_day(
    seed: int,
    profile: Profile,
    day: int,
    *,
    start_px: float,
    own: Walk,
    factor: Walk,
    factor_cells: Singles,
) -> Day:
    """Return a coin's day from its own walk and the common factor's, and the latter's lagged cells.

    `start_px` is the fair price in USD at the day's start.
    """
    instrument = profile.instrument
    sigma = np.hypot(own.sigma, profile.beta * factor.sigma)
    usual = profile.daily_vol / STEPS**0.5
    regime = (
        np.maximum(own.turns.kind, factor.turns.kind) if profile.lag_cells else factor.turns.kind
    )
    fair = own.moves + profile.beta * factor.moves
    knots = premium_knots(seed, profile, day) + pushed(fair / usual, column(regime, "premium"))
    cells = cells_of(own, knots)
    cells += np.float32(profile.beta) * factor_cells
    tilts = tilts_of(cells, sigma.astype(np.float32))
    open_gaps(cells, own)
    open_gaps(cells, factor, profile.beta)
    moves = np.abs(np.diff(cells[::STEP_CELLS], append=cells[-1:])) / usual
    prints = prints_of(seed, profile, day, Scene(cells, sigma, moves, tilts, regime), px=start_px)
    variance = (sigma / usual) ** 2
    quotes = quotes_of(
        seed, profile, day, prints, variance=variance, spread=column(regime, "spread"), px=start_px
    )
    decimals = instrument.px_decimals
    np.exp(cells, out=cells)
    cells *= np.float32(start_px * 10**decimals)
    mid = _quoted(cells, quotes.skew)
    bid, spread, tick = touches(mid, quotes.spread * mid[::QUOTE_CELLS], decimals)
    px = bid[prints.cell].astype(np.int64)
    steps = tick or ticks_of(px, decimals)
    wide = spread[prints.cell].astype(np.int64)
    px = np.where(prints.side > 0, px + wide * steps, px)
    scale = 10.0 ** -(decimals + instrument.sz_decimals)
    minutes = minutes_of(prints.ms, px, prints.lots, scale=scale)
    paid = impact_premium(knots, profile.half_impact)[:-1]
    depth = DEPTH_SCALE * depth_of(variance, column(regime, "depth"))
    return Day(
        salt=profile.salt,
        tick=tick,
        px_decimals=decimals,
        bid=bid.data,
        spread=spread.data,
        lean=_leans(seed, profile, day, tilts, quotes.inventory).data,
        depth=np.clip(depth, 1.0, 255.0).astype(np.uint8).data,
        print_ms=prints.ms.astype(np.int32).data,
        print_px=px.astype(np.int32).data,
        print_lots=prints.lots.astype(np.int32).data,
        print_side=prints.side.data,
        premium=_readable(knots),
        open_interest=_readable(_open_interest(seed, profile, day, regime)),
        paid=_readable(np.concatenate(([0.0], np.cumsum(paid)))),
        record=Record(minutes, paid.reshape(HOURS, STEPS // HOURS).mean(axis=1)),
    )


def _quoted(mid: Singles, skew: Singles) -> Singles:
    """Return the mid that makers quote around, their inventories being as they are."""
    rows = mid.reshape(-1, QUOTE_CELLS)
    rows += rows * skew[:, None]
    return rows.reshape(-1)


def _open_interest(seed: int, profile: Profile, day: int, regime: Ints) -> Floats:
    """Return open interest in base units at the knots: a slow swing, and what the regimes do.

    What a crash flushes is rebuilt by midnight.
    """
    swing = OPEN_INTEREST_SIGMA * hourly(seed, profile.instrument.coin, "open interest", day)
    done = np.concatenate(([0.0], np.cumsum(column(regime, "flush")) / STEPS_PER_HOUR))
    done -= done[-1] * np.arange(STEPS + 1) / STEPS
    held = profile.open_interest_usd / profile.base_px
    return np.asarray(held * np.exp(at_steps(swing) + done))


def _readable(series: Floats) -> memoryview[float]:
    return series.data.cast("B").cast("d")


def touches(
    mid: Singles, spread: Singles, decimals: int
) -> tuple[npt.NDArray[np.int32], npt.NDArray[np.uint8], int]:
    """Return bids in units, spreads in ticks, and the tick or 0 where it is not the same all day.

    `mid` and the wanted `spread` are in units; a spread may hold for several cells.
    """
    cells = len(mid) // len(spread)
    lowest, highest = 0.999 * float(mid.min() - spread.max()), 1.001 * float(mid.max())
    tick = tick_of(max(int(lowest), 1), decimals)
    if tick == tick_of(int(highest), decimals):
        wide = np.clip(np.rint(spread / np.float32(tick)), 1, SPREAD_TICKS_MAX)
        inner = np.repeat(np.float32(0.5) * (wide - 1), cells)
        bids = np.floor(mid / np.float32(tick) - inner).astype(np.int32)
        return bids * np.int32(tick), np.repeat(wide.astype(np.uint8), cells), tick
    spread = np.repeat(spread, cells)
    by_mid = ticks_of(mid.astype(np.int64), decimals)
    ticks = np.clip(np.rint(spread / by_mid), 1, SPREAD_TICKS_MAX)
    bid = (np.floor(mid / by_mid - (ticks - 1) / 2) * by_mid).astype(np.int64)
    # Below a power of ten the tick is finer than above it, so an ask beyond one need not be valid.
    by_bid = ticks_of(bid, decimals)
    ticks = np.clip(np.rint(spread / by_bid), 1, SPREAD_TICKS_MAX)
    room = (_next_power(bid) - bid) // by_bid
    return bid.astype(np.int32), np.minimum(ticks.astype(np.int64), room).astype(np.uint8), 0


def _next_power(units: Ints) -> Ints:
    return POWERS[np.searchsorted(POWERS, units, side="right")]


def _leans(
    seed: int, profile: Profile, day: int, tilts: Singles, inventory: Singles
) -> npt.NDArray[np.int8]:
    """Return the imbalance of every cell: a little knowledge of the coming move, what makers
    who are short would rather buy than sell, and noise."""
    rng = generator(seed, profile.instrument.coin, "lean", day)
    white = rng.integers(-128, 128, CELLS // LEAN_CELLS + LEAN_NOISE_LENGTH, dtype=np.int8)
    summed = np.cumsum(white, dtype=np.int32)
    noise = (summed[LEAN_NOISE_LENGTH:] - summed[:-LEAN_NOISE_LENGTH]).astype(np.float32)
    noise *= np.float32(LEAN_NOISE / (WHITE_SIGMA * LEAN_NOISE_LENGTH**0.5))
    noise -= np.float32(LEAN_INVENTORY) * np.repeat(inventory, QUOTE_CELLS // LEAN_CELLS)
    lean = np.repeat(noise, LEAN_CELLS)
    lean += np.float32(LEAN_KNOWLEDGE) * tilts
    np.clip(lean, -0.95, 0.95, out=lean)
    lean *= np.float32(LEAN_SCALE)
    return lean.astype(np.int8)
