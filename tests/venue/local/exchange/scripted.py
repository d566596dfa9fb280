"""Helpers of the exchange's tests: a market that does as it is told, and actions in short."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from market.instrument import Instrument, instruments_from_meta
from venue.local.exchange.exchange import Exchange
from venue.local.exchange.state.notes import Note, Print
from venue.local.exchange.state.rules import Rules
from venue.local.market.contract import Flow, Levels, Row, Topic
from venue.local.market.ticks import text_of, units_of

HOUR_MS = 3_600_000
DAY_MS = 24 * HOUR_MS
# A UTC midnight.
DAWN_MS = 1_756_684_800_000
START_MS = DAWN_MS + 10 * HOUR_MS + 30_000
BLOCK_MS = 75
ALICE, BOB, CAROL = ("0x" + letter * 40 for letter in "abc")
USD = 1_000_000
UNIVERSE: list[Row] = [
    {"name": "BTC", "szDecimals": 5, "maxLeverage": 40},
    {"name": "ETH", "szDecimals": 4, "maxLeverage": 25},
    {"name": "SOL", "szDecimals": 2, "maxLeverage": 20},
    {"name": "DOGE", "szDecimals": 0, "maxLeverage": 10},
    {"name": "OLD", "szDecimals": 0, "maxLeverage": 3, "isDelisted": True},
]
START_PX = {"BTC": "100000", "ETH": "4000", "SOL": "200", "DOGE": "0.2", "OLD": "1"}
INDEX = {row["name"]: index for index, row in enumerate(UNIVERSE)}


class ScriptedMarket:
    """A market of books, prints, marks and settlements that the test sets."""

    universe = UNIVERSE
    instruments: dict[str, Instrument] = instruments_from_meta(UNIVERSE)
    epoch_ms = DAWN_MS - 30 * DAY_MS

    def __init__(self) -> None:
        self.books: dict[str, tuple[Levels, Levels]] = {c: ([], []) for c in self.instruments}
        self.prints: dict[str, list[Flow]] = {c: [] for c in self.instruments}
        self.marks = dict(START_PX)
        self.oracles = dict(START_PX)
        self.rates = dict.fromkeys(self.instruments, "0.0")
        self.settled: dict[str, list[Row]] = {c: [] for c in self.instruments}

    def units(self, coin: str, px: str) -> int:
        return units_of(px, self.instruments[coin].px_decimals)

    def set_book(
        self, coin: str, bids: Iterable[tuple[str, str]], asks: Iterable[tuple[str, str]]
    ) -> None:
        """Set the crowd's book from (price, size)."""
        sz = self.instruments[coin].sz_decimals
        found = [
            [(self.units(coin, px), units_of(size, sz), 1) for px, size in side]
            for side in (bids, asks)
        ]
        self.books[coin] = (found[0], found[1])

    def set_mark(self, coin: str, px: str, oracle: str | None = None) -> None:
        self.marks[coin] = px
        self.oracles[coin] = oracle if oracle is not None else px

    def add_print(self, coin: str, ms: int, side: int, px: str, size: str) -> None:
        lots = units_of(size, self.instruments[coin].sz_decimals)
        self.prints[coin].append(Flow(ms, side, self.units(coin, px), lots))

    def settle(self, coin: str, ms: int, rate: str) -> None:
        self.settled[coin].append({"coin": coin, "fundingRate": rate, "premium": "0.0", "time": ms})

    # What the exchange asks.

    def levels(self, coin: str, _now_ms: int, depth: int) -> tuple[Levels, Levels]:
        bids, asks = self.books[coin]
        return bids[:depth], asks[:depth]

    def flow(self, coin: str, since_ms: int, until_ms: int) -> list[Flow]:
        return [flow for flow in self.prints[coin] if since_ms < flow.ms <= until_ms]

    def context(self, coin: str, _now_ms: int) -> Row:
        return {
            "funding": self.rates[coin],
            "openInterest": "0.0",
            "prevDayPx": self.marks[coin],
            "dayNtlVlm": "0.0",
            "premium": None,
            "oraclePx": self.oracles[coin],
            "markPx": self.marks[coin],
            "midPx": None,
            "impactPxs": None,
            "dayBaseVlm": "0.0",
        }

    def funding_history(self, coin: str, start_ms: int, end_ms: int) -> list[Row]:
        return [row for row in self.settled[coin] if start_ms <= row["time"] <= end_ms]

    # What else a market has.

    def open(self, _now_ms: int) -> None:
        return None

    def warm(self, _coins: Iterable[str], _since_ms: int, _until_ms: int) -> Iterator[None]:
        return iter(())

    def due(
        self, _since_ms: int, _now_ms: int, _topics: Iterable[Topic]
    ) -> Iterator[tuple[Topic, bytes]]:
        return iter(())

    def first(self, _topic: Topic, _now_ms: int) -> list[bytes]:
        return []

    def mids(self, _now_ms: int) -> dict[str, str]:
        return {}

    def book(self, _topic: Topic, _now_ms: int) -> Row | None:
        return None

    def recent_trades(self, _coin: str, _now_ms: int) -> list[Row]:
        return []

    def candles(self, *_: object) -> list[Row]:
        return []


class Bench:
    """An exchange on a scripted market, with a clock and accounts of a million dollars."""

    def __init__(self, *users: str, rules: Rules | None = None, usd: int = 1_000_000) -> None:
        self.market = ScriptedMarket()
        self.exchange = Exchange(self.market, rules or Rules())
        self.now_ms = START_MS
        for user in users or (ALICE, BOB, CAROL):
            self.exchange.deposit(user, usd * USD, self.now_ms)
        self.exchange.drain()

    def act(self, user: str, action: Row) -> Row:
        return self.exchange.act(user, action, self.now_ms)

    def statuses(self, user: str, action: Row) -> list[Any]:
        reply = self.act(user, action)
        assert reply["status"] == "ok", reply
        statuses: list[Any] = reply["response"]["data"]["statuses"]
        return statuses

    def place(self, user: str, *orders: Row, grouping: str = "na") -> list[Any]:
        return self.statuses(
            user, {"type": "order", "orders": orders_of(orders), "grouping": grouping}
        )

    def rest(self, user: str, *order: Any, **more: Any) -> int:
        """Place one order that must rest; return its oid."""
        (status,) = self.place(user, limit(*order, **more))
        assert "resting" in status, status
        return int(status["resting"]["oid"])

    def take(self, user: str, *order: Any, **more: Any) -> Row:
        """Place one immediate order that must trade; return what it says."""
        (status,) = self.place(user, limit(*order, tif="Ioc", **more))
        assert "filled" in status, status
        filled: Row = status["filled"]
        return filled

    def refused(self, user: str, *orders: Row, grouping: str = "na") -> str:
        """Place orders of which the last must be refused; return the words."""
        action = {"type": "order", "orders": orders_of(orders), "grouping": grouping}
        reply = self.act(user, action)
        if reply["status"] == "err":
            return str(reply["response"])
        return str(reply["response"]["data"]["statuses"][-1]["error"])

    def pass_ms(self, ms: int) -> None:
        self.now_ms += ms
        self.exchange.advance(self.now_ms)

    def status(self, user: str, oid: int) -> str:
        return self.exchange.state.accounts[user].orders[oid].status

    def lots(self, user: str, coin: str) -> int:
        return self.exchange.state.accounts[user].lots(coin)

    def size(self, user: str, coin: str) -> str:
        return text_of(self.lots(user, coin), self.market.instruments[coin].sz_decimals)

    def cash(self, user: str) -> int:
        return self.exchange.state.accounts[user].cash_e6

    def notes(self, kind: str) -> list[Note]:
        """Return the notes of a kind since the last drain; all others are gone too."""
        return [n for n in self.exchange.drain() if isinstance(n, Note) and n.kind == kind]

    def news(self) -> list[Note | Print]:
        return self.exchange.drain()


def orders_of(orders: Iterable[Row]) -> list[Row]:
    return list(orders)


def limit(
    coin: str,
    side: str,
    px: str,
    sz: str,
    *,
    tif: str = "Gtc",
    reduce_only: bool = False,
    cloid: str | None = None,
) -> Row:
    """Return the wire form of a limit order; `side` is "buy" or "sell"."""
    row: Row = {
        "a": INDEX[coin],
        "b": side == "buy",
        "p": px,
        "s": sz,
        "r": reduce_only,
        "t": {"limit": {"tif": tif}},
    }
    if cloid is not None:
        row["c"] = cloid
    return row


def stop(
    coin: str,
    side: str,
    px: str,
    sz: str,
    at: str,
    *,
    tpsl: str = "sl",
    is_market: bool = True,
    reduce_only: bool = True,
) -> Row:
    """Return the wire form of a trigger order that wakes at `at`."""
    return {
        "a": INDEX[coin],
        "b": side == "buy",
        "p": px,
        "s": sz,
        "r": reduce_only,
        "t": {"trigger": {"isMarket": is_market, "triggerPx": at, "tpsl": tpsl}},
    }


def cancel(coin: str, *oids: int) -> Row:
    return {"type": "cancel", "cancels": [{"a": INDEX[coin], "o": oid} for oid in oids]}
