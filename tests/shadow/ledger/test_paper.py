from __future__ import annotations

from collections.abc import Iterable

from market.coin import Coin
from market.decision import BUY
from market.orders import BrokerEvent, Exit, Protect
from shadow.ledger.paper import PaperBroker
from tests.support.brokers import SECOND_NS, BrokerSuite, Side
from tests.support.shadow import MODEL, SOL, T0, put_book


class PaperDesk:
    """A paper broker in a market of one coin."""

    def __init__(self) -> None:
        self.coin = Coin(SOL)
        self.broker = PaperBroker(["SOL"], MODEL)
        self.now_ns = T0

    def book(self, bids: Side, asks: Side) -> list[BrokerEvent]:
        put_book(self.coin, 0.0, self.now_ns, bids=bids, asks=asks)
        return self.broker.on_book(self.coin, self.now_ns)

    def wait(self, seconds: float) -> list[BrokerEvent]:
        self.now_ns += round(seconds * SECOND_NS)
        return self.broker.on_second("SOL", self.now_ns)


class TestPaperBroker(BrokerSuite):
    def desk(self) -> PaperDesk:
        return PaperDesk()


def test_an_order_arrives_at_the_very_nanosecond_it_is_due() -> None:
    desk = PaperDesk()
    order = Exit(8, "SOL", BUY, 100, 0, T0 + 5, "stop")
    desk.broker.send(order, desk.now_ns)
    desk.now_ns = T0 + 4
    assert desk.book([(99.0, 9.0)], [(101.0, 9.0)]) == []
    desk.now_ns = T0 + 5
    (event,) = desk.book([(99.0, 9.0)], [(101.0, 9.0)])
    assert event.at_ns == T0 + 5


def test_what_another_order_took_is_skipped_on_every_walk() -> None:
    desk = PaperDesk()
    desk.broker.send(Exit(8, "SOL", BUY, 200, 100, T0, "stop"), T0)
    first = desk.book([(99.0, 2.0)], [(101.0, 9.0)])
    second = desk.book([(99.0, 2.0)], [(101.0, 9.0)])
    assert lots(first) == lots(second) == [100]


def lots(events: Iterable[BrokerEvent]) -> list[int]:
    return [event.fill.lots for event in events]  # type: ignore[union-attr]


def test_a_stop_at_rest_triggers_nothing_by_itself() -> None:
    desk = PaperDesk()
    stop = Protect(8, "SOL", BUY, 100, 98.0)
    desk.broker.send(stop, T0)
    assert desk.book([(50.0, 9.0)], [(51.0, 9.0)]) == []
    assert desk.broker.protections == {8: stop}
