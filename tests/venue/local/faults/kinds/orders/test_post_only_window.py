from __future__ import annotations

from typing import Any

import pytest

from venue.local.faults.kinds.orders.post_only_window import TEXT, PostOnlyWindow
from venue.local.faults.plan import Plan
from venue.local.faults.running import Running
from venue.local.market.contract import Row

ALO = {"a": 5, "t": {"limit": {"tif": "Alo"}}}
IOC = {"a": 3, "t": {"limit": {"tif": "Ioc"}}}
STOP = {"a": 3, "t": {"trigger": {"isMarket": True, "triggerPx": "1", "tpsl": "sl"}}}
REFUSED = {"error": f"{TEXT} asset=3"}


def obey(action: Row, now_ms: int = 0) -> tuple[list[Row], Row]:
    """Return what reached the exchange and the reply."""
    reached: list[Row] = []

    def do(given: Row) -> Row:
        reached.append(given)
        rows = given.get("orders", given.get("modifies"))
        count = len(rows) if isinstance(rows, list) else 1
        statuses = [{"resting": {"oid": n}} for n in range(count)]
        return {"status": "ok", "response": {"type": "order", "data": {"statuses": statuses}}}

    return reached, Running(Plan((PostOnlyWindow(for_s=1.0),))).act(action, do, now_ms)


@pytest.mark.parametrize(
    "action",
    [
        {"type": "order", "orders": [ALO, ALO]},
        {"type": "modify", "order": ALO},
        {"type": "cancel", "cancels": [{"a": 5, "o": 1}]},
        {"type": "order", "orders": 5},
        {"type": "batchModify"},
    ],
)
def test_post_only_orders_and_cancels_go_through(action: Row) -> None:
    assert obey(action)[0] == [action]


@pytest.mark.parametrize(
    "action",
    [
        {"type": "order", "orders": [IOC]},
        {"type": "order", "orders": [STOP]},
        {"type": "modify", "order": IOC},
        {"type": "batchModify", "modifies": [{"oid": 1, "order": IOC}]},
    ],
)
def test_others_are_refused_in_the_venues_words(action: Row) -> None:
    assert TEXT == "Only post-only orders allowed immediately after a network upgrade"
    reached, reply = obey(action)
    assert reached == []
    assert reply == {"status": "ok", "response": {"type": "order", "data": {"statuses": [REFUSED]}}}


def test_in_a_batch_each_order_is_judged_for_itself() -> None:
    reached, reply = obey({"type": "order", "orders": [ALO, IOC, ALO], "grouping": "na"})
    assert reached == [{"type": "order", "orders": [ALO, ALO], "grouping": "na"}]
    statuses: list[Any] = reply["response"]["data"]["statuses"]
    assert statuses == [{"resting": {"oid": 0}}, REFUSED, {"resting": {"oid": 1}}]


def test_what_the_exchange_says_to_the_whole_action_stands() -> None:
    def do(_: Row) -> Row:
        return {"status": "err", "response": "no"}

    running = Running(Plan((PostOnlyWindow(),)))
    assert running.act({"type": "order", "orders": [ALO, IOC]}, do, 0)["response"] == "no"


def test_after_the_window_all_go_through() -> None:
    action = {"type": "order", "orders": [IOC]}
    assert obey(action, now_ms=1_000)[0] == [action]
