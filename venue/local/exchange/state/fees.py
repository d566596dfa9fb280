"""Trading fees and their tiers.

Source: Hyperliquid documentation, "Fees". Rates are millionths of the notional, so a basis point
is 100. The tier follows the volume of the last 14 whole UTC days and changes at the end of a day.
"""

from __future__ import annotations

from msgspec import Struct

from market.events import MS_PER_DAY
from venue.local.exchange.state.decimals import halved

DAYS = 14
RATE_SCALE = 1_000_000
BUILDER_SCALE = 100_000
BUILDER_TENTHS_MAX = 100

USD_E6 = 1_000_000
# Volume in USD from which the tier applies, taker and maker in millionths.
VIP = (
    (0, 450, 150),
    (5_000_000, 400, 120),
    (25_000_000, 350, 80),
    (100_000_000, 300, 40),
    (500_000_000, 280, 0),
    (2_000_000_000, 260, 0),
    (7_000_000_000, 240, 0),
)
# Share of the venue's maker volume above which a maker is paid, in millionths.
REBATES = ((0.03, -30), (0.015, -20), (0.005, -10))


class Rates(Struct, frozen=True):
    """Fee rates of an account, in millionths of the notional; negative is a rebate."""

    taker: int = VIP[0][1]
    maker: int = VIP[0][2]


class Volume(Struct):
    """Volume of one account on one UTC day, in micro-USDC."""

    taker_e6: int = 0
    maker_e6: int = 0


def rates_of(taker_e6: int, maker_e6: int, venue_usd: int) -> Rates:
    """Return the rates that 14 days of volume earn."""
    total = taker_e6 + maker_e6
    taker, maker = VIP[0][1:]
    for floor_usd, taker_rate, maker_rate in VIP[1:]:
        if total > floor_usd * USD_E6:
            taker, maker = taker_rate, maker_rate
    for share, rebate in REBATES:
        if maker_e6 > share * venue_usd * USD_E6:
            return Rates(taker, rebate)
    return Rates(taker, maker)


def fee_e6(notional_e6: int, rate: int) -> int:
    """Return a fee, cut to whole micro-USDC as in recorded fills."""
    return notional_e6 * rate // RATE_SCALE


def builder_fee_e6(notional_e6: int, tenths_bp: int) -> int:
    """Return what a builder earns."""
    return halved(notional_e6 * tenths_bp, BUILDER_SCALE)


class Ledger:
    """Volumes of one account, and the rates earned by the last day's end."""

    def __init__(self) -> None:
        self.rates = Rates()
        self.total_e6 = 0
        self.days: dict[int, Volume] = {}
        self._day = 0

    def add(self, notional_e6: int, *, is_taker: bool, now_ms: int) -> None:
        """Count a fill."""
        self.total_e6 += notional_e6
        volume = self.days.setdefault(now_ms // MS_PER_DAY, Volume())
        if is_taker:
            volume.taker_e6 += notional_e6
        else:
            volume.maker_e6 += notional_e6

    def assess(self, now_ms: int, venue_usd: int) -> None:
        """Set the rates anew when a day has ended."""
        today = now_ms // MS_PER_DAY
        if today == self._day:
            return
        self._day = today
        for day in [d for d in self.days if d < today - DAYS - 1]:
            del self.days[day]
        past = [v for d, v in self.days.items() if today - DAYS <= d < today]
        taker, maker = sum(v.taker_e6 for v in past), sum(v.maker_e6 for v in past)
        self.rates = rates_of(taker, maker, venue_usd)
