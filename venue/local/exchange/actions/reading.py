"""Field-by-field reading of actions.

Whatever is not of the form that the venue could deserialise raises Malformed, and nothing else.
"""

from __future__ import annotations

import re
from typing import Any

from msgspec import Struct

from venue.local.exchange.state.order import TIFS
from venue.local.exchange.state.refusal import Malformed
from venue.local.market.contract import Row

INT_MAX = (1 << 63) - 1
CLOID = re.compile(r"0x[0-9a-fA-F]{32}")
ADDRESS = re.compile(r"0x[0-9a-fA-F]{40}")
NUMBER = re.compile(r"-?(\d+(\.\d*)?|\.\d+)", re.ASCII)
NUMBER_LENGTH_MAX = 40


class TriggerWire(Struct, frozen=True):
    """The trigger of an order as received."""

    is_market: bool
    px: str
    tpsl: str


class OrderWire(Struct, frozen=True):
    """An order as received: well-formed, not yet checked."""

    asset: int
    is_buy: bool
    px: str
    sz: str
    reduce_only: bool
    tif: str
    trigger: TriggerWire | None
    cloid: str | None


def whole(row: Row, name: str, low: int = 0, high: int = INT_MAX) -> int:
    """Return an integer within bounds."""
    value = row.get(name)
    if type(value) is not int or not low <= value <= high:
        raise Malformed(name)
    return value


def whole_or_none(row: Row, name: str) -> int | None:
    """Return an integer, None for null or nothing."""
    return None if row.get(name) is None else whole(row, name)


def flag(row: Row, name: str, default: bool | None = None) -> bool:
    """Return true or false; nothing counts as the default, when there is one."""
    value = row.get(name, default)
    if value is None and default is not None:
        return default
    if type(value) is not bool:
        raise Malformed(name)
    return value


def string(row: Row, name: str) -> str:
    """Return a text."""
    value = row.get(name)
    if type(value) is not str:
        raise Malformed(name)
    return value


def number(row: Row, name: str) -> str:
    """Return a decimal number as text."""
    value = string(row, name)
    if len(value) > NUMBER_LENGTH_MAX or not NUMBER.fullmatch(value):
        raise Malformed(name)
    return value


def address(row: Row, name: str) -> str:
    """Return an address in lower case."""
    value = string(row, name)
    if not ADDRESS.fullmatch(value):
        raise Malformed(name)
    return value.lower()


def cloid(value: Any) -> str:
    """Return a client order id in lower case."""
    if type(value) is not str or not CLOID.fullmatch(value):
        raise Malformed("cloid")
    return value.lower()


def oid_or_cloid(row: Row, name: str) -> int | str:
    """Return an order id, or a client's."""
    return whole(row, name) if type(row.get(name)) is int else cloid(row.get(name))


def table(row: Row, name: str) -> Row:
    """Return an object."""
    value = row.get(name)
    if type(value) is not dict:
        raise Malformed(name)
    return value


def rows(row: Row, name: str) -> list[Row]:
    """Return a list of objects."""
    value = row.get(name)
    if type(value) is not list or not all(type(each) is dict for each in value):
        raise Malformed(name)
    return value


def order(row: Row) -> OrderWire:
    """Return an order."""
    kind = table(row, "t")
    trigger = None
    tif = ""
    if len(kind) != 1:
        raise Malformed("t")
    if "limit" in kind:
        tif = string(table(kind, "limit"), "tif")
        if tif not in TIFS:
            raise Malformed("tif")
    else:
        asked = table(kind, "trigger")
        tpsl = string(asked, "tpsl")
        if tpsl not in ("tp", "sl"):
            raise Malformed("tpsl")
        trigger = TriggerWire(flag(asked, "isMarket"), number(asked, "triggerPx"), tpsl)
    named = row.get("c")
    return OrderWire(
        whole(row, "a"),
        flag(row, "b"),
        number(row, "p"),
        number(row, "s"),
        flag(row, "r"),
        tif,
        trigger,
        None if named is None else cloid(named),
    )


def default() -> Row:
    """Return the reply that only says that it was done."""
    return {"type": "default"}


def statuses(kind: str, each: list[Any]) -> Row:
    """Return the reply with a status for each part of an action."""
    return {"type": kind, "data": {"statuses": each}}
