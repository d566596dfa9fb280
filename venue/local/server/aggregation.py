"""Aggregation of the fills of one crossing order.

Source: Hyperliquid documentation, `aggregateByTime`: partial fills are combined when a crossing
order is filled by several resting ones; those of a resting order only within one block.
"""

from __future__ import annotations

from collections.abc import Iterable
from decimal import Decimal

from venue.local.market.contract import Row

_SUMS = ("closedPnl", "fee", "builderFee")


def aggregated(rows: Iterable[Row]) -> list[Row]:
    """Return rows of fills with those of one order and moment combined, in the order of the first.

    Size, profit and fees add up, the price is the mean weighted by size; the position before is
    that of the first.
    """
    groups: dict[tuple[int, int, bool], list[Row]] = {}
    for row in rows:
        groups.setdefault((row["oid"], row["time"], row["crossed"]), []).append(row)
    return [_combined(group) for group in groups.values()]


def _combined(group: list[Row]) -> Row:
    first = group[0]
    if len(group) == 1:
        return first
    size = sum((Decimal(row["sz"]) for row in group), Decimal(0))
    paid = sum((Decimal(row["px"]) * Decimal(row["sz"]) for row in group), Decimal(0))
    out = {**first, "sz": _text(size), "px": _text(round(paid / size, 8))}
    for name in _SUMS:
        if name in first:
            out[name] = _text(sum((Decimal(row.get(name, "0")) for row in group), Decimal(0)))
    return out


def _text(value: Decimal) -> str:
    text = f"{value:f}"
    text = text.rstrip("0") if "." in text else text + "."
    return text + "0" if text.endswith(".") else text
