from __future__ import annotations

import pytest

from tests.venue.local.exchange.scripted import ALICE, ScriptedMarket
from venue.local.exchange.state.order import Order, Trigger, frontend_row, is_reached, order_row

BTC = ScriptedMarket.instruments["BTC"]


def order(side: int = 1, trigger: Trigger | None = None, **more: object) -> Order:
    found = Order(7, ALICE, BTC, side, 990_000, 50_000, "Gtc", 5, orig=100_000, trigger=trigger)
    for name, value in more.items():
        setattr(found, name, value)
    return found


def test_the_short_form_names_cloid_and_reduce_only_only_when_there() -> None:
    row = order_row(order(), 50_000)
    assert row == {
        "coin": "BTC",
        "side": "B",
        "limitPx": "99000.0",
        "sz": "0.5",
        "oid": 7,
        "timestamp": 5,
        "origSz": "1.0",
    }
    more = order_row(order(cloid="0x1", reduce_only=True), 0)
    assert (more["cloid"], more["reduceOnly"], more["sz"]) == ("0x1", True, "0.0")


def test_the_long_form_names_everything() -> None:
    assert list(frontend_row(order())) == [
        "coin", "side", "limitPx", "sz", "oid", "timestamp", "triggerCondition", "isTrigger",
        "triggerPx", "children", "isPositionTpsl", "reduceOnly", "orderType", "origSz", "tif",
        "cloid",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("side", "tpsl", "condition", "below", "at", "above"),
    [
        (1, "sl", "Price above 98000", False, True, True),
        (1, "tp", "Price below 98000", True, True, False),
        (-1, "sl", "Price below 98000", True, True, False),
        (-1, "tp", "Price above 98000", False, True, True),
    ],
)
def test_stops_wait_for_the_bad_side_and_profits_for_the_good(
    side: int, tpsl: str, condition: str, below: bool, at: bool, above: bool
) -> None:
    waiting = order(side, Trigger(980_000, True, tpsl), is_waiting=True)
    assert [is_reached(waiting, px) for px in (979_999, 980_000, 980_001)] == [below, at, above]
    row = frontend_row(waiting)
    assert (row["triggerCondition"], row["isTrigger"], row["tif"]) == (condition, True, None)


@pytest.mark.parametrize(
    ("trigger", "more", "name"),
    [
        (None, {}, "Limit"),
        (None, {"tif": "FrontendMarket"}, "Market"),
        (None, {"twap_id": 3}, "Twap Slice"),
        (Trigger(1, True, "sl"), {}, "Stop Market"),
        (Trigger(1, False, "sl"), {}, "Stop Limit"),
        (Trigger(1, True, "tp"), {}, "Take Profit Market"),
        (Trigger(1, False, "tp"), {}, "Take Profit Limit"),
    ],
)
def test_each_type_has_the_venues_name(trigger: Trigger | None, more: dict, name: str) -> None:
    assert frontend_row(order(trigger=trigger, **more))["orderType"] == name
