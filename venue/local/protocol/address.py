"""Account addresses."""

from __future__ import annotations

from venue.hyperliquid.signing import Unsignable, address_bytes

ZERO_ADDRESS = "0x" + "0" * 40


def normal_address(value: object) -> str | None:
    """Return an address in the venue's lower-case form, None when it is none."""
    try:
        return "0x" + address_bytes(value).hex()
    except Unsignable:
        return None
