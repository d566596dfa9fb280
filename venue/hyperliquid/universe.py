"""The kept listing of perpetuals, for when the venue cannot be asked.

Fifty rows of a real `meta` reply are kept beside this file with their source. The local world
trades them, and recordings that lack rules borrow them. Invariant: a row's position is its id.
"""

from __future__ import annotations

from importlib.resources import files

import msgspec
from msgspec import Struct

from market.instrument import Instrument, instruments_from_meta

FILE = "universe.json"


class _Kept(Struct):
    source: list[str]
    universe: list[dict[str, object]]


def load_universe() -> list[dict[str, object]]:
    """Return the kept rows as the `universe` of a meta reply: name, szDecimals, maxLeverage."""
    raw = files("venue.hyperliquid").joinpath(FILE).read_bytes()
    return msgspec.json.decode(raw, type=_Kept).universe


def load_instruments() -> dict[str, Instrument]:
    """Return the kept instruments by coin, in the order of their asset ids."""
    return instruments_from_meta(load_universe())


def source() -> str:
    """Return where the kept rules come from, in one line; the file itself tells more."""
    return f"venue/hyperliquid/{FILE}, kept from a recorded `meta` reply"
