from __future__ import annotations

import pytest

from venue.local.exchange.views import parameters
from venue.local.protocol.refused import Refused


@pytest.mark.parametrize("value", [None, 5, "", "0x12", "0x" + "g" * 40, ["0x" + "a" * 40]])
def test_a_user_that_is_no_address_is_refused(value: object) -> None:
    with pytest.raises(Refused) as caught:
        parameters.user({"user": value})
    assert caught.value.status == 422


def test_a_user_may_be_in_mixed_case() -> None:
    assert parameters.user({"user": "0x" + "Ab" * 20}) == "0x" + "ab" * 20


def test_an_order_is_named_by_number_or_by_cloid() -> None:
    assert parameters.oid({"oid": 7}) == 7
    assert parameters.oid({"oid": "0x" + "A" * 32}) == "0x" + "a" * 32
    for bad in (True, -1, 1.5, "7", None):
        with pytest.raises(Refused):
            parameters.oid({"oid": bad})


def test_only_the_first_exchange_is_here() -> None:
    for fine in (None, ""):
        parameters.require_first_dex({"dex": fine})
    for bad, status in (("xyz", 500), (3, 422)):
        with pytest.raises(Refused) as caught:
            parameters.require_first_dex({"dex": bad})
        assert caught.value.status == status


def test_other_fields_are_what_they_say_or_refused() -> None:
    assert parameters.whole_or({}, "endTime", 9) == 9 and parameters.whole({"t": 4}, "t") == 4
    assert parameters.flag({}, "x") is False and parameters.flag({"x": True}, "x") is True
    assert parameters.string({"coin": "BTC"}, "coin") == "BTC"
    for ask, value in ((parameters.whole, "4"), (parameters.flag, 1), (parameters.string, 4)):
        with pytest.raises(Refused):
            ask({"x": value}, "x")
