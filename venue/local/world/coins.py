"""Profiles of the coins: spread, depth, activity, volatility.

The numbers are orders of magnitude taken from recordings of September 2025 (BTC: spread 0.1 bps,
three prints a second; SOL: 0.5 bps, two prints a second), thinned so that fifty coins stay cheap.
A coin further down the list is thinner, wilder and wider. Nothing here depends on the seed.
"""

from __future__ import annotations

import math

from msgspec import Struct

from market.instrument import Instrument
from quant.avellaneda_stoikov import Maker, kappa_of
from quant.heston import Heston
from venue.local.market.dice import hash_of, share_of

FACTOR_DAILY_VOL = 0.025
# Variance as a multiple of its usual one, in days: half of a surprise is gone within four hours.
FACTOR_VARIANCE = Heston(v0=1.0, kappa=4.5, theta=1.0, sigma=2.6, rho=-0.35)

# Over what time makers want to be flat, and how much of their usual spread pays for that risk.
SECONDS_PER_DAY = 86_400.0
MAKER_DAYS = 60.0 / SECONDS_PER_DAY
RISK_SHARE = 0.3

BASE_PX = {
    "BTC": 105_000.0,
    "ETH": 3_600.0,
    "SOL": 165.0,
    "HYPE": 41.0,
    "DOGE": 0.19,
    "XRP": 2.4,
    "AVAX": 19.0,
    "LINK": 16.0,
    "SUI": 2.3,
    "BNB": 980.0,
    "kPEPE": 0.0062,
    "AAVE": 210.0,
    "LTC": 98.0,
    "ARB": 0.29,
    "WLFI": 0.15,
    "FARTCOIN": 0.31,
    "ADA": 0.58,
    "TRUMP": 7.6,
    "PUMP": 0.0043,
    "XPL": 0.29,
    "ASTER": 1.1,
    "TAO": 410.0,
    "NEAR": 2.6,
    "WLD": 0.77,
    "ONDO": 0.64,
    "TIA": 0.98,
    "INJ": 7.9,
    "OP": 0.41,
    "APT": 3.3,
    "kBONK": 0.0124,
    "WIF": 0.49,
    "JUP": 0.36,
    "PENGU": 0.0152,
    "VIRTUAL": 1.4,
    "HBAR": 0.17,
    "XLM": 0.28,
    "TON": 2.1,
    "ICP": 6.4,
    "FIL": 2.2,
    "ETC": 15.7,
    "LDO": 0.83,
    "PENDLE": 2.9,
    "ORDI": 4.6,
    "PAXG": 4_010.0,
    "MORPHO": 1.9,
    "SPX": 0.62,
    "S": 0.14,
    "IP": 4.4,
    "BERA": 1.6,
    "AERO": 0.97,
}

# Coins on which one side keeps paying: mean premium of the perpetual over the oracle.
LASTING_PREMIUM = {"BTC": 1e-4, "HYPE": 10e-4, "DOGE": 9e-4, "AVAX": -9.5e-4}


class Profile(Struct, frozen=True):
    """Profile of one coin.

    Volatilities and premia are fractions, `beta` is against the common factor, `lag_cells` says by
    how many cells the coin follows it. `variance` is that of its own wandering as a multiple of
    the mean, in days; `maker` quotes it, prices being fractions of the mid, inventories multiples
    of `touch_usd`. `touch_usd` and `print_usd` are median notionals at the
    touch and of one print. `salt` tells the coin's arithmetic chance from the others'.
    """

    instrument: Instrument
    base_px: float
    daily_vol: float
    beta: float
    lag_cells: int
    spread_bps: float
    touch_usd: float
    touch_ms: int
    prints_per_s: float
    print_usd: float
    premium_mean: float
    premium_vol: float
    open_interest_usd: float
    impact_usd: float
    variance: Heston
    maker: Maker
    salt: int

    @property
    def own_daily_vol(self) -> float:
        """Return the volatility that the common factor does not explain."""
        common = self.beta * FACTOR_DAILY_VOL
        return math.sqrt(max(self.daily_vol**2 - common**2, 0.0))

    @property
    def half_impact(self) -> float:
        """Return about how far impact prices lie from the mid, as a fraction of it."""
        return self.spread_bps / 2e4 * (1.0 + self.impact_usd / (4.0 * self.touch_usd))


def maker_of(*, spread: float, daily_vol: float, rate: float) -> Maker:
    """Return the maker who usually quotes that spread, a fraction, RISK_SHARE of it for risk."""
    gamma = RISK_SHARE * spread / (daily_vol**2 * MAKER_DAYS)
    return Maker(gamma, daily_vol, kappa_of((1.0 - RISK_SHARE) * spread, gamma), rate)


def profile_of(instrument: Instrument) -> Profile:
    """Return the character of a coin."""
    coin, rank = instrument.coin, instrument.index
    leads = rank == 0
    wild = share_of(coin, "wild")
    daily_vol = FACTOR_DAILY_VOL if leads else 0.04 + 0.0012 * min(rank, 20) + 0.016 * wild
    spread_bps = min(0.1 + 0.22 * rank, 4.0)
    prints_per_s = max(1.0 / (1.0 + 0.45 * rank), 0.06)
    mean = LASTING_PREMIUM.get(coin, 1.5e-4 * (2.0 * share_of(coin, "premium") - 1.0))
    return Profile(
        instrument=instrument,
        base_px=BASE_PX.get(coin, 1.0),
        daily_vol=daily_vol,
        beta=1.0 if leads else 0.9 + 0.5 * share_of(coin, "beta"),
        lag_cells=0 if leads else 2 + int(6 * share_of(coin, "lag")),
        spread_bps=spread_bps,
        touch_usd=max(400_000.0 / (1.0 + 1.2 * rank), 6_000.0),
        touch_ms=225 if rank < 4 else 450 + 75 * min(rank // 4, 10),
        prints_per_s=prints_per_s,
        print_usd=max(900.0 / (1.0 + 0.05 * rank), 250.0),
        premium_mean=mean,
        premium_vol=2.5e-4 if leads else 3e-4 + 1.5e-4 * wild,
        open_interest_usd=2.5e9 / (1.0 + rank) ** 1.2,
        impact_usd=20_000.0 if rank < 2 else 6_000.0,
        variance=Heston(
            v0=1.0,
            kappa=5.0 + 4.0 * share_of(coin, "kappa"),
            theta=1.0,
            sigma=2.6 + 1.0 * wild,
            rho=-0.25 + 0.3 * share_of(coin, "rho"),
        ),
        maker=maker_of(
            spread=spread_bps / 1e4, daily_vol=daily_vol, rate=prints_per_s * SECONDS_PER_DAY
        ),
        salt=hash_of(coin, "salt") % 1_000_003,
    )
