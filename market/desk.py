"""The account as the gate sees it: cash, exposure, halts, and what must outlive a restart.

Only paper (later: real) trades touch it. Phantoms and twins never do, which is why switching
the shadow off cannot change a decision.
"""

from __future__ import annotations

from msgspec import Struct, field

from market.coin import Coin
from market.decision import Vote
from market.events import NS_PER_MS
from market.venue_clock import VenueClock


class Desk(Struct):
    """Money in micro-USDC; exposures are notionals at entry (pending ones at the decision mid).

    `halts` maps who halted to why; entries are refused while it is not empty. `latched` is the
    loss limit that was broken, until the operator resumes. `stopped` maps "bot|coin" to the time
    of its last stop-out.
    """

    seed: int
    start_e6: int
    cash_e6: int
    open_e6: int = 0
    peak_e6: int = 0
    day_ms: int = 0
    day_start_e6: int = 0
    latched: str = ""
    halts: dict[str, str] = field(default_factory=dict)
    gross_e6: int = 0
    net_e6: int = 0
    by_coin: dict[str, int] = field(default_factory=dict)
    by_division: dict[str, int] = field(default_factory=dict)
    stopped: dict[str, int] = field(default_factory=dict)

    @classmethod
    def opened_with(cls, start_e6: int, seed: int) -> Desk:
        """Return a fresh account."""
        return cls(
            seed=seed, start_e6=start_e6, cash_e6=start_e6, peak_e6=start_e6, day_start_e6=start_e6
        )

    @property
    def equity_e6(self) -> int:
        """Return cash plus the open marks as of the last valuation."""
        return self.cash_e6 + self.open_e6

    def expose(self, *, coin: str, division: str, side: int, notional_e6: int) -> None:
        """Add a notional to every exposure; a negative one takes it away again."""
        self.gross_e6 += notional_e6
        self.net_e6 += side * notional_e6
        self.by_coin[coin] = self.by_coin.get(coin, 0) + notional_e6
        self.by_division[division] = self.by_division.get(division, 0) + notional_e6


class DeskView(Struct):
    """Desk and market as a filter may see them.

    `opened_ns` is when the signal's episode began, `vote` the divisions' vote on its coin, `clock`
    how our stamps stand to the venue's.
    """

    desk: Desk
    coins: dict[str, Coin]
    now_ns: int = 0
    opened_ns: int = 0
    vote: Vote = field(default_factory=Vote)
    clock: VenueClock = field(default_factory=VenueClock)

    @property
    def venue_ms(self) -> int:
        """Return the venue's time, which is that of bars."""
        return self.clock.venue_ns(self.now_ns) // NS_PER_MS
