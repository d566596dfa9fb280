"""Cancels by order id and by client order id."""

from __future__ import annotations

from typing import Any

from venue.local.exchange.actions import reading
from venue.local.exchange.state import refusal
from venue.local.exchange.state.account import Account
from venue.local.exchange.state.exchange_state import State
from venue.local.exchange.state.order import CANCELED, Order
from venue.local.exchange.state.refusal import Refusal, worded
from venue.local.exchange.steps.lifecycle import end
from venue.local.market.contract import Row


def cancel(state: State, account: Account, action: Row) -> Row:
    """Cancel by order id."""
    asked = [
        (reading.whole(row, "a"), reading.whole(row, "o"))
        for row in reading.rows(action, "cancels")
    ]
    found = [(asset, account.open.get(oid)) for asset, oid in asked]
    return _cancel(state, account, action, found)


def cancel_by_cloid(state: State, account: Account, action: Row) -> Row:
    """Cancel by client order id."""
    asked = [
        (reading.whole(row, "asset"), reading.cloid(row.get("cloid")))
        for row in reading.rows(action, "cancels")
    ]
    found = [(asset, account.by_cloid.get(cloid)) for asset, cloid in asked]
    return _cancel(state, account, action, found)


def _cancel(
    state: State, account: Account, action: Row, found: list[tuple[int, Order | None]]
) -> Row:
    if not found:
        raise Refusal(refusal.EMPTY)
    is_fast = reading.flag(action, "f", False)
    out: list[Any] = []
    for asset, order in found:
        if order is None or not order.is_open or order.instrument.index != asset:
            out.append({"error": worded(refusal.NEVER_PLACED, asset)})
        elif is_fast and order.trigger is not None:
            out.append({"error": worded(refusal.FAST_TRIGGER, asset)})
        else:
            end(state, order, CANCELED)
            out.append("success")
    return reading.statuses("cancel", out)


def cancel_all(state: State, account: Account, status: str) -> None:
    """End every open order of an account, oldest first."""
    for order in list(account.open.values()):
        if order.is_open:
            end(state, order, status)
