"""Modify and batchModify: replacement of an open order by another with a new id.

Unless `a` is true the new order must be post-only, or a limit order, which is made post-only. The
old order goes only when the new one has passed every check.
"""

from __future__ import annotations

from typing import Any

from venue.local.exchange.actions import reading
from venue.local.exchange.actions.orders import accept, new_order, reject
from venue.local.exchange.actions.reading import OrderWire
from venue.local.exchange.state import refusal
from venue.local.exchange.state.account import Account
from venue.local.exchange.state.exchange_state import State
from venue.local.exchange.state.order import ALO, CANCELED, GTC, ORACLE_REJECTED, Order
from venue.local.exchange.state.refusal import Refusal, Rejection
from venue.local.exchange.steps.lifecycle import end
from venue.local.exchange.steps.order_checks import check, check_band
from venue.local.exchange.steps.placing import check_post_only
from venue.local.market.contract import Row


def modify(state: State, account: Account, action: Row) -> Row:
    """Modify one order; any failure refuses the action."""
    always = reading.flag(action, "a", False)
    target = reading.oid_or_cloid(action, "oid")
    wire = reading.order(reading.table(action, "order"))
    status = _modify(state, account, target, wire, always=always)
    if "error" in status:
        raise Refusal(status["error"])
    return reading.default()


def batch_modify(state: State, account: Account, action: Row) -> Row:
    """Modify several orders, one status each."""
    always = reading.flag(action, "a", False)
    asked = [
        (reading.oid_or_cloid(row, "oid"), reading.order(reading.table(row, "order")))
        for row in reading.rows(action, "modifies")
    ]
    if not asked:
        raise Refusal(refusal.EMPTY)
    return reading.statuses(
        "order", [_modify(state, account, target, wire, always=always) for target, wire in asked]
    )


def _modify(
    state: State, account: Account, target: int | str, wire: OrderWire, *, always: bool
) -> Any:
    old = account.open.get(target) if isinstance(target, int) else account.by_cloid.get(target)
    if old is None or not old.is_open or old.is_pending or old.instrument.index != wire.asset:
        return {"error": refusal.MODIFY_GONE}
    if not always and (wire.trigger is not None or wire.tif not in (ALO, GTC)):
        return {"error": refusal.MODIFY_KIND}
    order = new_order(state, account, wire)
    if not isinstance(order, Order):
        return {"error": order}
    if order.trigger is not None:
        order.is_position_tpsl = old.is_position_tpsl
    try:
        _check(state, account, order, old, always=always)
    except Rejection as refused:
        return reject(state, account, order, refused)
    order.builder = old.builder
    if order.trigger is not None:
        _inherit(order, old)
    end(state, old, CANCELED)
    return accept(state, account, order)


def _inherit(order: Order, old: Order) -> None:
    """Put an order in the place of another among its siblings."""
    order.siblings, old.siblings = old.siblings, []
    for sibling in order.siblings:
        sibling.siblings = [order if each is old else each for each in sibling.siblings]


def _check(state: State, account: Account, order: Order, old: Order, *, always: bool) -> None:
    """Refuse what can not take another order's place; raises Rejection."""
    if order.trigger is not None and not order.reduce_only:
        raise Rejection(refusal.TPSL_NOT_REDUCING)
    text = check_band(state, order)
    if text is not None:
        raise Rejection(text, ORACLE_REJECTED)
    check(state, account, order, replaces=old)
    if not always:
        order.tif = ALO
        check_post_only(state, order)
