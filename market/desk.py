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

# What a latch's reason begins with: which of the two loss limits was broken.
DAILY = "daily loss"
PEAK = "loss from the peak"


class Desk(Struct):
    """Money in micro-USDC; exposures are notionals at entry (pending ones at the decision mid).

    `halts` maps who halted to why; entries are refused while it is not empty. `scopes` maps what
    is halted alone, as "bot|coin" with either part empty for all, to who did and why. `latched` is
    the loss limit that was broken, and what releases it. `stopped` maps "bot|coin" to the time of
    its last stop-out.
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
    scopes: dict[str, str] = field(default_factory=dict)

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

    def halted(self, bot: str, coin: str) -> list[str]:
        """Return who halted entries of a bot on a coin, and why; whoever halted all first."""
        found = [f"{who}: {why}" for who, why in self.halts.items()]
        if self.scopes:
            mine = scope_of(bot, ""), scope_of("", coin), scope_of(bot, coin)
            found += [f"{self.scopes[s]} ({scope_text(s)})" for s in mine if s in self.scopes]
        return found


def scope_of(bot: str, coin: str) -> str:
    """Return the name of a bot's entries on a coin; an empty part stands for all there are."""
    return f"{bot}|{coin}"


def scope_text(scope: str) -> str:
    """Return a scope in words: "bot donchian", "coin BTC", "bot donchian on coin BTC"."""
    bot, _, coin = scope.partition("|")
    words = [f"bot {bot}"] if bot else []
    return " on ".join([*words, f"coin {coin}"] if coin else words)


def scope_flags(scope: str) -> str:
    """Return a scope as the options of the commands that halt and resume it."""
    bot, _, coin = scope.partition("|")
    words = [f"--bot {bot}"] if bot else []
    return " ".join([*words, f"--coin {coin}"] if coin else words)


class DeskView(Struct):
    """Desk and market as a filter may see them.

    `opened_ns` is when the signal's episode began, `vote` the divisions' vote on its coin, `clock`
    how our stamps stand to the venue's, `rearms` whether the daily loss limit opens by itself at
    00:00 UTC, as on paper it does.
    """

    desk: Desk
    coins: dict[str, Coin]
    now_ns: int = 0
    opened_ns: int = 0
    vote: Vote = field(default_factory=Vote)
    clock: VenueClock = field(default_factory=VenueClock)
    rearms: bool = True

    @property
    def venue_ms(self) -> int:
        """Return the venue's time, which is that of bars."""
        return self.clock.venue_ns(self.now_ns) // NS_PER_MS
