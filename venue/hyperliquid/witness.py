"""Witness of a coin's trades: what books and contexts say of trades that nobody told us of.

Trades speak only when somebody trades, so their silence alone proves nothing. But the day's volume
cannot rise without a trade, and the mid seldom stays outside the prints of the last minute for
long where people trade every second.
"""

from __future__ import annotations

from msgspec import Struct

from market.cadence import Cadence
from market.events import NS_PER_MINUTE, NS_PER_S, BboUpdate, BookUpdate, ContextUpdate, Print

# A context is up to a few seconds behind the trades it counts.
RISE_LAG_NS = 5 * NS_PER_S
RISES = 3
RISE_SILENCE_NS = 10 * NS_PER_S
OUTSIDE_NS = 30 * NS_PER_S
OUTSIDE_CADENCES = 3
LEARNED = 30


class Witness(Struct):
    """What was seen since the newest print: rises of the day's volume, the mid outside.

    `low` and `high` are those of the prints of the minute that the newest one came in.
    """

    printed_ns: int = 0
    minute: int = -1
    low: float = 0.0
    high: float = 0.0
    volume: float = -1.0
    rises: int = 0
    outside_ns: int = 0

    def restart(self, now_ns: int) -> None:
        """Begin anew: what went before was not listened to."""
        self.printed_ns, self.rises, self.outside_ns = now_ns, 0, 0
        self.minute, self.low, self.high, self.volume = -1, 0.0, 0.0, -1.0

    def on_prints(self, prints: list[Print], now_ns: int) -> None:
        """Take new prints."""
        self.printed_ns, self.rises, self.outside_ns = now_ns, 0, 0
        minute = now_ns // NS_PER_MINUTE
        if minute != self.minute:
            self.minute = minute
            self.low = self.high = prints[-1].px
        for trade in prints:
            self.low = min(self.low, trade.px)
            self.high = max(self.high, trade.px)

    def on_context(self, update: ContextUpdate, now_ns: int) -> None:
        """Take the day's volume: every rise is somebody's trade."""
        volume, self.volume = self.volume, update.day_notional
        if 0.0 <= volume < update.day_notional and now_ns - self.printed_ns > RISE_LAG_NS:
            self.rises += 1

    def on_quote(self, update: BookUpdate | BboUpdate, now_ns: int) -> None:
        """Take a mid: is it outside the newest prints by more than a spread?"""
        if isinstance(update, BboUpdate):
            bid, ask = update.bid, update.ask
        elif update.bids and update.asks:
            bid, ask = update.bids[0], update.asks[0]
        else:
            return
        if bid is None or ask is None or not self.high:
            return
        mid, spread = 0.5 * (bid.px + ask.px), ask.px - bid.px
        if self.low - spread <= mid <= self.high + spread:
            self.outside_ns = 0
        elif not self.outside_ns:
            self.outside_ns = now_ns

    def objection(self, cadence: Cadence, now_ns: int) -> str:
        """Return why the silence of the trades cannot be true, "" when it can."""
        silent_ns = now_ns - self.printed_ns
        if self.rises >= RISES and silent_ns >= RISE_SILENCE_NS:
            return f"no print for {silent_ns / NS_PER_S:.0f} s while the day's volume rose"
        usual_ns = max(OUTSIDE_NS, OUTSIDE_CADENCES * cadence.peak_ns)
        outside = self.outside_ns and now_ns - self.outside_ns >= OUTSIDE_NS
        if outside and cadence.count >= LEARNED and silent_ns >= usual_ns:
            return f"no print for {silent_ns / NS_PER_S:.0f} s while the mid left the last prints"
        return ""
