from __future__ import annotations

from venue.local.protocol.address import ZERO_ADDRESS, normal_address


def test_addresses_are_lower_case_or_none() -> None:
    assert normal_address("0x" + "Ab" * 20) == "0x" + "ab" * 20
    for bad in ("0x12", "ab" * 21, None, 5, "0x" + "g" * 40):
        assert normal_address(bad) is None


def test_the_zero_address_is_an_address() -> None:
    assert normal_address(ZERO_ADDRESS) == ZERO_ADDRESS
