"""Broker port: intents go out, broker events come back.

The ledger sends intents and learns of their fate by events alone, whoever carries them out. An
intent belongs to a trade, and a trade has at most one entry, one exit and one protective stop at
work; an event says which of them it is about.

An entry is immediate or cancel: it ends with one fill, of some or all of its lots, or without.
An exit may fill in parts. What ends an exit before all is sold leaves it to be sent again.
"""

from __future__ import annotations

from typing import Literal, Protocol

from msgspec import Struct

from market.coin import Coin
from market.fills import Fill

Part = Literal["entry", "exit", "protection"]


class Enter(Struct, frozen=True, gc=False, tag="enter"):
    """Entry: `lots` on `side`, after the first `skip_lots` that another order takes.

    The order reaches a simulated venue at `due_ns` and is called off after `expires_ns`.
    """

    trade_id: int
    coin: str
    side: int
    lots: int
    skip_lots: int
    due_ns: int
    expires_ns: int


class Exit(Struct, frozen=True, gc=False, tag="exit"):
    """Reduce-only exit of `lots` that are held on `side`; `reason` says why."""

    trade_id: int
    coin: str
    side: int
    lots: int
    skip_lots: int
    due_ns: int
    reason: str


class Protect(Struct, frozen=True, gc=False, tag="protect"):
    """Resting reduce-only stop for `lots` held on `side`; a new one replaces the trade's last."""

    trade_id: int
    coin: str
    side: int
    lots: int
    stop_px: float


class Cancel(Struct, frozen=True, gc=False, tag="cancel"):
    """Cancellation of an order at work.

    An exit is only ever taken back from a simulated venue, where what became of it is then said
    otherwise: at a real one it goes on, whatever is seen of the market.
    """

    trade_id: int
    coin: str
    part: Part


Intent = Enter | Exit | Protect | Cancel


class Accepted(Struct, frozen=True, gc=False, tag="accepted"):
    """Acknowledgement: the broker holds the order."""

    trade_id: int
    part: Part
    at_ns: int


class Filled(Struct, frozen=True, gc=False, tag="filled"):
    """Final fill: nothing of the order is left at work."""

    trade_id: int
    part: Part
    at_ns: int
    fill: Fill


class PartlyFilled(Struct, frozen=True, gc=False, tag="partly_filled"):
    """Partial fill: the rest is still at work."""

    trade_id: int
    part: Part
    at_ns: int
    fill: Fill


class Refused(Struct, frozen=True, gc=False, tag="refused"):
    """Refusal: the order was never at work."""

    trade_id: int
    part: Part
    at_ns: int
    reason: str


class Cancelled(Struct, frozen=True, gc=False, tag="cancelled"):
    """End of an order without another fill."""

    trade_id: int
    part: Part
    at_ns: int
    reason: str


class Unknown(Struct, frozen=True, gc=False, tag="unknown"):
    """Unknown fate of an order: it may have filled, rest, or be gone."""

    trade_id: int
    part: Part
    at_ns: int
    reason: str


BrokerEvent = Accepted | Filled | PartlyFilled | Refused | Cancelled | Unknown

NO_BOOK = "no book in time"
NOTHING_TO_FILL = "nothing to fill"
CALLED_OFF = "called off"


class Broker(Protocol):
    """Carrier of intents. Events of one call come in the order of the orders' age."""

    def send(self, intent: Intent, now_ns: int) -> list[BrokerEvent]:
        """Take an intent; return what is known of it at once."""

    def on_book(self, coin: Coin, now_ns: int) -> list[BrokerEvent]:
        """Return what became of a coin's orders now that it has this book."""

    def on_second(self, coin: str, now_ns: int) -> list[BrokerEvent]:
        """Return what became of a coin's orders because time passed without a book."""
