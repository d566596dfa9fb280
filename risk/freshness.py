"""Freshness limit: is the book alive, in order, two-sided and up to date?

Age is judged per stream against its learned cadence, with a hard cap, because an open socket
proves nothing: a book was once frozen for hours behind a healthy connection. Lag is judged
against the venue's own time, because a stream can be busy and minutes behind.
"""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta, Struct

from market.coin import Coin
from market.decision import Check, Mode, Proposal
from market.desk import DeskView
from market.events import NS_PER_MS
from risk.filter import Filter

Milliseconds = Annotated[float, Meta(gt=0.0, le=600_000.0)]


class Settings(Struct, frozen=True, forbid_unknown_fields=True):
    """`cadences` is how many learned intervals of silence are borne, between `age_ms_min` and caps.

    The floor keeps a burst of frames from being learned as a promise.
    """

    cadences: Annotated[float, Meta(ge=1.0, le=20.0)] = 3.0
    age_ms_min: Milliseconds = 1_000.0
    fast_age_ms_max: Milliseconds = 1_500.0
    slow_age_ms_max: Milliseconds = 6_500.0
    bbo_age_ms_max: Milliseconds = 6_500.0
    lag_ms_max: Milliseconds = 2_000.0


class Freshness(Filter[Settings]):
    """The staleness gate."""

    name = "freshness"
    asks = "is the book fresh, whole, uncrossed and close to the venue's time?"
    rank = 20
    settings_type = Settings

    def __init__(self, settings: Settings, mode: Mode) -> None:
        super().__init__(settings, mode)
        self._caps_ms = {
            "fast": settings.fast_age_ms_max,
            "slow": settings.slow_age_ms_max,
            "bbo": settings.bbo_age_ms_max,
        }

    def age_and_limit(self, coin: Coin, now_ns: int) -> tuple[float, float] | None:
        """Return (age, limit) in ms of the stream that proves this coin's book alive."""
        pulse = coin.streams.pulse()
        if pulse is None:
            return None
        name, cadence = pulse
        s = self.settings
        learned = max(s.age_ms_min, s.cadences * cadence.peak_ns / NS_PER_MS)
        limit = min(self._caps_ms[name], learned)
        return cadence.age_ns(now_ns) / NS_PER_MS, limit

    def check(self, proposal: Proposal, view: DeskView) -> Check:
        """Refuse a stale, lagging, crossed or one-sided book; no_data without any."""
        coin = view.coins[proposal.coin]
        book = coin.book
        found = self.age_and_limit(coin, view.now_ns)
        if found is None:
            return self.no_data("no book stream has shown its cadence yet")
        age, limit = found
        if age > limit:
            return self.failed(age, limit, f"book is {age:.0f} ms old, limit {limit:.0f}")
        if not book.ok:
            return self.failed(age, limit, "book is crossed, one-sided or not yet back")
        lag, lag_max = coin.venue_lag_ms, self.settings.lag_ms_max
        if lag > lag_max:
            return self.failed(
                lag, lag_max, f"venue time is {lag:.0f} ms behind, limit {lag_max:.0f}"
            )
        return self.passed(age, limit)
