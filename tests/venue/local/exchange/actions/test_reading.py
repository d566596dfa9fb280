from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from tests.venue.local.exchange.scripted import limit, stop
from venue.local.exchange.actions import reading
from venue.local.exchange.state.refusal import Malformed


@pytest.mark.parametrize(
    ("read", "good", "bad"),
    [
        (reading.whole, 5, [True, -1, 1.0, "5", None, 1 << 64]),
        (reading.flag, True, [1, "true", None]),
        (reading.string, "x", [1, None, b"x"]),
        (reading.number, "-1.5", ["1e3", "nan", "", ".", "1" * 41, 5, "٣"]),
        (reading.address, "0x" + "a" * 40, ["0x" + "a" * 39, "a" * 42, 5]),
        (reading.table, {}, [[], None, "x"]),
        (reading.rows, [{}], [{}, [1], None]),
    ],
)
def test_each_field_is_of_its_kind_or_malformed(
    read: Callable[[dict, str], Any], good: object, bad: list[object]
) -> None:
    assert read({"x": good}, "x") == good
    for value in bad:
        with pytest.raises(Malformed):
            read({"x": value}, "x")


def test_an_order_is_read_whole() -> None:
    wire = reading.order(limit("BTC", "buy", "5", "1", tif="Alo", cloid="0x" + "A" * 32))
    assert (wire.tif, wire.trigger, wire.cloid) == ("Alo", None, "0x" + "a" * 32)
    trigger = reading.order(stop("BTC", "sell", "5", "1", "6")).trigger
    assert trigger is not None and (trigger.px, trigger.tpsl, trigger.is_market) == (
        "6",
        "sl",
        True,
    )


@pytest.mark.parametrize(
    "kind",
    [{}, {"limit": {"tif": "Fok"}}, {"limit": 3}, {"trigger": {}}, {"limit": {}, "trigger": {}},
     {"trigger": {"isMarket": True, "triggerPx": "1", "tpsl": "x"}}],
)  # fmt: skip
def test_an_order_of_no_known_kind_is_malformed(kind: dict) -> None:
    with pytest.raises(Malformed):
        reading.order({**limit("BTC", "buy", "5", "1"), "t": kind})


def test_nothing_is_the_default_where_there_is_one() -> None:
    assert reading.flag({}, "f", False) is False and reading.flag({"f": None}, "f", False) is False
    assert (
        reading.whole_or_none({}, "time") is None
        and reading.whole_or_none({"time": 3}, "time") == 3
    )
    assert reading.oid_or_cloid({"oid": 4}, "oid") == 4
