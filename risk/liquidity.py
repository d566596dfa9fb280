"""Liquidity limit: spread, and the expected impact of this size on the visible book.

During a burst of order flow the book that is seen is gone before an order reaches it, so the
impact expected of it widens with the surge. That is an estimate for this limit and for sizing;
what a trade is filled at is never touched by it.
"""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta, Struct

from market.coin import Coin
from market.decision import BUY, Check, Proposal
from market.desk import DeskView
from market.fills import impact_bps, touch_impact_bps
from risk.filter import Filter

Bps = Annotated[float, Meta(gt=0.0, le=1_000.0)]


class Settings(Struct, frozen=True, forbid_unknown_fields=True):
    """Both limits in basis points of the mid."""

    spread_bps_max: Bps = 10.0
    impact_bps_max: Bps = 8.0


def expected_impact_bps(proposal: Proposal, coin: Coin) -> float | None:
    """Return the impact of the whole size in bps of the mid; None when the book cannot hold it.

    A size that the best level holds needs no deeper one, and the levels need not be merged.
    """
    book, lots, buys = coin.book, proposal.lots, proposal.side == BUY
    best = book.best_ask() if buys else book.best_bid()
    if best is not None:
        impact = touch_impact_bps(best, lots, coin.instrument, book.mid)
        if impact is not None:
            return impact
    return impact_bps(book.asks() if buys else book.bids(), lots, coin.instrument, book.mid)


class Liquidity(Filter[Settings]):
    """The spread and expected-impact gate."""

    name = "liquidity"
    asks = "are the spread and the expected impact of this size small enough?"
    unit = "bp"
    rank = 30
    version = 2
    reads = "size"
    settings_type = Settings

    def check(self, proposal: Proposal, view: DeskView) -> Check:
        """Compare the spread, then the average price of walking the book, with their limits."""
        coin = view.coins[proposal.coin]
        book = coin.book
        if not book.ok:
            return self.no_data("no two-sided book")
        s = self.settings
        spread = book.spread_bps
        if spread > s.spread_bps_max:
            return self.failed(spread, s.spread_bps_max, f"spread is {spread:.1f} bps")
        impact = expected_impact_bps(proposal, coin)
        if impact is None:
            return self.failed(None, s.impact_bps_max, "the visible book does not hold this size")
        impact *= coin.arrivals.impact_scale()
        if impact > s.impact_bps_max:
            return self.failed(impact, s.impact_bps_max, f"expected impact is {impact:.1f} bps")
        return self.passed(impact, s.impact_bps_max)
