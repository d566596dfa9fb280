"""Behavioural suite of brokers: what each must do, whatever carries its orders out."""

from __future__ import annotations

from typing import Protocol

from market.decision import BUY, SELL
from market.orders import (
    Accepted,
    Broker,
    BrokerEvent,
    Cancel,
    Cancelled,
    Enter,
    Exit,
    Filled,
    PartlyFilled,
    Protect,
    Refused,
)

SECOND_NS = 1_000_000_000
Side = list[tuple[float, float]]


class Desk(Protocol):
    """A broker in a market of one coin, SOL with lots of 0.01, and hands to move time and book."""

    broker: Broker
    now_ns: int

    def book(self, bids: Side, asks: Side) -> list[BrokerEvent]:
        """Show a book of (price, size) now; return what the broker tells of its orders."""

    def wait(self, seconds: float) -> list[BrokerEvent]:
        """Let time pass without a book; return what the broker tells."""


class BrokerSuite:
    """Tests of a broker; a subclass says how its desk is made."""

    def desk(self) -> Desk:
        """Return a fresh desk."""
        raise AssertionError("a suite without a broker tests nothing")

    def enter(
        self, desk: Desk, lots: int, *, side: int = BUY, trade_id: int = 8, wait_s: float = 10.0
    ) -> Enter:
        """Return an entry that is due in 0.4 s."""
        due_ns = desk.now_ns + 400_000_000
        expires_ns = due_ns + round(wait_s * SECOND_NS)
        return Enter(trade_id, "SOL", side, lots, 0, due_ns, expires_ns)

    def exit(self, desk: Desk, lots: int, *, side: int = BUY, trade_id: int = 8) -> Exit:
        """Return an exit that is due in 0.4 s."""
        return Exit(trade_id, "SOL", side, lots, 0, desk.now_ns + 400_000_000, "stop")

    def silent(self, desk: Desk) -> bool:
        """Say whether nothing is at work any more: deep books and time bring no event."""
        desk.wait(60.0)
        return not desk.book([(99.0, 1e6)], [(101.0, 1e6)])

    def test_an_entry_is_accepted_and_filled_from_what_it_meets_once_it_has_arrived(self) -> None:
        desk = self.desk()
        (answer,) = desk.broker.send(self.enter(desk, 300), desk.now_ns)
        assert isinstance(answer, Accepted)
        assert desk.book([(99.9, 9.0)], [(100.0, 9.0)]) == [], "it is still on its way"
        desk.wait(0.5)
        (event,) = desk.book([(99.0, 9.0)], [(101.0, 1.0), (102.0, 9.0)])
        assert isinstance(event, Filled)
        assert (event.trade_id, event.part, event.fill.lots) == (8, "entry", 300)
        assert event.fill.notional_e6 == 101_000_000 + 204_000_000
        assert self.silent(desk)

    def test_a_short_entry_takes_the_bids(self) -> None:
        desk = self.desk()
        desk.broker.send(self.enter(desk, 100, side=SELL), desk.now_ns)
        desk.wait(0.5)
        (event,) = desk.book([(99.0, 9.0)], [(101.0, 9.0)])
        assert isinstance(event, Filled)
        assert event.fill.px == 99.0

    def test_an_entry_takes_what_there_is_and_leaves_nothing_at_work(self) -> None:
        desk = self.desk()
        desk.broker.send(self.enter(desk, 300), desk.now_ns)
        desk.wait(0.5)
        (event,) = desk.book([(99.0, 9.0)], [(101.0, 1.0)])
        assert isinstance(event, Filled)
        assert event.fill.lots == 100
        assert self.silent(desk)

    def test_an_entry_that_meets_nothing_in_time_is_cancelled_once(self) -> None:
        desk = self.desk()
        desk.broker.send(self.enter(desk, 300, wait_s=2.0), desk.now_ns)
        told = [event for _ in range(5) for event in desk.wait(1.0)]
        assert [type(event) for event in told] == [Cancelled]
        assert desk.book([(99.0, 9.0)], [(101.0, 9.0)]) == []

    def test_an_exit_stays_at_work_until_all_of_it_is_sold(self) -> None:
        desk = self.desk()
        desk.broker.send(self.exit(desk, 300), desk.now_ns)
        desk.wait(0.5)
        (part,) = desk.book([(99.0, 1.0)], [(101.0, 9.0)])
        assert isinstance(part, PartlyFilled)
        assert (part.part, part.fill.lots, part.fill.px) == ("exit", 100, 99.0)
        desk.wait(60.0)
        (rest,) = desk.book([(98.0, 9.0)], [(101.0, 9.0)])
        assert isinstance(rest, Filled)
        assert (rest.fill.lots, rest.fill.px) == (200, 98.0)
        assert self.silent(desk)

    def test_orders_that_meet_one_book_are_told_of_by_age(self) -> None:
        desk = self.desk()
        for trade_id in (12, 4):
            desk.broker.send(self.enter(desk, 10, trade_id=trade_id), desk.now_ns)
            desk.wait(0.1)
        desk.wait(0.5)
        events = desk.book([(99.0, 9.0)], [(101.0, 9.0)])
        assert [event.trade_id for event in events] == [12, 4]

    def test_a_cancelled_entry_never_fills(self) -> None:
        desk = self.desk()
        desk.broker.send(self.enter(desk, 300), desk.now_ns)
        (event,) = desk.broker.send(Cancel(8, "SOL", "entry"), desk.now_ns)
        assert isinstance(event, Cancelled)
        desk.wait(0.5)
        assert desk.book([(99.0, 9.0)], [(101.0, 9.0)]) == []

    def test_a_cancel_of_what_is_not_at_work_is_refused_and_touches_no_exit(self) -> None:
        desk = self.desk()
        desk.broker.send(self.exit(desk, 100), desk.now_ns)
        (event,) = desk.broker.send(Cancel(8, "SOL", "entry"), desk.now_ns)
        assert isinstance(event, Refused)
        desk.wait(0.5)
        (sold,) = desk.book([(99.0, 9.0)], [(101.0, 9.0)])
        assert isinstance(sold, Filled)

    def test_an_exit_that_is_taken_back_never_fills_and_leaves_the_stop(self) -> None:
        desk = self.desk()
        desk.broker.send(Protect(8, "SOL", BUY, 100, 98.0), desk.now_ns)
        desk.broker.send(self.exit(desk, 100), desk.now_ns)
        (event,) = desk.broker.send(Cancel(8, "SOL", "exit"), desk.now_ns)
        assert isinstance(event, Cancelled)
        assert event.part == "exit"
        desk.wait(0.5)
        assert desk.book([(99.0, 9.0)], [(101.0, 9.0)]) == []
        (gone,) = desk.broker.send(Cancel(8, "SOL", "protection"), desk.now_ns)
        assert isinstance(gone, Cancelled)

    def test_an_entry_for_nothing_ends_without_a_fill(self) -> None:
        desk = self.desk()
        told = list(desk.broker.send(self.enter(desk, 0), desk.now_ns))
        desk.wait(0.5)
        told += desk.book([(99.0, 9.0)], [(101.0, 9.0)])
        ends = [event for event in told if not isinstance(event, Accepted)]
        assert [type(event) in (Refused, Cancelled) for event in ends] == [True]
        assert self.silent(desk)

    def test_a_protective_stop_rests_until_it_is_called_off(self) -> None:
        desk = self.desk()
        for stop_px in (98.0, 97.0):
            (event,) = desk.broker.send(Protect(8, "SOL", BUY, 100, stop_px), desk.now_ns)
            assert isinstance(event, Accepted)
        (gone,) = desk.broker.send(Cancel(8, "SOL", "protection"), desk.now_ns)
        assert isinstance(gone, Cancelled)
        (twice,) = desk.broker.send(Cancel(8, "SOL", "protection"), desk.now_ns)
        assert isinstance(twice, Refused), "there was one stop, the newer one"
