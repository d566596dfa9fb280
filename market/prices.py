"""What is known of a coin's prices that nobody vouches for yet.

Quotes that are doubted are not taken into the book; what matters of the newest of them stands here
until others agree with it or a sound one shows that it was a false alarm. Prints that are doubted
wait here for the same answer.
"""

from __future__ import annotations

from msgspec import Struct, field

from market.events import NS_PER_S, Print

HELD_NS = 10 * NS_PER_S
HELD_MAX = 256


class Held(Struct, gc=False, array_like=True):
    """A print that came at `recv_ns` and is not believed yet."""

    recv_ns: int
    print: Print


class Prices(Struct):
    """Doubts of one coin's prices in USD; times in nanoseconds, `time_ms` that of the venue.

    Touches within [`low`, `high`] are so near the last believed ones that nothing else need be
    asked; while quotes are doubted nothing is within. `since_ns` is when the doubt of the quotes
    began, 0 while they are believed; `bid` and `ask` are the newest doubted ones, and `agreed` of
    them in a row since `agreed_ns` agree. `mark` and `oracle` are those of the newest context,
    believed or not; `odd` of them in a row were doubted and agree. `quotes`, `contexts` and
    `prints` count what was not believed at once.
    """

    low: float = 1.0
    high: float = 0.0
    since_ns: int = 0
    bid: float = 0.0
    ask: float = 0.0
    time_ms: int = 0
    agreed: int = 0
    agreed_ns: int = 0
    mark: float = 0.0
    oracle: float = 0.0
    context_ns: int = 0
    odd: int = 0
    odd_ns: int = 0
    odd_mark: float = 0.0
    odd_oracle: float = 0.0
    held: list[Held] = field(default_factory=list)
    quotes: int = 0
    contexts: int = 0
    prints: int = 0
    alarmed_ns: int = 0

    def doubt(self, bid: float, ask: float, time_ms: int, now_ns: int, *, agrees: bool) -> None:
        """Take a quote that is not believed; `agrees` says whether it repeats the one before."""
        self.quotes += 1
        if agrees:
            self.agreed += 1
        else:
            self.agreed, self.agreed_ns = 1, now_ns
        self.since_ns = self.since_ns or now_ns
        self.bid, self.ask, self.time_ms = bid, ask, time_ms
        self.low, self.high = 1.0, 0.0

    def settle(self, bid: float, ask: float, width: float) -> None:
        """End every doubt of the quotes: this one is believed, and so is what is near it."""
        self.since_ns = self.agreed = self.agreed_ns = 0
        # Two touches within half the width of the same one are no farther apart than the width.
        self.low = min(bid, ask) * (1.0 - 0.5 * width)
        self.high = max(bid, ask) * (1.0 + 0.5 * width)

    def forget(self) -> None:
        """Drop every doubt: the connection that brought it is gone."""
        self.since_ns = self.agreed = self.agreed_ns = self.odd = self.odd_ns = 0
        self.low, self.high = 1.0, 0.0
        self.held.clear()

    def hold(self, trade: Print, now_ns: int) -> None:
        """Keep a print that is not believed, for as long as it may still turn out to be sound."""
        self.prints += 1
        self.held.append(Held(now_ns, trade))
        if len(self.held) > HELD_MAX:
            del self.held[0]

    def release(self, low: float, high: float, now_ns: int) -> list[Print]:
        """Return the held prints that the band now holds; forget them, and what waited too long."""
        fresh = [held for held in self.held if now_ns - held.recv_ns <= HELD_NS]
        self.held = [held for held in fresh if not low <= held.print.px <= high]
        return [held.print for held in fresh if low <= held.print.px <= high]
