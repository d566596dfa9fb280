from __future__ import annotations

from typing import Any

import pytest

from tests.venue.local.faults.spoiling import answer, asked
from venue.local.faults.post_only_window import TEXT, PostOnlyWindow, orders_in

ALO = {"a": 5, "t": {"limit": {"tif": "Alo"}}}
IOC = {"a": 3, "t": {"limit": {"tif": "Ioc"}}}
STOP = {"a": 3, "t": {"trigger": {"isMarket": True, "triggerPx": "1", "tpsl": "sl"}}}


def reply_to(action: str, **fields: Any) -> Any:
    return answer(PostOnlyWindow(), asked(action, "/exchange", **fields), "carried out").data()


def test_post_only_orders_and_cancels_go_through() -> None:
    assert reply_to("order", orders=[ALO, ALO]) == "carried out"
    assert reply_to("modify", order=ALO) == "carried out"
    assert reply_to("cancel", cancels=[{"a": 5, "o": 1}]) == "carried out"


@pytest.mark.parametrize(
    ("action", "fields", "assets"),
    [
        ("order", {"orders": [IOC]}, [3]),
        ("order", {"orders": [ALO, STOP]}, [5, 3]),
        ("modify", {"order": IOC}, [3]),
        ("batchModify", {"modifies": [{"oid": 1, "order": IOC}]}, [3]),
    ],
)
def test_others_are_refused_in_the_venues_words(
    action: str, fields: dict[str, Any], assets: list[int]
) -> None:
    assert TEXT == "Only post-only orders allowed immediately after a network upgrade"
    statuses = [{"error": f"{TEXT} asset={asset}"} for asset in assets]
    response = {"type": "order", "data": {"statuses": statuses}}
    assert reply_to(action, **fields) == {"status": "ok", "response": response}


@pytest.mark.parametrize(
    "action",
    [None, [], {}, {"type": "order"}, {"type": "order", "orders": 5}, {"type": "batchModify"}],
)
def test_senseless_actions_are_left_to_the_venue(action: object) -> None:
    assert orders_in(action) == []
