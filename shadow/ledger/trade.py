"""One trade from decision to close; a paper trade, a twin and a phantom differ in `kind` alone.

```
PENDING --first book at or after decision + latency--> OPEN --exit decided--> EXITING --> CLOSED
   \\--no book in time, or nothing to fill--> CLOSED as UNAVAILABLE (money stays unknown)
```
Money in integer micro-USDC, sizes in integer lots, times in nanoseconds, prices in USD.
"""

from __future__ import annotations

from enum import IntEnum
from math import log10
from typing import Literal

from msgspec import Struct, field

from market.decision import ExitPlan
from market.fills import Fill
from market.instrument import Instrument
from market.money import bearable_e6, notional_e6

UNAVAILABLE = "UNAVAILABLE"
# The flag of an entry that the operator called off; it is unavailable for that reason alone.
CANCELLED = "cancelled"
# The flag and the reason of a trade that ended because its coin was closed.
WOUND_DOWN = "wound_down"

# The flag of a row while a trade owes funding for an hour whose rate is not known.
OWED = "owed"

# The flag of a trade whose coin, while it lived, showed a price that was not believed at once.
SUSPECT_PRICE = "suspect_price"
# Flags that keep a trade out of every verdict.
EXCLUDING = ("no_funding", SUSPECT_PRICE, WOUND_DOWN)


class TradeState(IntEnum):
    """The stage of a trade's life."""

    PENDING = 0
    OPEN = 1
    EXITING = 2
    CLOSED = 3


class Tag(Struct, frozen=True, gc=False):
    """One statistic a trade counts in: a filter, its mode and how it stood in the way.

    `scope` is sole, shared, fail_closed, clamped, or twin (the baseline, with no filter).
    """

    filter: str
    mode: str
    scope: str


class Owed(Struct, gc=False):
    """An hour whose funding rate is not known yet, with what it is charged on.

    `px` is the price nearest to the oracle's that is known of its end. `day_ms` is the UTC day
    that was given its share without it, 0 while that is still to come.
    """

    hour_ms: int
    lots: int
    px: float
    day_ms: int = 0


class Cost(Struct, frozen=True, gc=False):
    """What came between the mid at which an order was decided and the price of its fills.

    `delay_e6` is how far the mid went against it until the fills, `impact_e6` how much worse than
    the mid they were (spread and impact); of an order filled in parts, each in its own book.
    """

    delay_e6: int = 0
    impact_e6: int = 0


class Trade(Struct):
    """The whole state of one trade.

    `hi` and `lo` are the extreme mids since entry. `attributed_e6` is the part of the net already
    given to past UTC days, listed in `days`. `tags` are the statistics its days count in;
    `offset_tags`, `offset_risk_e6` and `offset_notional_e6` are those of the phantom it followed
    (`earlier_trade_id`), which its own days are taken off. `partner_days` are the days of the
    other half of such a pair once that half has closed. `gap_ns` is when its marks stopped,
    while it waits for the gap to be repaired; `funded_ms` is the newest hour it was charged for
    and `owed_ms` the newest that ended during a gap. `owes` are hours whose rate nobody told yet;
    `unranked` says that its returns were taken out of the weights. `trial_id`
    is that of the trial it belongs to. `judged` are the series of limits that its outcome counts
    in, `blocked` those of them whose limit refused it, by their places among all series; `matched`
    and `wild` are the same of the plain limit that each is held against.
    `exposed_e6` is what the desk counts for it and `mark_px` the last mid it was valued at.
    `exit_decision_mid` is the mid when its exit was decided, 0 when there was no sound book; the
    costs of entry and exit are None until known, and for good where a fill met no book.
    """

    trade_id: int
    kind: int
    cause: str
    signal_id: int
    bot: str
    division: str
    coin: str
    side: int
    lots: int
    decided_ns: int
    due_ns: int
    expires_ns: int
    decision_mid: float
    plan: ExitPlan
    stop_px: float
    skip_lots: int = 0
    state: int = TradeState.PENDING
    filled_lots: int = 0
    entry_notional_e6: int = 0
    entry_px: float = 0.0
    opened_ns: int = 0
    exit_lots: int = 0
    exit_notional_e6: int = 0
    exit_px: float = 0.0
    exit_reason: str = ""
    exit_due_ns: int = 0
    closed_ns: int = 0
    fees_e6: int = 0
    funding_e6: int = 0
    risk_e6: int = 0
    hi: float = 0.0
    lo: float = 0.0
    exposed_e6: int = 0
    mark_px: float = 0.0
    flags: list[str] = field(default_factory=list)
    later_trade_id: int = 0
    earlier_trade_id: int = 0
    attributed_e6: int = 0
    counted: bool = False
    days: list[tuple[int, int]] = field(default_factory=list)
    tags: list[Tag] = field(default_factory=list)
    offset_tags: list[Tag] = field(default_factory=list)
    offset_risk_e6: int = 0
    offset_notional_e6: int = 0
    partner_days: list[tuple[int, int]] = field(default_factory=list)
    gap_ns: int = 0
    funded_ms: int = 0
    owed_ms: int = 0
    trial_id: int = 0
    judged: tuple[int, ...] = ()
    blocked: tuple[int, ...] = ()
    matched: tuple[int, ...] = ()
    wild: tuple[int, ...] = ()
    owes: list[Owed] = field(default_factory=list)
    unranked: bool = False
    exit_decision_mid: float = 0.0
    entry_cost: Cost | None = None
    exit_cost: Cost | None = None

    @property
    def key(self) -> str:
        """Return the episode key: bot, coin and side."""
        return f"{self.bot}|{self.coin}|{self.side}"

    @property
    def open_lots(self) -> int:
        """Return the lots still held."""
        return self.filled_lots - self.exit_lots

    @property
    def sz_decimals(self) -> int:
        """Return how many decimals a size had when this was bought; 0 when nothing was.

        What was paid, at which price, for how many lots, leaves one answer.
        """
        if not self.filled_lots:
            return 0
        size = self.entry_notional_e6 / 1e6 / self.entry_px
        return round(log10(self.filled_lots / size))

    @property
    def gross_e6(self) -> int:
        """Return the price profit of what has been bought and sold; whole once closed."""
        return self.side * (self.exit_notional_e6 - self.entry_notional_e6)

    @property
    def net_e6(self) -> int:
        """Return gross − fees − funding."""
        return self.gross_e6 - self.fees_e6 - self.funding_e6

    @property
    def r(self) -> float | None:
        """Return the net profit in units of the risk frozen at decision."""
        return self.net_e6 / self.risk_e6 if self.risk_e6 else None

    @property
    def bps(self) -> float | None:
        """Return the net profit in basis points of the entry notional."""
        return self.net_e6 / self.entry_notional_e6 * 1e4 if self.entry_notional_e6 else None

    @property
    def mae_bps(self) -> float:
        """Return the worst excursion of the mid from the entry price, at most 0, in bps."""
        worst = self.lo if self.side > 0 else self.hi
        return min(0.0, self.side * (worst / self.entry_px - 1.0) * 1e4)

    @property
    def mfe_bps(self) -> float:
        """Return the best excursion of the mid from the entry price, at least 0, in bps."""
        best = self.hi if self.side > 0 else self.lo
        return max(0.0, self.side * (best / self.entry_px - 1.0) * 1e4)

    @property
    def excluded(self) -> bool:
        """Say whether a flag keeps this trade out of every verdict."""
        return any(name in self.flags for name in EXCLUDING)

    def mark_e6(self, mid: float, instrument: Instrument) -> int:
        """Return what the net would be if the rest were closed at `mid` without costs."""
        rest = bearable_e6(notional_e6(mid, self.open_lots, instrument.sz_decimals))
        value = self.side * (self.exit_notional_e6 + rest - self.entry_notional_e6)
        return value - self.fees_e6 - self.funding_e6

    def see(self, mid: float) -> None:
        """Let the extremes include a mid."""
        self.hi = max(self.hi, mid)
        self.lo = min(self.lo, mid)

    def ratchet(self) -> None:
        """Pull a trailing stop behind the extreme seen so far."""
        trail = self.plan.trail
        if trail:
            if self.side > 0:
                self.stop_px = max(self.stop_px, self.hi - trail)
            else:
                self.stop_px = min(self.stop_px, self.lo + trail)

    def flag(self, name: str) -> None:
        """Add a flag once."""
        if name not in self.flags:
            self.flags.append(name)


What = Literal[
    "filled", "exiting", "sold", "closed", "funded", "owed", "paid", "settled", "doubted", "day"
]


class Change(Struct, gc=False):
    """Something that happened to a trade; `fill` for fills, `amount_e6` for funding and days.

    `owed` is an hour without its rate, `paid` what it cost once that was told. A trade that has
    closed and owes nothing more is `settled`: only then its money is final.
    """

    trade: Trade
    what: What
    at_ns: int
    fill: Fill | None = None
    day_ms: int = 0
    amount_e6: int = 0


NOTHING: tuple[Change, ...] = ()


def age(trade: Trade) -> int:
    """Return what sorts trades by the order of their decisions."""
    return trade.trade_id
