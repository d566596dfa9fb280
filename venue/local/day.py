"""What happened to one coin on one UTC day?

A `Day` holds all that is asked of the present: the touch of every cell, the prints, the premium. A
`Record`, much smaller, is what later days still ask of it: minute bars and hourly premia.

Invariant: bid and ask of every cell obey the venue's price rule and bid < ask.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from msgspec import Struct

from market.events import MS_PER_HOUR
from venue.local.coins import Profile
from venue.local.dice import Floats, Singles, generator
from venue.local.flow import Ints, Minutes, minutes_of, prints_of, tilts_of
from venue.local.grid import CELLS, HOURS, STEP_CELLS, STEP_MS, STEPS, cell_at
from venue.local.path import Walk, cells_of, walk
from venue.local.premium import at_steps, hourly, impact_premium, premium_knots
from venue.local.ticks import POWERS, tick_of, ticks_of

SPREAD_CELLS = 6
SPREAD_SIGMA = 0.55
SPREAD_TICKS_MAX = 200
LEAN_SCALE = 127.0
LEAN_NOISE_CELLS = 12
LEAN_NOISE = 0.42
LEAN_KNOWLEDGE = 0.6
WHITE_SIGMA = 73.9
OPEN_INTEREST_SIGMA = 0.06


class Record(Struct, frozen=True):
    """What stays of a day: its bars, and the mean premium of each of its hours."""

    minutes: Minutes
    premium: Floats


class Day(Struct, frozen=True):
    """One coin's day. Prices are in units, times in ms of the day.

    The columns are memoryviews, because a plain number is read from them twice as fast as from an
    array. `lean` is the book's imbalance in 1/127. `tick` is 0 on the rare day on which it changes.
    `premium` and `open_interest` (base units) stand at the knots; `paid` is the running sum over
    knots of the premium that counts for funding.
    """

    salt: int
    tick: int
    px_decimals: int
    bid: memoryview[int]
    spread: memoryview[int]
    lean: memoryview[int]
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


def factor_walk(seed: int, day: int, *, total: float, daily_vol: float) -> Walk:
    """Return the common factor's day, which every coin follows."""
    return walk(seed, "factor", day, total=total, daily_vol=daily_vol)


def build_day(
    seed: int,
    profile: Profile,
    day: int,
    *,
    start_px: float,
    own: Walk,
    factor: Singles,
    factor_sigma: Floats,
) -> Day:
    """Return a coin's day from its own walk and the (lagged) common factor.

    `start_px` is the fair price in USD at the day's start.
    """
    instrument = profile.instrument
    knots = premium_knots(seed, profile, day)
    cells = cells_of(own, knots)
    cells += np.float32(profile.beta) * factor
    sigma = np.hypot(own.sigma, profile.beta * factor_sigma)
    tilts = tilts_of(cells, sigma.astype(np.float32))
    moves = np.abs(np.diff(cells[::STEP_CELLS], append=cells[-1:])) / np.mean(sigma)
    decimals = instrument.px_decimals
    mid = np.exp(cells) * np.float32(start_px * 10**decimals)
    bid, spread, tick = touches(mid, _spreads(seed, profile, day) * mid, decimals)
    lean = _leans(seed, profile, day, tilts)
    prints = prints_of(seed, profile, day, moves=moves, tilts=tilts, px=start_px)
    px = bid[prints.cell]
    steps = tick or ticks_of(px, decimals)
    px = np.where(prints.side > 0, px + spread[prints.cell] * steps, px)
    scale = 10.0 ** -(decimals + instrument.sz_decimals)
    minutes = minutes_of(prints.ms, px, prints.lots, scale=scale)
    paid = impact_premium(knots, profile.half_impact)[:-1]
    held = profile.open_interest_usd / profile.base_px
    swing = OPEN_INTEREST_SIGMA * hourly(seed, instrument.coin, "open interest", day)
    return Day(
        salt=profile.salt,
        tick=tick,
        px_decimals=decimals,
        bid=bid.astype(np.int32).data,
        spread=spread.astype(np.uint8).data,
        lean=lean.data,
        print_ms=prints.ms.astype(np.int32).data,
        print_px=px.astype(np.int32).data,
        print_lots=prints.lots.astype(np.int32).data,
        print_side=prints.side.data,
        premium=_readable(knots),
        open_interest=_readable(held * np.exp(at_steps(swing))),
        paid=_readable(np.concatenate(([0.0], np.cumsum(paid)))),
        record=Record(minutes, paid.reshape(HOURS, STEPS // HOURS).mean(axis=1)),
    )


def _readable(series: Floats) -> memoryview[float]:
    return series.data.cast("B").cast("d")


def touches(mid: Singles, spread: Singles, decimals: int) -> tuple[Ints, Ints, int]:
    """Return bids in units, spreads in ticks, and the tick or 0 where it is not the same all day.

    `mid` and the wanted `spread` are in units.
    """
    lowest, highest = 0.999 * float(mid.min() - spread.max()), 1.001 * float(mid.max())
    tick = tick_of(max(int(lowest), 1), decimals)
    if tick == tick_of(int(highest), decimals):
        ticks = np.clip(np.rint(spread / np.float32(tick)), 1, SPREAD_TICKS_MAX)
        bid = np.floor(mid / np.float32(tick) - np.float32(0.5) * (ticks - 1))
        return bid.astype(np.int64) * tick, ticks.astype(np.int64), tick
    by_mid = ticks_of(mid.astype(np.int64), decimals)
    ticks = np.clip(np.rint(spread / by_mid), 1, SPREAD_TICKS_MAX)
    bid = (np.floor(mid / by_mid - (ticks - 1) / 2) * by_mid).astype(np.int64)
    # Below a power of ten the tick is finer than above it, so an ask beyond one need not be valid.
    by_bid = ticks_of(bid, decimals)
    ticks = np.clip(np.rint(spread / by_bid), 1, SPREAD_TICKS_MAX)
    room = (_next_power(bid) - bid) // by_bid
    return bid, np.minimum(ticks.astype(np.int64), room), 0


def _next_power(units: Ints) -> Ints:
    return POWERS[np.searchsorted(POWERS, units, side="right")]


def _spreads(seed: int, profile: Profile, day: int) -> Singles:
    """Return the wanted spread of every cell as a fraction of the mid."""
    rng = generator(seed, profile.instrument.coin, "spread", day)
    noise = rng.standard_normal(CELLS // SPREAD_CELLS, dtype=np.float32)
    wanted = np.exp(np.float32(SPREAD_SIGMA) * noise) * np.float32(profile.spread_bps / 1e4)
    return np.repeat(wanted, SPREAD_CELLS)


def _leans(seed: int, profile: Profile, day: int, tilts: Singles) -> npt.NDArray[np.int8]:
    """Return the imbalance of every cell: a little knowledge of the coming move, and noise."""
    rng = generator(seed, profile.instrument.coin, "lean", day)
    white = rng.integers(-128, 128, CELLS + LEAN_NOISE_CELLS, dtype=np.int8)
    summed = np.cumsum(white, dtype=np.int32)
    noise = (summed[LEAN_NOISE_CELLS:] - summed[:-LEAN_NOISE_CELLS]).astype(np.float32)
    lean = np.float32(LEAN_NOISE / (WHITE_SIGMA * LEAN_NOISE_CELLS**0.5)) * noise
    lean += np.float32(LEAN_KNOWLEDGE) * tilts
    return np.asarray(np.clip(lean, -0.95, 0.95) * LEAN_SCALE, dtype=np.float64).astype(np.int8)
