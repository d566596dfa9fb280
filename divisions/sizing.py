"""Position sizing: weight × volatility target × conviction.

A position of this size moves the equity by `vol_target` × weight × conviction in a day of usual
volatility, whatever the coin. While order flow bursts, the impact of an order is expected to be
`impact_scale` times the usual, and the size shrinks by that. Caps are the gate's business: there
each cut is recorded and its remainder shadowed.
"""

from __future__ import annotations

from collections.abc import Mapping

from divisions.weights import combined
from market.coin import Coin


def sizing(
    coin: Coin,
    *,
    equity_e6: int,
    vol_target: float,
    division_weight: float,
    bot_weight: float,
    conviction: float,
) -> dict[str, float]:
    """Return every number a size is made of, with the `notional_usd` that they make.

    `vol_target` is the daily volatility of one full-conviction position as a share of equity.
    `weight` is the division's weight times the bot's, within the bounds of either.
    """
    weight = combined(division_weight, bot_weight)
    daily_vol = coin.daily_vol()
    impact_scale = coin.arrivals.impact_scale()
    equity_usd = max(equity_e6, 0) / 1e6
    return {
        "equity_usd": equity_usd,
        "vol_target": vol_target,
        "daily_vol": daily_vol,
        "division_weight": division_weight,
        "bot_weight": bot_weight,
        "weight": weight,
        "conviction": conviction,
        "impact_scale": impact_scale,
        "notional_usd": equity_usd * vol_target / daily_vol * weight * conviction / impact_scale,
    }


def lots_wanted(coin: Coin, numbers: Mapping[str, float]) -> int:
    """Return the size in lots; 0 when a lot or the equity is too small."""
    return coin.instrument.lots_for(numbers["notional_usd"] * 1e6, coin.book.mid)
