from __future__ import annotations

from typing import Any

from tests.venue.local.serving import NOW_MS
from venue.local.exchange.exchange import Exchange
from venue.local.exchange.state.notes import Note
from venue.local.faults.faulty_exchange import FaultyExchange
from venue.local.faults.kinds.market.delisting import Delisting
from venue.local.faults.kinds.orders.post_only_window import PostOnlyWindow
from venue.local.faults.plan import Plan
from venue.local.faults.running import Running
from venue.local.world.world import World

ORDER = {"type": "order", "orders": [{"a": 0, "t": {"limit": {"tif": "Gtc"}}}]}


class Recording:
    """An exchange that remembers what it was asked."""

    def __init__(self) -> None:
        self.asked: list[tuple[Any, ...]] = []

    def delist(self, coin: str, now_ms: int) -> None:
        self.asked.append(("delist", coin, now_ms))

    def __getattr__(self, name: str) -> Any:
        def ask(*args: Any) -> Any:
            self.asked.append((name, *args))
            return name

        return ask


def test_an_action_meets_the_faults_that_are_on() -> None:
    inner, now = Recording(), [0]
    trading = FaultyExchange(inner, Running(Plan((PostOnlyWindow(for_s=1.0),))), lambda: now[0])
    assert "error" in trading.act("0xa", ORDER, 5)["response"]["data"]["statuses"][0]
    assert inner.asked == []
    now[0] = 1_000
    trading.act("0xa", ORDER, 6)
    assert inner.asked == [("act", "0xa", ORDER, 6)]


def test_all_else_goes_to_the_exchange() -> None:
    inner = Recording()
    trading = FaultyExchange(inner, Running(Plan(())), lambda: 0)
    trading.deposit("0xa", 1, 2)
    trading.advance(3)
    assert trading.has("0xa")
    found = [trading.drain(), trading.requests_used("a"), trading.requests_cap("a")]
    assert [*found, trading.volume_e6("a")] == [
        "drain",
        "requests_used",
        "requests_cap",
        "volume_e6",
    ]
    assert inner.asked[:3] == [("deposit", "0xa", 1, 2), ("advance", 3), ("has", "0xa")]


def test_a_coin_goes_off_the_list_once() -> None:
    inner, now = Recording(), [0]
    running = Running(Plan((Delisting(coin="ETH", at_s=1.0),)))
    trading = FaultyExchange(inner, running, lambda: now[0])
    for now[0] in (0, 999, 1_000, 2_000):
        trading.advance(now[0])
    assert [call for call in inner.asked if call[0] == "delist"] == [("delist", "ETH", 1_000)]


def test_an_exchange_with_a_coin_off_its_list_takes_no_orders_in_it(world: World) -> None:
    user, now_ms = "0x" + "a" * 40, NOW_MS
    exchange = Exchange(world)
    exchange.deposit(user, 1_000_000_000, now_ms)
    trading = FaultyExchange(exchange, Running(Plan((Delisting(coin="ETH"),))), lambda: 0)
    px = str(round(float(world.mids(now_ms)["ETH"]) * 0.95))
    order = {"a": 1, "b": True, "p": px, "s": "0.1", "r": False, "t": {"limit": {"tif": "Gtc"}}}
    action = {"type": "order", "orders": [order], "grouping": "na"}
    (status,) = trading.act(user, action, now_ms)["response"]["data"]["statuses"]
    assert "resting" in status
    trading.advance(now_ms + 75)
    told = [n for n in trading.drain() if isinstance(n, Note) and n.kind == "order"]
    assert [note.data["status"] for note in told] == ["open", "delistedCanceled"]
    (status,) = trading.act(user, action, now_ms + 75)["response"]["data"]["statuses"]
    assert "error" in status
