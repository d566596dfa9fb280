"""State of the exchange: accounts, books, orders, counters of ids.

Order ids, trade ids and hashes count up from the start: they depend on what was done, never on a
clock or on chance.
"""

from __future__ import annotations

import hashlib
from functools import lru_cache

from msgspec import Struct

from market.errors import require
from market.instrument import Instrument
from venue.local.exchange.state.account import Account, Fill
from venue.local.exchange.state.decimals import TOO_FINE, read
from venue.local.exchange.state.liquidity import Liquidity
from venue.local.exchange.state.margin import Table, table_of
from venue.local.exchange.state.notes import Note
from venue.local.exchange.state.order import Order
from venue.local.exchange.state.resting import RestingBook
from venue.local.exchange.state.rules import Rules
from venue.local.market.contract import LocalMarket
from venue.local.market.crowd import TID_BITS

FIRST_OID = 90_000_000_000
# The mark moves with the oracle, every three seconds; this divides that.
MARK_MS = 1_000
BACKSTOP = "0x" + "ba" * 20
_ODD = 0x1F3B5D79ACE25
_MASK = (1 << TID_BITS) - 1


class Trade(Struct, frozen=True):
    """A public trade: buyer, seller and the side that took."""

    coin: str
    side: int
    px: int
    lots: int
    ms: int
    tx: int
    tid: int
    buyer: str
    seller: str


class Told(Struct, frozen=True):
    """Status of an order at a moment, with the `lots` that remained."""

    order: Order
    lots: int
    status: str
    ms: int


Event = Note | Fill | Told | Trade


class State:
    """State of one exchange."""

    def __init__(self, market: LocalMarket, rules: Rules) -> None:
        self.market = market
        self.rules = rules
        self.now_ms = 0
        self.coins = sorted(market.instruments.values(), key=lambda i: i.index)
        self.by_index: dict[int, Instrument] = {i.index: i for i in self.coins}
        self.instruments = market.instruments
        self.tables: dict[str, Table] = {i.coin: table_of(i) for i in self.coins}
        self.accounts: dict[str, Account] = {}
        self.books: dict[str, RestingBook] = {}
        self.crowd = Liquidity(market, rules)
        # Waiting triggers by coin and oid.
        self.triggers: dict[str, dict[int, Order]] = {}
        # How many accounts hold a position, by coin.
        self.holders: dict[str, set[str]] = {}
        self.events: list[Event] = []
        self.post_only_until_ms = 0
        self.delisted = {i.coin for i in self.coins if i.is_delisted}
        self.tx = 0
        self._oid = FIRST_OID
        self._tid = 0
        self._twap = 0
        self._lid = 0
        self._references: dict[str, tuple[int, int, int]] = {}

    # Names.

    def next_oid(self) -> int:
        """Return a new order id."""
        self._oid += 1
        return self._oid

    def next_tid(self) -> int:
        """Return a new trade id of fifty bits."""
        self._tid += 1
        return self._tid * _ODD & _MASK

    def next_twap(self) -> int:
        """Return a new TWAP id."""
        self._twap += 1
        return self._twap

    def next_lid(self) -> int:
        """Return a new liquidation id."""
        self._lid += 1
        return self._lid

    # Prices.

    def mark(self, coin: str) -> int:
        """Return the mark in units, 0 while it is not known."""
        return self._reference(coin)[1]

    def oracle(self, coin: str) -> int:
        """Return the oracle in units, 0 while it is not known."""
        return self._reference(coin)[2]

    def _reference(self, coin: str) -> tuple[int, int, int]:
        slot = self.now_ms // MARK_MS
        found = self._references.get(coin)
        if found is None or found[0] != slot:
            context = self.market.context(coin, slot * MARK_MS)
            decimals = self.instruments[coin].px_decimals
            mark, oracle = (_px(context[name], decimals) for name in ("markPx", "oraclePx"))
            found = self._references[coin] = (slot, mark, oracle)
        return found

    # Things that are made when first needed.

    def book(self, coin: str) -> RestingBook:
        """Return a coin's book of accounts' orders."""
        found = self.books.get(coin)
        if found is None:
            found = self.books[coin] = RestingBook()
        return found

    def account(self, user: str) -> Account:
        """Return an account, made when new."""
        found = self.accounts.get(user)
        if found is None:
            require(user == user.lower(), f"user {user} is not in lower case")
            found = self.accounts[user] = Account(user, self.rules)
        return found

    def note(self, user: str, kind: str, data: dict[str, object]) -> None:
        """Tell something about an account."""
        self.events.append(Note(user, kind, data, self.now_ms))


def _px(text: str, decimals: int) -> int:
    units = read(text, decimals)
    if units is None or units == TOO_FINE:
        return round(float(text) * 10.0**decimals)
    return units


@lru_cache(maxsize=4_096)
def hash_text(number: int) -> str:
    """Return the hash of a transaction."""
    return "0x" + hashlib.blake2b(b"tx %d" % number, digest_size=32).hexdigest()


@lru_cache(maxsize=4_096)
def crowd_user(tid: int) -> str:
    """Return who of the crowd stood behind a trade."""
    return "0x" + hashlib.blake2b(b"crowd %d" % (tid & 511), digest_size=20).hexdigest()
