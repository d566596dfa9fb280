"""Drawdown limits: loss of the day and from the peak; whichever is broken latches entries.

On paper the day's latch opens by itself at 00:00 UTC: a desk that waits for a person after a bad
day measures nothing meanwhile. The peak's stays until the operator releases it, and with real money
the day's does too.
"""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta, Struct

from market.decision import Check, Proposal
from market.desk import DAILY, PEAK, Desk, DeskView
from risk.filter import Filter

BY_HAND = "`gnomon resume` releases it"
BY_ITSELF = "it opens by itself at 00:00 UTC"

Share = Annotated[float, Meta(gt=0.0, le=1.0)]


class Settings(Struct, frozen=True, forbid_unknown_fields=True):
    """Both limits as shares: of the equity at 00:00 UTC, and of the highest equity so far."""

    daily_loss_share_max: Share = 0.03
    peak_loss_share_max: Share = 0.10


class Drawdown(Filter[Settings]):
    """The loss limits."""

    name = "drawdown"
    version = 2
    asks = "is the desk within its daily and peak-to-trough loss limits?"
    unit = "share"
    rank = 80
    reads = "desk"
    settings_type = Settings

    def losses(self, desk: Desk) -> tuple[float, float]:
        """Return (daily, peak-to-trough) loss as shares, each at least 0."""
        return _loss(desk.equity_e6, desk.day_start_e6), _loss(desk.equity_e6, desk.peak_e6)

    def breach(self, view: DeskView) -> str:
        """Return which limit is broken and what releases it, or ""; the graver one first."""
        daily, peak = self.losses(view.desk)
        s = self.settings
        if peak >= s.peak_loss_share_max:
            return f"{PEAK} {peak:.2%} of {s.peak_loss_share_max:.2%}; {BY_HAND}"
        if daily >= s.daily_loss_share_max:
            by = BY_ITSELF if view.rearms else BY_HAND
            return f"{DAILY} {daily:.2%} of {s.daily_loss_share_max:.2%}; {by}"
        return ""

    def check(self, proposal: Proposal, view: DeskView) -> Check:
        """Refuse while latched or while a limit is broken."""
        daily, peak = self.losses(view.desk)
        s = self.settings
        reason = view.desk.latched or self.breach(view)
        worse_is_peak = peak / s.peak_loss_share_max > daily / s.daily_loss_share_max
        value = peak if worse_is_peak else daily
        threshold = s.peak_loss_share_max if worse_is_peak else s.daily_loss_share_max
        if reason:
            return self.failed(value, threshold, reason)
        return self.passed(value, threshold)


def _loss(equity_e6: int, from_e6: int) -> float:
    """Return the loss as a share; integers first, so that a loss of just the limit is that."""
    return max((from_e6 - equity_e6) / from_e6, 0.0) if from_e6 > 0 else 1.0
