"""Money as integer micro-USDC (`_e6`): every rounding in the project happens in this file.

Each level's price × size, each fee and each funding hour is rounded half-even exactly once, so
net = gross − fees − funding holds to the micro-dollar whatever the order of summation.
"""

from __future__ import annotations

from decimal import ROUND_HALF_EVEN, Decimal

# No amount of a trade is more than ten billion USD: beyond it arithmetic saturates, or a price gone
# mad would leave the 64 bits that rows and databases have.
MOST_E6 = 10**16
E8 = 10**8
E12 = 10**12


def divide_half_even(numerator: int, denominator: int) -> int:
    """Return numerator / denominator (> 0) as an integer, ties going to the even neighbour."""
    quotient, remainder = divmod(numerator, denominator)
    twice = 2 * remainder
    if twice > denominator or (twice == denominator and quotient & 1):
        quotient += 1
    return quotient


def bps_to_e8(bps: float) -> int:
    """Return a rate given in basis points as an integer in 1e-8 units: 4.5 bps is 45000."""
    return round(bps * 10_000)


def fee_e6(notional_e6: int, rate_e8: int) -> int:
    """Return the fee in micro-USDC on a notional; negative rates are rebates."""
    return divide_half_even(notional_e6 * rate_e8, E8)


def decimal_of(px: float) -> Decimal:
    """Return the decimal number that a price string stood for before it was parsed."""
    return Decimal(repr(px))


def ticks_of(px: float, sz_decimals: int) -> int | None:
    """Return what a lot costs in micro-USDC, None at a price at which that is no whole number."""
    scaled = px * 10.0 ** (6 - sz_decimals)
    ticks = round(scaled)
    return ticks if abs(scaled - ticks) < 1e-6 else None


def notional_e6(px: float, lots: int, sz_decimals: int) -> int:
    """Return |px × size| in micro-USDC.

    A price that obeys the venue's rule has at most 6 − szDecimals decimals, so px × size is a
    whole number of micro-dollars and the integer path is exact; anything else is rounded once.
    """
    ticks = ticks_of(px, sz_decimals)
    if ticks is not None:
        return ticks * lots
    exact = decimal_of(px) * (10 ** (6 - sz_decimals)) * lots
    return int(exact.to_integral_value(ROUND_HALF_EVEN))


def bearable_e6(amount_e6: int) -> int:
    """Return an amount as it is, or the most that one trade may hold."""
    return max(-MOST_E6, min(amount_e6, MOST_E6))


def funding_e6(side: int, oracle_px: float, lots: int, sz_decimals: int, rate: float) -> int:
    """Return one hour's funding in micro-USDC, positive when the position pays.

    Venue rule: payment = szi × oracle price × hourly rate; longs (`side` +1) pay a positive rate.
    """
    size = Decimal(lots).scaleb(-sz_decimals)
    payment = side * decimal_of(oracle_px) * size * decimal_of(rate) * 1_000_000
    return int(payment.to_integral_value(ROUND_HALF_EVEN))


def format_usd(amount_e6: int) -> str:
    """Return an amount for a person: `-1,234.56`."""
    return f"{amount_e6 / 1e6:,.2f}"
