"""Conversion between decimal strings and exact integers.

Invariant: money, prices and sizes are exact integers between the two.
"""

from __future__ import annotations

from functools import lru_cache

from venue.local.market.ticks import text_of

LENGTH_MAX = 40
USD_DECIMALS = 6
TOO_FINE = -1


@lru_cache(maxsize=65_536)
def read(text: str, decimals: int) -> int | None:
    """Return a non-negative decimal in units of 10^-decimals.

    TOO_FINE for one that is no whole number of units, None for what is no such number.
    """
    if len(text) > LENGTH_MAX or not text.isascii():
        return None
    whole, _, fraction = text.partition(".")
    if not (whole or fraction) or not (whole + fraction).isdigit():
        return None
    if len(fraction) > decimals:
        if fraction[decimals:].strip("0"):
            return TOO_FINE
        fraction = fraction[:decimals]
    return int(whole + fraction.ljust(decimals, "0") or "0")


@lru_cache(maxsize=65_536)
def text(units: int, decimals: int) -> str:
    """Return units of 10^-decimals as the venue writes them."""
    if abs(units) < 1 << 53:
        return text_of(units, decimals)
    whole, rest = divmod(abs(units), 10**decimals)
    fraction = f"{rest:0{decimals}d}".rstrip("0") if decimals else ""
    return f"{'-' if units < 0 else ''}{whole}.{fraction or '0'}"


def usd(e6: int) -> str:
    """Return micro-USDC as USD."""
    return text(e6, USD_DECIMALS)


def halved(numerator: int, denominator: int) -> int:
    """Return the quotient rounded half to even; the denominator is positive."""
    quotient, rest = divmod(numerator, denominator)
    twice = 2 * rest
    if twice > denominator or (twice == denominator and quotient & 1):
        return quotient + 1
    return quotient
