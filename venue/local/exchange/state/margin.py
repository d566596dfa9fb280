"""Margin: tables of tiers, initial margin, liquidation prices.

Source: Hyperliquid documentation, "Margin tiers" and "Liquidations". Maintenance margin is half
the initial margin at the highest leverage of the tier, with a deduction that makes it continuous.
Money is micro-USDC.
"""

from __future__ import annotations

from collections.abc import Iterable
from fractions import Fraction
from typing import Any

from msgspec import Struct

from market.instrument import Instrument
from venue.local.exchange.state.decimals import halved

MILLION_E6 = 10**12
SHARE_OF_NOTIONAL = 10  # withdrawals leave at least a tenth of the notional


class Tier(Struct, frozen=True):
    """Margin tier from a notional on: the highest leverage, and the deduction of maintenance."""

    lower_e6: int
    max_leverage: int
    deduction_e6: int = 0


class Table(Struct, frozen=True):
    """One margin table; ids below fifty are the venue's for a single tier of that leverage."""

    id: int
    description: str
    tiers: tuple[Tier, ...]

    def tier(self, notional_e6: int) -> Tier:
        """Return the tier of a notional."""
        found = self.tiers[0]
        for tier in self.tiers[1:]:
            if notional_e6 < tier.lower_e6:
                break
            found = tier
        return found

    def maintenance(self, notional_e6: int) -> int:
        """Return the maintenance margin of a notional."""
        tier = self.tier(notional_e6)
        return halved(notional_e6, 2 * tier.max_leverage) - tier.deduction_e6

    def row(self) -> list[Any]:
        """Return the table as `meta` shows it."""
        tiers = [
            {"lowerBound": f"{tier.lower_e6 // 10**6}.0", "maxLeverage": tier.max_leverage}
            for tier in self.tiers
        ]
        return [self.id, {"description": self.description, "marginTiers": tiers}]


def _table(number: int, description: str, *bounds: tuple[int, int]) -> Table:
    tiers: list[Tier] = []
    deduction = Fraction(0)
    for lower_e6, leverage in bounds:
        if tiers:
            step = Fraction(1, 2 * leverage) - Fraction(1, 2 * tiers[-1].max_leverage)
            deduction += lower_e6 * step
        tiers.append(Tier(lower_e6, leverage, round(deduction)))
    return Table(number, description, tuple(tiers))


# Of the coins whose tiers are known: table id, and from which notional on what leverage is left.
# A universe of another date may list another highest leverage; then half of it is left.
TIERED = {
    "BTC": (56, 150 * MILLION_E6, {40: 20}),
    "ETH": (55, 100 * MILLION_E6, {25: 15}),
    "SOL": (54, 70 * MILLION_E6, {20: 10}),
}


def table_of(instrument: Instrument) -> Table:
    """Return a coin's margin table."""
    most = max(instrument.max_leverage, 1)
    if instrument.coin not in TIERED:
        return _table(most, "", (0, most))
    number, bound_e6, known = TIERED[instrument.coin]
    less = known.get(most, max(most // 2, 1))
    return _table(number, f"tiered {most}x", (0, most), (bound_e6, less))


def tables_of(instruments: Iterable[Instrument]) -> list[list[Any]]:
    """Return the tables that instruments use, as `meta` shows them, by id."""
    used = {table.id: table for table in map(table_of, instruments)}
    return [used[number].row() for number in sorted(used)]


def initial(notional_e6: int, leverage: int) -> int:
    """Return the initial margin of a notional."""
    return halved(notional_e6, leverage)


def liquidation_px(
    table: Table, *, lots: int, mark: int, equity_e6: int, other_maintenance_e6: int = 0
) -> Fraction | None:
    """Return the mark in units at which equity equals maintenance margin, None if there is none.

    `lots` is signed. Equity is as of the mark and is all that may be lost; other positions keep
    their prices. Solves equity + lots·(p − mark) = |lots|·p·l − deduction + other for p, with l
    and the deduction of the tier in which the solution lies.
    """
    if not lots:
        return None
    size = abs(lots)
    answer: Fraction | None = None
    for tier in table.tiers:
        rate = Fraction(1, 2 * tier.max_leverage)
        owed = lots * mark - equity_e6 + other_maintenance_e6 - tier.deduction_e6
        px = Fraction(owed) / (lots - size * rate)
        answer = px
        if table.tier(int(px * size) if px > 0 else 0) is tier:
            break
    return answer if answer is not None and answer > 0 else None


def size_cap_e6(max_leverage: int, *, is_market: bool) -> int:
    """Return the largest notional of one order (documentation, "Contract specifications")."""
    millions = 30.0 if max_leverage >= 25 else 5.0 if max_leverage >= 20 else 2.0
    if max_leverage < 10:
        millions = 0.5
    return int(millions * MILLION_E6) * (1 if is_market else 10)
