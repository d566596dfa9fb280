"""Valid prices, and the nearest valid price."""

from __future__ import annotations

import math

from market.instrument import Instrument
from venue.local.market.ticks import tick_of


def is_valid(px: int, instrument: Instrument) -> bool:
    """Say whether a price in units obeys the tick rule."""
    return px % tick_of(px, instrument.px_decimals) == 0


def valid_px(px: float, instrument: Instrument, toward: int) -> int:
    """Return the valid price at or above (+1) or at or below (-1) a price, at least one tick."""
    whole = max(math.ceil(px) if toward > 0 else math.floor(px), 1)
    tick = tick_of(whole, instrument.px_decimals)
    found = -(-whole // tick) * tick if toward > 0 else whole // tick * tick
    return max(found, 1)
