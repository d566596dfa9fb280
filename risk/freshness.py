"""Freshness limit: is the book alive, in order, two-sided and up to date?

Age is judged per stream against its learned cadence, with a cap, because an open socket proves
nothing: a book was once frozen for hours behind a healthy connection. The kinds of book make one
book, so the freshest of them answers for it. Lag is judged against the venue's own time, because a
stream can be busy and minutes behind; while the two clocks disagree nothing can be said.
"""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta, Struct

from market.cadence import Cadence
from market.coin import Coin
from market.decision import Check, Mode, Proposal
from market.desk import DeskView
from market.events import NS_PER_MS
from risk.filter import Filter

# A periodic stream whose usual gap is longer than its cap allows lifts the cap to this many of
# them: the venue has changed its cadence before. Beyond the limit no quote is fresh.
CAP_CADENCES = 1.3
LIFTED_MS_MAX = 10_000.0

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
    unit = "ms"
    rank = 20
    version = 2
    settings_type = Settings

    def __init__(self, settings: Settings, mode: Mode) -> None:
        super().__init__(settings, mode)
        self._caps_ms = {
            "fast": settings.fast_age_ms_max,
            "slow": settings.slow_age_ms_max,
            "bbo": settings.bbo_age_ms_max,
        }

    def age_and_limit(self, coin: Coin, now_ns: int) -> tuple[float, float] | None:
        """Return (age, limit) in ms of the kind of book that is freshest for its cadence."""
        found = [
            (cadence.age_ns(now_ns) / NS_PER_MS, self._limit_ms(name, cadence))
            for name, cadence in coin.streams.learned()
        ]
        return min(found, key=lambda one: one[0] / one[1], default=None)

    def _limit_ms(self, name: str, cadence: Cadence) -> float:
        s, cap = self.settings, self._caps_ms[name]
        if name != "bbo":
            usual = CAP_CADENCES * cadence.usual_ns / NS_PER_MS
            cap = max(cap, min(usual, LIFTED_MS_MAX))
        return min(cap, max(s.age_ms_min, s.cadences * cadence.peak_ns / NS_PER_MS))

    def check(self, proposal: Proposal, view: DeskView) -> Check:
        """Refuse a stale, lagging, crossed or one-sided book.

        Without any book, or while the clocks disagree, there is no_data.
        """
        coin = view.coins[proposal.coin]
        book, prices = coin.book, coin.prices
        if prices.since_ns:
            return self.no_data(
                f"the price is suspect: quotes of {prices.bid:g} and {prices.ask:g} "
                f"after {book.bid:g} and {book.ask:g}, and nobody vouches for them"
            )
        found = self.age_and_limit(coin, view.now_ns)
        if found is None:
            return self.no_data("no book stream has shown its cadence yet")
        trouble = view.clock.trouble(view.now_ns)
        if trouble:
            return self.no_data(trouble)
        age, limit = found
        if age > limit:
            return self.failed(age, limit, f"book is {age:.0f} ms old, limit {limit:.0f}")
        if not book.ok:
            return self.failed(age, limit, "book is crossed, one-sided or not yet back")
        lag, lag_max = coin.venue_lag_ms, self.settings.lag_ms_max
        if lag > lag_max and coin.late_ns and not view.clock.tells_since(coin.late_ns):
            return self.no_data(f"{lag:.0f} ms late: nothing tells the line from the clock yet")
        if lag > lag_max:
            return self.failed(
                lag, lag_max, f"venue time is {lag:.0f} ms behind, limit {lag_max:.0f}"
            )
        return self.passed(age, limit)
