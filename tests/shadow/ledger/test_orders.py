"""The ledger behind a broker that answers otherwise than the paper broker does."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from market.coin import Coin
from market.decision import TradeKind
from market.errors import InvariantBroken
from market.fills import Fill
from market.orders import (
    CALLED_OFF,
    BrokerEvent,
    Cancel,
    Cancelled,
    Enter,
    Exit,
    Filled,
    Intent,
    PartlyFilled,
    Protect,
    Refused,
    Unknown,
)
from shadow.ledger.ledger import Ledger
from shadow.ledger.trade import CANCELLED, Trade, TradeState
from tests.support.shadow import MODEL, SOL, T0, make_trade, put_book

S = 1_000_000_000


def filled(lots: int, px: float = 100.0) -> Fill:
    return Fill(lots, px, round(lots * px * 1e4), 100, 1)


class Scripted:
    """A broker that says at once, or at the next book, what a test wants."""

    def __init__(self) -> None:
        self.sent: list[Intent] = []
        self.now: Callable[[Intent], list[BrokerEvent]] = lambda intent: []
        self.at_book: list[BrokerEvent] = []

    def send(self, intent: Intent, now_ns: int) -> list[BrokerEvent]:
        self.sent.append(intent)
        return self.now(intent)

    def on_book(self, coin: Coin, now_ns: int) -> list[BrokerEvent]:
        events, self.at_book = self.at_book, []
        return events

    def on_second(self, coin: str, now_ns: int) -> list[BrokerEvent]:
        return []


class Desk:
    """A ledger of one coin, the desk's own trades, and a scripted broker."""

    def __init__(self) -> None:
        self.coin = Coin(SOL)
        self.broker = Scripted()
        self.intents: list[Intent] = []
        self.ledger = Ledger({"SOL": self.coin}, MODEL, self.broker, self.intents.append)
        self.changes: list[str] = []

    def open(self, **given: object) -> Trade:
        trade = make_trade(trade_id=8, kind=TradeKind.PAPER, lots=100, **given)  # type: ignore[arg-type]
        self.told(self.ledger.open(trade))
        return trade

    def book(self, at_s: float, mid: float, *events: BrokerEvent) -> None:
        self.broker.at_book += events
        put_book(self.coin, mid, T0 + round(at_s * S))
        self.told(self.ledger.on_book(self.coin, T0 + round(at_s * S)))

    def second(self, at_s: float) -> None:
        self.told(self.ledger.on_second(T0 + round(at_s * S)))

    def told(self, changes: object) -> None:
        self.changes += [change.what for change in changes]  # type: ignore[attr-defined]


def test_an_entry_that_is_refused_at_once_ends_at_once_and_says_so() -> None:
    desk = Desk()
    desk.broker.now = lambda intent: [Refused(8, "entry", T0, "margin")]
    trade = desk.open()
    assert desk.changes == ["closed"]
    assert trade.state == TradeState.CLOSED and not desk.ledger.trades


def test_an_entry_may_fill_in_the_call_that_sends_it() -> None:
    desk = Desk()
    put_book(desk.coin, 100.0, T0)
    desk.broker.now = lambda i: [Filled(8, "entry", T0, filled(100))] if type(i) is Enter else []
    trade = desk.open()
    assert desk.changes == ["filled"]
    assert (trade.state, trade.open_lots) == (TradeState.OPEN, 100)


def test_an_exit_that_ended_unsold_is_sent_again_until_it_is_sold() -> None:
    desk = Desk()
    trade = desk.open(stop=99.0)
    desk.book(1.0, 100.0, Filled(8, "entry", T0 + S, filled(100)))
    desk.book(2.0, 98.0)
    desk.book(3.0, 98.0, Refused(8, "exit", T0 + 3 * S, "rate limit"))
    assert trade.state == TradeState.EXITING
    desk.second(4.0)
    desk.book(4.5, 98.0, PartlyFilled(8, "exit", T0 + 4 * S, filled(40, 98.0)))
    desk.book(4.6, 98.0, Cancelled(8, "exit", T0 + 4 * S, "the rest of it"))
    desk.second(5.0)
    exits = [intent.lots for intent in desk.broker.sent if isinstance(intent, Exit)]
    assert exits == [100, 100, 60]
    desk.book(6.0, 98.0, Filled(8, "exit", T0 + 6 * S, filled(60, 98.0)))
    assert trade.state == TradeState.CLOSED
    assert desk.changes[-1] == "closed" and not desk.ledger.trades


def test_an_entry_in_parts_is_no_sale() -> None:
    desk = Desk()
    desk.open()
    with pytest.raises(InvariantBroken, match="immediate or cancel"):
        desk.book(1.0, 100.0, PartlyFilled(8, "entry", T0 + S, filled(40)))


def test_a_cancel_that_comes_too_late_leaves_a_trade_that_is_sold_at_once() -> None:
    desk = Desk()
    trade = desk.open()
    desk.broker.now = lambda i: [Refused(8, "entry", T0, "too late")] if type(i) is Cancel else []
    desk.told(desk.ledger.flatten(T0 + S))
    assert trade.state == TradeState.PENDING and CANCELLED not in trade.flags
    desk.book(2.0, 100.0, Filled(8, "entry", T0 + 2 * S, filled(100)))
    assert (trade.state, trade.exit_reason) == (TradeState.EXITING, "flatten")


def test_an_entry_that_was_called_off_says_so() -> None:
    desk = Desk()
    trade = desk.open()
    off = Cancelled(8, "entry", T0 + S, CALLED_OFF)
    desk.broker.now = lambda intent: [off] if type(intent) is Cancel else []
    desk.told(desk.ledger.flatten(T0 + S))
    assert desk.changes == ["closed"] and CANCELLED in trade.flags


def test_nobody_knows_and_nobody_is_there_change_nothing() -> None:
    desk = Desk()
    trade = desk.open()
    gone = Filled(12, "exit", T0 + S, filled(5))
    desk.book(1.0, 100.0, Unknown(8, "entry", T0 + S, "timeout"), gone)
    assert desk.changes == [] and trade.state == TradeState.PENDING


def test_what_is_held_is_protected_until_it_is_sold() -> None:
    desk = Desk()
    desk.open(stop=99.0)
    desk.book(1.0, 100.0, Filled(8, "entry", T0 + S, filled(100)))
    desk.book(2.0, 98.0)
    desk.book(3.0, 98.0, Filled(8, "exit", T0 + 3 * S, filled(100, 98.0)))
    assert [type(intent) for intent in desk.intents] == [Enter, Protect, Exit, Cancel]


def test_a_restart_holds_again_what_was_at_work_and_intends_nothing_new() -> None:
    desk = Desk()
    trade = desk.open(stop=99.0)
    desk.book(1.0, 100.0, Filled(8, "entry", T0 + S, filled(100)))
    desk.book(2.0, 98.0)
    other = Desk()
    other.ledger.resume([trade])
    assert [type(intent) for intent in other.broker.sent] == [Protect, Exit]
    assert other.intents == []
