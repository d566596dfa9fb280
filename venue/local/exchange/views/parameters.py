"""Parameters of questions about an account; whatever is ill-typed is refused with 422."""

from __future__ import annotations

from venue.local.exchange.actions import reading
from venue.local.exchange.state.refusal import Malformed
from venue.local.market.contract import Row
from venue.local.protocol.refused import FAILED, UNREADABLE, Refused


def user(question: Row) -> str:
    """Return the account asked about, in lower case."""
    try:
        return reading.address(question, "user")
    except Malformed:
        raise Refused(UNREADABLE) from None


def require_first_dex(question: Row) -> None:
    """Refuse any exchange but the first."""
    dex = question.get("dex")
    if dex is not None and type(dex) is not str:
        raise Refused(UNREADABLE)
    if dex:
        raise Refused(FAILED)


def whole(question: Row, name: str) -> int:
    """Return an integer that must be there."""
    try:
        return reading.whole(question, name)
    except Malformed:
        raise Refused(UNREADABLE) from None


def whole_or(question: Row, name: str, default: int) -> int:
    """Return an integer, or the default for null or nothing."""
    return default if question.get(name) is None else whole(question, name)


def flag(question: Row, name: str) -> bool:
    """Return true or false, false for null or nothing."""
    value = question.get(name)
    if value is not None and type(value) is not bool:
        raise Refused(UNREADABLE)
    return value is True


def string(question: Row, name: str) -> str:
    """Return a text that must be there."""
    value = question.get(name)
    if type(value) is not str:
        raise Refused(UNREADABLE)
    return value


def oid(question: Row) -> int | str:
    """Return an order id, or a client's in lower case."""
    try:
        return reading.oid_or_cloid(question, "oid")
    except Malformed:
        raise Refused(UNREADABLE) from None
