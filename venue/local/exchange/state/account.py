"""An account: balances, positions, orders and history.

`raw_e6` is money minus what the positions cost (the venue's totalRawUsd): with the positions at
their marks it is the account's value. An isolated position has a raw balance of its own.

Invariant: raw balances plus costs of positions is cash, and cash changes only by fees, realised
profit, funding and ledger entries, to the micro-dollar.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass

from msgspec import Struct

from venue.local.exchange.state.decimals import halved
from venue.local.exchange.state.fees import Ledger
from venue.local.exchange.state.order import Order
from venue.local.exchange.state.rules import Rules
from venue.local.market.contract import Row

LEVERAGE = 20


class Leverage(Struct, frozen=True):
    """Margin mode of a coin: cross or isolated, and with how much initial margin."""

    is_cross: bool
    value: int


class Liquidation(Struct, frozen=True):
    """Mark of a fill that a liquidation made; `mark` in units."""

    user: str
    mark: int
    method: str


class Fill(Struct, frozen=True):
    """One fill of one side. `side` +1 bought; `start` is the position before, in lots."""

    order: Order
    px: int
    lots: int
    side: int
    ms: int
    start: int
    closed_e6: int
    fee_e6: int
    builder_e6: int
    tx: int
    tid: int
    crossed: bool
    liquidation: Liquidation | None = None


@dataclass(slots=True)
class Position:
    """A position in one coin: signed lots and signed cost. `raw_e6` counts when isolated."""

    coin: str
    leverage: Leverage
    lots: int = 0
    cost_e6: int = 0
    raw_e6: int = 0
    # What funding took (positive) or gave, since ever, since opened, since last changed.
    funding_e6: int = 0
    funding_open_e6: int = 0
    funding_change_e6: int = 0

    def take(self, signed: int, px: int) -> int:
        """Add signed lots at a price; return the realised profit in micro-USDC.

        Units times lots are micro-USDC, so nothing is rounded but the share of the cost that a
        partial close releases.
        """
        old = self.lots
        self.funding_change_e6 = 0
        if not old:
            self.funding_open_e6 = 0
        if old * signed >= 0:
            self.cost_e6 += signed * px
            self.lots += signed
            return 0
        closing = min(abs(signed), abs(old))
        released = halved(self.cost_e6 * closing, abs(old))
        self.cost_e6 -= released
        rest = abs(signed) - closing
        sign = 1 if old > 0 else -1
        if rest:
            self.cost_e6 = -sign * rest * px
            self.funding_open_e6 = 0
        self.lots += signed
        return sign * closing * px - released

    def pay(self, paid_e6: int) -> None:
        """Count funding paid."""
        self.funding_e6 += paid_e6
        self.funding_open_e6 += paid_e6
        self.funding_change_e6 += paid_e6


@dataclass(slots=True)
class Schedule:
    """A dead-man switch: when it fires, and how often it has today."""

    at_ms: int | None = None
    day: int = -1
    firings: int = 0


class Account:
    """One account."""

    def __init__(self, user: str, rules: Rules) -> None:
        self.user = user
        self.raw_e6 = 0
        self.positions: dict[str, Position] = {}
        self.leverages: dict[str, Leverage] = {}
        self.orders: dict[int, Order] = {}
        self.open: dict[int, Order] = {}
        self.by_cloid: dict[str, Order] = {}
        # Resting reduce-only orders by coin, oldest first.
        self.reducing: dict[str, dict[int, Order]] = {}
        self.fills: deque[Fill] = deque(maxlen=rules.fills_kept)
        self.funding: deque[Row] = deque(maxlen=rules.fills_kept)
        self.ledger: deque[Row] = deque(maxlen=rules.orders_kept)
        self.twaps: deque[Row] = deque(maxlen=rules.orders_kept)
        self.volume = Ledger()
        self.schedule = Schedule()
        self.requests_used = 0
        self.requests_bought = 0
        self.paused_until_ms = 0
        self.builders: dict[str, int] = {}
        # Sums that the money must add up to.
        self.fees_e6 = 0
        self.realised_e6 = 0
        self.funded_e6 = 0
        self.moved_e6 = 0

    @property
    def cash_e6(self) -> int:
        """Return the balance without unrealised profit."""
        held = sum(p.cost_e6 for p in self.positions.values())
        isolated = sum(p.raw_e6 for p in self.positions.values() if not p.leverage.is_cross)
        return self.raw_e6 + isolated + held

    def lots(self, coin: str) -> int:
        """Return the signed position in a coin."""
        position = self.positions.get(coin)
        return position.lots if position is not None else 0

    def leverage(self, coin: str, most: int) -> Leverage:
        """Return how a coin is traded: cross, at the venue's usual leverage, until set."""
        found = self.leverages.get(coin)
        return found if found is not None else Leverage(True, min(LEVERAGE, most))
