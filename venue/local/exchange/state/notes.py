"""Notices of the exchange: what concerns an account, and public trades."""

from __future__ import annotations

from msgspec import Struct

from venue.local.market.contract import Row

FILL = "fill"
ORDER = "order"
FUNDING = "funding"
LIQUIDATION = "liquidation"
CANCEL = "cancel"
LEDGER = "ledger"
TWAP = "twap"
KINDS = (FILL, ORDER, FUNDING, LIQUIDATION, CANCEL, LEDGER, TWAP)


class Note(Struct, frozen=True):
    """A notice to one account; `data` is the row as it goes over the wire."""

    user: str
    kind: str
    data: Row
    time_ms: int


class Print(Struct, frozen=True):
    """A public trade of which at least one side is an account."""

    coin: str
    row: Row
