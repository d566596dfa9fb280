"""Prices and sizes in whole units, and as text on the wire.

Inside the local venue a price is an integer number of 10^-pxDecimals USD and a size an integer
number of lots. So rounding happens once, and sums are exact. The venue's rule, five significant
figures and no finer than a unit, makes the tick depend on how many digits a price has.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from market.instrument import SIGNIFICANT_FIGURES

RATE_DECIMALS = 10
POWERS: npt.NDArray[np.int64] = 10 ** np.arange(1, 18, dtype=np.int64)


def tick_of(units: int, decimals: int) -> int:
    """Return the tick, in units, at a price in units of 10^-decimals USD."""
    spare = len(str(units)) - SIGNIFICANT_FIGURES
    return 10 ** min(decimals, spare) if spare > 0 else 1


def ticks_of(units: npt.NDArray[np.int64], decimals: int) -> npt.NDArray[np.int64]:
    """Return the tick at each price, as `tick_of` does."""
    digits = np.searchsorted(POWERS, units, side="right") + 1
    spare = np.clip(digits - SIGNIFICANT_FIGURES, 0, decimals)
    return np.asarray(10**spare, dtype=np.int64)


def text_of(units: int, decimals: int) -> str:
    """Return units of 10^-decimals as the venue writes numbers: `105055.0`, `0.00012`."""
    scale = 10**decimals
    if units * 10_000 >= scale:
        # From 1e-4 on repr() needs no exponent, and it is the shortest exact text.
        return repr(units / scale)
    sign = "-" if units < 0 else ""
    whole, rest = divmod(abs(units), scale)
    fraction = f"{rest:0{decimals}d}".rstrip("0") if decimals else ""
    return f"{sign}{whole}.{fraction or '0'}"


def units_of(text: str, decimals: int) -> int:
    """Return the units in a decimal number as text; raises ValueError when it is none."""
    return round(float(text) * 10.0**decimals)


def rate_text(value: float, decimals: int = RATE_DECIMALS) -> str:
    """Return a number rounded to `decimals`, without exponent or needless zeros."""
    whole, _, fraction = f"{value:.{decimals}f}".partition(".")
    fraction = fraction.rstrip("0") or "0"
    return "0.0" if (whole, fraction) == ("-0", "0") else f"{whole}.{fraction}"
