"""Instruments: the venue's tick, lot and minimum rules.

Source: Hyperliquid documentation, "Tick and lot size" and "Error responses". A price is valid
when it is an integer, or has at most five significant figures and at most 6 − szDecimals
decimals. A size has at most szDecimals decimals. An order is worth at least 10 USDC.
"""

from __future__ import annotations

from collections.abc import Iterable
from decimal import ROUND_CEILING, ROUND_FLOOR, ROUND_HALF_EVEN, Decimal

from msgspec import Struct

from market.money import decimal_of

MIN_NOTIONAL_E6 = 10_000_000
MAX_DECIMALS = 6
SIGNIFICANT_FIGURES = 5
NAME_MAX = 64
LEVERAGE_MAX = 1000

_ROUNDING = {-1: ROUND_FLOOR, 0: ROUND_HALF_EVEN, 1: ROUND_CEILING}


class Instrument(Struct, frozen=True, gc=False):
    """One perpetual: `index` is its asset id, `sz_decimals` the decimals of a size."""

    coin: str
    index: int
    sz_decimals: int
    max_leverage: int
    is_delisted: bool = False

    @property
    def px_decimals(self) -> int:
        """Return how many decimals a price may have."""
        return MAX_DECIMALS - self.sz_decimals

    def size(self, lots: int) -> float:
        """Return lots in base units of the coin."""
        return float(lots / 10**self.sz_decimals)

    def lots(self, size: float) -> int:
        """Return the whole lots in a size in base units, rounding down."""
        scaled = size * 10**self.sz_decimals
        # A decimal size times a power of ten is off by up to one part in 2^52.
        return int(scaled + max(1e-9, scaled * 4e-16))

    def lots_for(self, notional_e6: float, px: float) -> int:
        """Return the whole lots that a notional in micro-USDC buys at a price, rounding down."""
        return self.lots(notional_e6 / 1e6 / px)

    def is_valid_px(self, px: Decimal) -> bool:
        """Say whether the venue would take this order price."""
        if not px.is_finite() or px <= 0:
            return False
        if px == px.to_integral_value():
            return True
        digits, exponent = px.normalize().as_tuple()[1:]
        assert isinstance(exponent, int)
        return len(digits) <= SIGNIFICANT_FIGURES and -exponent <= self.px_decimals

    def round_px(self, px: float, toward: int = 0) -> Decimal:
        """Return the valid price nearest to `px` (`toward` 0), at or below (-1), at or above (+1).

        Raises ValueError when rounding down leaves nothing above zero.
        """
        exact = decimal_of(px)
        integer_digits = exact.adjusted() + 1
        decimals = min(self.px_decimals, max(0, SIGNIFICANT_FIGURES - integer_digits))
        rounded = exact.quantize(Decimal(1).scaleb(-decimals), rounding=_ROUNDING[toward])
        if rounded <= 0:
            raise ValueError(f"{self.coin}: {px!r} rounds to no valid price")
        return rounded

    def format_size(self, lots: int) -> str:
        """Return a size as the venue signs it: no exponent, no trailing zeros."""
        return format_decimal(Decimal(lots).scaleb(-self.sz_decimals))


def format_decimal(value: Decimal) -> str:
    """Return a decimal without exponent or trailing zeros, the way orders are signed."""
    text = f"{value:f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


def instruments_from_meta(universe: Iterable[dict[str, object]]) -> dict[str, Instrument]:
    """Return instruments by coin from the `universe` rows of a `meta` reply.

    Rows that lack a name or a usable szDecimals are skipped: testnet's metadata holds junk rows,
    and one of them must not keep the daemon from starting. The asset id is the row's position.
    """
    out: dict[str, Instrument] = {}
    for index, row in enumerate(universe):
        name, decimals = row.get("name"), row.get("szDecimals")
        if not isinstance(name, str) or not 0 < len(name) <= NAME_MAX:
            continue
        # JSON's true would pass for a one, and be no number where it is read back.
        if not isinstance(decimals, int) or isinstance(decimals, bool):
            continue
        if not 0 <= decimals <= MAX_DECIMALS:
            continue
        out[name] = Instrument(
            coin=name,
            index=index,
            sz_decimals=decimals,
            max_leverage=_leverage(row.get("maxLeverage")),
            is_delisted=row.get("isDelisted") is True,
        )
    return out


def _leverage(given: object) -> int:
    """Return a leverage that is a number one could mean, 1 in the place of any other."""
    known = isinstance(given, int) and not isinstance(given, bool) and 1 <= given <= LEVERAGE_MAX
    return given if known and isinstance(given, int) else 1
