"""Throughput of the exchange's matching, and the cost of one order.

Two sides of the same stream: the engine alone (orders as objects) and whole actions as clients send
them (read, checked, matched, told).
"""

from __future__ import annotations

import random
import time
from collections import deque
from collections.abc import Iterable, Iterator
from typing import ClassVar

from bench.result import Result
from bench.rounds import over_rounds, settled_gc
from market.errors import require
from market.instrument import Instrument, instruments_from_meta
from venue.local.exchange.exchange import Exchange
from venue.local.exchange.state.order import CANCELED, GTC, Order
from venue.local.exchange.state.rules import Rules
from venue.local.exchange.steps.lifecycle import end, record
from venue.local.exchange.steps.placing import run
from venue.local.market.contract import Flow, Levels, LocalMarket, Row

ORDERS = 20_000
MAKERS = 10
OPEN_MAX = 400
START_MS = 1_756_684_800_000
MID = 1_000_000
USERS = [f"0x{number:040x}" for number in range(1, MAKERS + 1)]

# A step: place (user, side, price, lots), or cancel the oldest order that is open.
Step = tuple[int, int, int, int] | None


class Empty:
    """A market without a crowd: accounts trade with each other alone."""

    universe: ClassVar[list[Row]] = [{"name": "BTC", "szDecimals": 5, "maxLeverage": 40}]
    instruments: ClassVar[dict[str, Instrument]] = instruments_from_meta(universe)
    epoch_ms = START_MS

    def open(self, _now_ms: int) -> None:
        """Do nothing."""

    def warm(self, *_: object) -> Iterator[None]:
        """Return no work."""
        return iter(())

    def due(self, *_: object) -> Iterator[tuple[object, bytes]]:
        """Return no frames."""
        return iter(())

    def first(self, *_: object) -> list[bytes]:
        """Return no frames."""
        return []

    def mids(self, _now_ms: int) -> dict[str, str]:
        """Return no mids."""
        return {}

    def book(self, *_: object) -> None:
        """Return no book."""

    def levels(self, _coin: str, _now_ms: int, _depth: int) -> tuple[Levels, Levels]:
        """Return an empty book."""
        return [], []

    def flow(self, _coin: str, _since_ms: int, _until_ms: int) -> list[Flow]:
        """Return no prints."""
        return []

    def recent_trades(self, *_: object) -> list[Row]:
        """Return no trades."""
        return []

    def candles(self, *_: object) -> list[Row]:
        """Return no candles."""
        return []

    def funding_history(self, *_: object) -> list[Row]:
        """Return no settlements."""
        return []

    def context(self, _coin: str, _now_ms: int) -> Row:
        """Return references that stand still."""
        return {"markPx": "100000.0", "oraclePx": "100000.0", "funding": "0.0"}


def steps(count: int, seed: int) -> list[Step]:
    """Return a stream: about half places, of which a third trade, and half cancels."""
    rng = random.Random(seed)
    out: list[Step] = []
    opened = 0
    while len(out) < count:
        if opened > OPEN_MAX or (opened > 50 and rng.random() < 0.4):
            out.append(None)
            opened -= 1
            continue
        side = rng.choice((1, -1))
        depth = int(rng.expovariate(0.15)) - 5
        out.append((rng.randrange(MAKERS), side, MID - side * depth * 10, rng.randint(20, 400)))
        opened += 1
    return out


def _exchange() -> Exchange:
    market: LocalMarket = Empty()  # type: ignore[assignment]
    exchange = Exchange(market, Rules())
    for user in USERS:
        exchange.deposit(user, 10**15, START_MS)
    exchange.drain()
    return exchange


def engine(stream: Iterable[Step]) -> tuple[float, int]:
    """Return seconds and trades of orders handed to the matching engine."""
    exchange = _exchange()
    state = exchange.state
    state.now_ms = START_MS + 1
    instrument = state.by_index[0]
    accounts = [state.accounts[user] for user in USERS]
    waiting: deque[tuple[str, int]] = deque()
    with settled_gc():
        began = time.thread_time()
        for step in stream:
            if step is None:
                found = _oldest(exchange, waiting)
                if found is not None:
                    end(state, state.accounts[found[0]].open[found[1]], CANCELED)
                continue
            number, side, px, lots = step
            account = accounts[number]
            oid = state.next_oid()
            order = Order(oid, account.user, instrument, side, px, lots, GTC, state.now_ms)
            record(state, account, order)
            run(state, account, order)
            if order.is_open:
                waiting.append((account.user, oid))
        spent = time.thread_time() - began
    return spent, _trades(exchange)


def _oldest(exchange: Exchange, waiting: deque[tuple[str, int]]) -> tuple[str, int] | None:
    """Return owner and id of the oldest order that is still open."""
    while waiting:
        user, oid = waiting.popleft()
        if oid in exchange.state.accounts[user].open:
            return user, oid
    return None


def _trades(exchange: Exchange) -> int:
    return sum(len(account.fills) for account in exchange.state.accounts.values()) // 2


def actions(stream: Iterable[Step]) -> tuple[float, int]:
    """Return seconds and trades of the same stream as actions of clients."""
    exchange = _exchange()
    now_ms = START_MS + 1
    waiting: deque[tuple[str, int]] = deque()
    with settled_gc():
        began = time.thread_time()
        for step in stream:
            if step is None:
                found = _oldest(exchange, waiting)
                if found is not None:
                    action = {"type": "cancel", "cancels": [{"a": 0, "o": found[1]}]}
                    exchange.act(found[0], action, now_ms)
                continue
            number, side, px, lots = step
            order = {
                "a": 0,
                "b": side > 0,
                "p": f"{px / 10:.1f}",
                "s": f"{lots / 1e5:.5f}",
                "r": False,
                "t": {"limit": {"tif": "Gtc"}},
            }
            action = {"type": "order", "orders": [order], "grouping": "na"}
            reply = exchange.act(USERS[number], action, now_ms)
            status = reply["response"]["data"]["statuses"][0]
            if "resting" in status:
                waiting.append((USERS[number], status["resting"]["oid"]))
            exchange.drain()
        spent = time.thread_time() - began
    return spent, _trades(exchange)


def measure(rounds: int, orders: int = ORDERS) -> Result:
    """Run the stream through both."""
    spent: dict[str, list[float]] = {"engine": [], "actions": []}
    trades = {"engine": 0, "actions": 0}
    for number in range(rounds):
        stream = steps(orders, number)
        for name, side in (("engine", engine), ("actions", actions)):
            seconds, traded = side(stream)
            spent[name].append(seconds)
            trades[name] = traded
    require(trades["engine"] == trades["actions"], f"the two traded differently: {trades}")
    require(trades["engine"] > orders // 10, "hardly anything traded")
    result = Result("Matching: orders and cancels of ten accounts in one book", "matching")
    result.figures = [
        over_rounds(
            "engine, orders and cancels a second", [orders / s for s in spent["engine"]], must=5e4
        ),
        over_rounds(
            "engine, one order or cancel", [s / orders * 1e6 for s in spent["engine"]], "us"
        ),
        over_rounds("engine, matches a second", [trades["engine"] / s for s in spent["engine"]]),
        over_rounds("whole actions a second", [orders / s for s in spent["actions"]]),
        over_rounds("one whole action, told", [s / orders * 1e6 for s in spent["actions"]], "us"),
    ]
    result.counts = [
        f"{orders:,} orders and cancels a round; "
        f"{trades['engine']:,} trades in the last, by both the same",
        "an action is read, checked, matched and its events written as rows, one order an action",
    ]
    return result
