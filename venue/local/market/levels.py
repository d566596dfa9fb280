"""Levels of a book: rounding to buckets, grouping, impact price."""

from __future__ import annotations

from collections.abc import Iterable

from venue.local.market.ticks import tick_of

# One level: price in units, size in lots, number of orders.
Level = tuple[int, int, int]


Levels = list[Level]


def bucket_of(units: int, decimals: int, *, figures: int, mantissa: int) -> int:
    """Return the width in units of a price bucket of so many significant figures."""
    width: int = mantissa * 10 ** max(len(str(units)) - figures, 0)
    return max(width, tick_of(units, decimals))


def grouped(levels: Iterable[Level], step: int, depth: int, *, up: bool = False) -> Levels:
    """Return levels added up into buckets: bids rounded down, asks (`up`) rounded up."""
    out: Levels = []
    for px, lots, orders in levels:
        bucket = -(-px // step) * step if up else px // step * step
        if out and out[-1][0] == bucket:
            _, before, seen = out[-1]
            out[-1] = (bucket, before + lots, seen + orders)
        elif len(out) == depth:
            break
        elif bucket > 0:
            out.append((bucket, lots, orders))
    return out


def impact_px(levels: Levels, notional: float, scale: float) -> float:
    """Return the average price in units of taking a USD notional from the levels.

    `scale` turns units times lots into USD. What the levels lack is taken at the last of them.
    """
    left = notional / scale
    taken = 0.0
    last = levels[-1][0]
    for px, lots, _ in levels:
        worth = min(left, float(px * lots))
        taken += worth / px
        left -= worth
        if left <= 0.0:
            break
    taken += left / last
    return notional / scale / taken
