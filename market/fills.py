"""The fill model: what an order would have got from a visible book.

One model serves paper trades, twins and phantoms, so a report compares decisions and never
simulators. An order reaches the venue `latency_ns` after it was decided, then walks the levels
it finds; what the levels cannot give stays unfilled. Hidden liquidity, queue position and our
own impact on later books are not modelled: sizes are meant to be small beside the book.
"""

from __future__ import annotations

from msgspec import Struct

from market.events import Level
from market.instrument import Instrument
from market.money import bps_to_e8, fee_e6, notional_e6


class FillModel(Struct, frozen=True, gc=False):
    """The assumptions: latency in nanoseconds, fees in 1e-8 of notional."""

    latency_ns: int
    taker_e8: int
    maker_e8: int

    @classmethod
    def of(cls, *, latency_ms: float, taker_bps: float, maker_bps: float) -> FillModel:
        """Return the model from the units a configuration uses."""
        return cls(round(latency_ms * 1e6), bps_to_e8(taker_bps), bps_to_e8(maker_bps))


class Fill(Struct, frozen=True, gc=False):
    """What one walk of the book gave; `px` is the average, `lots` may be 0."""

    lots: int
    px: float
    notional_e6: int
    fee_e6: int
    levels: int


NO_FILL = Fill(0, 0.0, 0, 0, 0)


def walk(
    levels: list[Level],
    lots: int,
    instrument: Instrument,
    *,
    fee_rate_e8: int,
    skip_lots: int = 0,
) -> Fill:
    """Take `lots` from `levels` in order, after the first `skip_lots` that someone else took."""
    remaining = lots
    skip = skip_lots
    total_e6 = 0
    touched = 0
    decimals = instrument.sz_decimals
    for level in levels:
        available = instrument.lots(level.sz)
        if skip:
            taken = min(skip, available)
            skip -= taken
            available -= taken
        if available <= 0:
            continue
        take = min(remaining, available)
        total_e6 += notional_e6(level.px, take, decimals)
        touched += 1
        remaining -= take
        if not remaining:
            break
    filled = lots - remaining
    if not filled:
        return NO_FILL
    px = total_e6 / 1e6 / instrument.size(filled)
    return Fill(filled, px, total_e6, fee_e6(total_e6, fee_rate_e8), touched)


def impact_bps(levels: list[Level], lots: int, instrument: Instrument, mid: float) -> float | None:
    """Return how far, in bps of the mid, the average price of `lots` would be from the mid.

    0.0 for no lots at all, None when the visible levels do not hold that much.
    """
    if lots <= 0:
        return 0.0
    fill = walk(levels, lots, instrument, fee_rate_e8=0)
    if fill.lots < lots:
        return None
    return abs(fill.px - mid) / mid * 1e4
