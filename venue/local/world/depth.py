"""The order book around the touch.

A level is a function of its own price and a slow clock, so an order book keeps its levels while the
touch walks over it, and any moment can be asked for without those before it. Levels lie one or a
few ticks apart; sizes are lognormal, tilted at the top by the imbalance of the
cell, and thinner where variance is high or the regime has it so.

Invariant: prices obey the venue's rule, fall strictly for bids and rise strictly for asks, and
sizes are whole positive lots.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice

from venue.local.market.dice import GAPS, SIZES, TABLE_BITS, TABLE_MASK
from venue.local.market.grid import STEP_MS, block_start
from venue.local.market.levels import Level, Levels, bucket_of, grouped
from venue.local.market.ticks import tick_of
from venue.local.world.coins import Profile
from venue.local.world.day import DEPTH_SCALE, LEAN_SCALE, Day

LEVEL_MS = 6_000
STAGGER_MS = 8_191
ORDERS_MAX = 60
# Size of each level beside the touch, and how much of the imbalance it shows.
SHAPE = (1.0, *(0.3 + 0.04 * depth for depth in range(1, 20)))
SHAPE_BEYOND = 1.2
TILT = (1.0, 0.8, 0.6, 0.4, 0.2)
# Deeper than this no aggregated book is looked for.
WALK_MAX = 3_000

_PX_MIX = 2_654_435_761
_CLOCK_MIX = 2_246_822_519
_GAP_MIX = 3_266_489_917
_DRAW_SHIFT = 32 - TABLE_BITS


class Depth:
    """The resting orders of one coin; sizes follow its profile."""

    def __init__(self, profile: Profile) -> None:
        self._decimals = profile.instrument.px_decimals
        self._touch_ms = profile.touch_ms
        self._salt = profile.salt
        usd_per_lot = profile.base_px * profile.instrument.size(1)
        self._lots = profile.touch_usd / usd_per_lot

    def book(self, day: Day, ms: int, depth: int) -> tuple[Levels, Levels]:
        """Return bids and asks, best first, in the block that is current at `ms` of the day."""
        ms = block_start(ms)
        bid, ask, tick, lean = day.touch(ms)
        tilt = lean / LEAN_SCALE
        lots = self._lots * day.depth[ms // STEP_MS] / DEPTH_SCALE
        bids = list(islice(self._walk(bid, -tick, tilt, ms, lots), depth))
        asks = list(islice(self._walk(ask, self._tick_up(day, ask), -tilt, ms, lots), depth))
        return bids, asks

    def grouped(
        self, day: Day, ms: int, depth: int, *, figures: int, mantissa: int
    ) -> tuple[Levels, Levels]:
        """Return the book added up into coarser prices, at most `depth` of them a side."""
        ms = block_start(ms)
        bid, ask, tick, lean = day.touch(ms)
        tilt = lean / LEAN_SCALE
        lots = self._lots * day.depth[ms // STEP_MS] / DEPTH_SCALE
        down = islice(self._walk(bid, -tick, tilt, ms, lots), WALK_MAX)
        up = islice(self._walk(ask, self._tick_up(day, ask), -tilt, ms, lots), WALK_MAX)
        step = bucket_of(ask, self._decimals, figures=figures, mantissa=mantissa)
        return grouped(down, step, depth), grouped(up, step, depth, up=True)

    def _tick_up(self, day: Day, ask: int) -> int:
        return day.tick or tick_of(ask, self._decimals)

    def _walk(self, touch: int, step: int, tilt: float, ms: int, lots: float) -> Iterator[Level]:
        edge = 10 ** len(str(touch))
        salt = self._salt if step < 0 else self._salt + 1
        px = touch
        clock = ms // self._touch_ms
        index = 0
        while px > 0:
            draw = (px * _PX_MIX + clock * _CLOCK_MIX + salt >> _DRAW_SHIFT) & TABLE_MASK
            size = SIZES[draw]
            share = SHAPE[index] if index < len(SHAPE) else SHAPE_BEYOND
            if index < len(TILT):
                share *= 1.0 + TILT[index] * tilt
            orders = 1 + int(2.0 * size)
            yield px, 1 + int(lots * share * size), min(orders, ORDERS_MAX)
            index += 1
            px += step * GAPS[(px * _GAP_MIX + salt >> _DRAW_SHIFT) & TABLE_MASK]
            if px >= edge:
                # From a power of ten on only coarser prices are valid.
                px = edge
                step = tick_of(edge, self._decimals)
                edge *= 10
            clock = (ms + (px * _GAP_MIX & STAGGER_MS)) // LEVEL_MS
