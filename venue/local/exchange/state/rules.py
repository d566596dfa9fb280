"""Rules of the venue that are switches, because sources disagree or say nothing.

Numbers that every source agrees on stand beside the code that needs them.
"""

from __future__ import annotations

from msgspec import Struct


class Rules(Struct, frozen=True):
    """Rules of the exchange. Bands are fractions, volumes whole USD, times ms.

    The defaults are the venue's, but the volume gate of scheduleCancel is off, so that a fresh
    account can use it.
    """

    batch_weight_max: int = 200
    # As in a recorded reply; older reports say 0.80.
    reference_band: float = 0.95
    oracle_band: float = 9.0
    min_notional_e6: int = 10_000_000

    schedule_cancel_volume_usd: int = 0
    schedule_cancel_ahead_ms: int = 5_000
    schedule_cancel_firings_max: int = 10

    # Unknown: whether a cloid that an open order bears may be used again.
    duplicate_cloid_refused: bool = True
    open_orders_max: int = 1_000
    open_orders_most: int = 5_000
    open_order_per_usd: int = 5_000_000
    orders_kept: int = 2_000
    fills_kept: int = 10_000
    requests_free: int = 10_000

    oi_capped: frozenset[str] = frozenset()
    oi_too_fast: frozenset[str] = frozenset()

    partial_liquidation_usd: int = 100_000
    partial_liquidation_share: float = 0.2
    liquidation_pause_ms: int = 30_000

    # The volume of the whole venue over 14 days, of which a maker's share earns a rebate.
    venue_volume_usd: int = 100_000_000_000
    # A tape holds no settlements: so long after the hour the running rate is charged instead.
    funding_wait_ms: int = 5_000

    # How the crowd's book heals from what accounts took, and how deep it is looked into.
    heal_half_life_ms: int = 3_000
    crowd_depth: int = 20
