"""From conviction to size: weight × volatility target × conviction.

A position of this size moves the equity by `vol_target` × weight × conviction in a day of usual
volatility, whatever the coin. Caps are the gate's business: there each cut is recorded and its
remainder shadowed.
"""

from __future__ import annotations

from market.coin import Coin


def lots_wanted(
    coin: Coin, *, equity_e6: int, vol_target: float, weight: float, conviction: float
) -> int:
    """Return the size asked for in lots; 0 when a lot or the equity is too small.

    `vol_target` is the daily volatility of one full-conviction position as a share of equity.
    """
    notional_e6 = max(equity_e6, 0) * vol_target / coin.daily_vol() * weight * conviction
    return coin.instrument.lots_for(notional_e6, coin.book.mid)
