"""The order action: a batch of orders, with or without grouping.

One status a part, in their order. Some faults of one order refuse the whole batch.
"""

from __future__ import annotations

from typing import Any

from venue.local.exchange.actions import reading
from venue.local.exchange.actions.reading import OrderWire
from venue.local.exchange.state import refusal
from venue.local.exchange.state.account import Account
from venue.local.exchange.state.decimals import TOO_FINE, read
from venue.local.exchange.state.exchange_state import State
from venue.local.exchange.state.fees import BUILDER_TENTHS_MAX
from venue.local.exchange.state.order import GTC, IOC, OPEN, REJECTED, Builder, Order, Trigger
from venue.local.exchange.state.refusal import Malformed, Refusal, Rejection, worded
from venue.local.exchange.steps.lifecycle import end, record, tell, wait
from venue.local.exchange.steps.order_checks import check, check_band
from venue.local.exchange.steps.placing import run
from venue.local.market.contract import Row

NA, NORMAL_TPSL, POSITION_TPSL = "na", "normalTpsl", "positionTpsl"
WAITING_FOR_FILL = "waitingForFill"
WAITING_FOR_TRIGGER = "waitingForTrigger"
PRIORITY_MAX = 10**8


def place(state: State, account: Account, action: Row) -> Row:
    """Place the orders of an action."""
    wires = [reading.order(row) for row in reading.rows(action, "orders")]
    grouping = _grouping(action)
    if not wires:
        raise Refusal(refusal.EMPTY)
    builder = _builder(state, account, action)
    orders = [new_order(state, account, wire, builder) for wire in wires]
    for order in orders:
        if isinstance(order, Order):
            text = _pre_validate(state, order)
            if text is not None:
                # As recorded: one error for all, without an asset, and nothing is placed.
                return reading.statuses("order", [{"error": text}])
    if grouping == NORMAL_TPSL:
        return reading.statuses("order", _place_family(state, account, orders))
    if grouping == POSITION_TPSL:
        _tie(orders)
    return reading.statuses("order", [submit(state, account, order) for order in orders])


def new_order(
    state: State, account: Account, wire: OrderWire, builder: Builder | None = None
) -> Order | str:
    """Return the order that was asked for, or why there can be none."""
    instrument = state.by_index.get(wire.asset)
    if instrument is None:
        return worded(refusal.UNKNOWN_ASSET, wire.asset)
    px = read(wire.px, instrument.px_decimals)
    lots = read(wire.sz, instrument.sz_decimals)
    trigger = None
    trigger_px: int | None = 0
    if wire.trigger is not None:
        trigger_px = read(wire.trigger.px, instrument.px_decimals)
        if trigger_px is not None:
            trigger = Trigger(trigger_px, wire.trigger.is_market, wire.trigger.tpsl)
    order = Order(
        state.next_oid(),
        account.user,
        instrument,
        1 if wire.is_buy else -1,
        max(px or 0, 0),
        max(lots or 0, 0),
        wire.tif or (IOC if trigger and trigger.is_market else GTC),
        state.now_ms,
        reduce_only=wire.reduce_only,
        cloid=wire.cloid,
        trigger=trigger,
        builder=builder,
    )
    text = _unreadable(px, lots, trigger_px)
    if text:
        record(state, account, order)
        tell(state, order, "tickRejected" if text == refusal.TICK else REJECTED)
        return worded(text, wire.asset)
    return order


def _unreadable(px: int | None, lots: int | None, trigger_px: int | None) -> str:
    if lots is None or lots == TOO_FINE:
        return refusal.INVALID_SIZE
    if not px:
        return refusal.NO_PRICE
    if trigger_px is None:
        return refusal.TRIGGER_PX
    return refusal.TICK if TOO_FINE in (px, trigger_px) else ""


def submit(state: State, account: Account, order: Order | str) -> Any:
    """Check one order and let it run; return its status."""
    if not isinstance(order, Order):
        return {"error": order}
    try:
        check(state, account, order)
    except Rejection as refused:
        return reject(state, account, order, refused)
    return accept(state, account, order)


def accept(state: State, account: Account, order: Order) -> Any:
    """Let an order run that has passed the checks; return its status."""
    record(state, account, order)
    if order.trigger is None:
        try:
            return run(state, account, order)
        except Rejection as refused:
            tell(state, order, refused.status)
            return {"error": worded(refused.text, order.instrument.index)}
    wait(state, account, order)
    tell(state, order, OPEN)
    if order.is_position_tpsl:
        return WAITING_FOR_TRIGGER
    row: Row = {"oid": order.oid}
    if order.cloid is not None:
        row["cloid"] = order.cloid
    return {"resting": row}


def reject(state: State, account: Account, order: Order, refused: Rejection) -> Row:
    """Record that an order was refused; return its status."""
    known = account.by_cloid.get(order.cloid) if order.cloid is not None else None
    record(state, account, order)
    if known is not None and known.is_open and order.cloid is not None:
        account.by_cloid[order.cloid] = known
    tell(state, order, refused.status)
    return {"error": worded(refused.text, order.instrument.index)}


def _pre_validate(state: State, order: Order) -> str | None:
    """Return why the whole batch is refused for what the venue looks at before any order."""
    if order.trigger is not None and not order.reduce_only:
        raise Refusal(refusal.TPSL_NOT_REDUCING)
    return check_band(state, order)


def _tie(orders: list[Order | str]) -> None:
    """Make the orders of a position's group siblings, of any size."""
    group = [order for order in orders if isinstance(order, Order)]
    if any(order.trigger is None for order in group):
        raise Refusal(refusal.TPSL_NOT_REDUCING)
    for order in group:
        order.is_position_tpsl = True
        order.siblings = [o for o in group if o is not order and o.coin == order.coin]


def _place_family(state: State, account: Account, orders: list[Order | str]) -> list[Any]:
    """Place an order whose children wait until it is filled."""
    parent, children = orders[0], orders[1:]
    group = [child for child in children if isinstance(child, Order)]
    if not isinstance(parent, Order) or parent.trigger is not None:
        return [submit(state, account, order) for order in orders]
    for child in group:
        child.parent = parent
        child.siblings = [o for o in group if o is not child]
    out: list[Any] = [_adopt(state, account, parent, each) for each in children]
    first = submit(state, account, parent)
    if isinstance(first, dict) and "error" in first:
        _disown(state, parent)
        return [first, *(first if o == WAITING_FOR_FILL else o for o in out)]
    if parent.children and all(not child.is_pending for child in parent.children):
        out = [WAITING_FOR_TRIGGER if o == WAITING_FOR_FILL else o for o in out]
    return [first, *out]


def _adopt(state: State, account: Account, parent: Order, child: Order | str) -> Any:
    if not isinstance(child, Order):
        return {"error": child}
    try:
        if child.trigger is None or child.coin != parent.coin or child.side == parent.side:
            raise Rejection(refusal.TRIGGER_PX, "badTriggerPxRejected")
        check(state, account, child, is_child=True)
    except Rejection as refused:
        return reject(state, account, child, refused)
    record(state, account, child)
    child.is_pending = True
    parent.children.append(child)
    wait(state, account, child)
    return WAITING_FOR_FILL


def _disown(state: State, parent: Order) -> None:
    for child in parent.children:
        if child.is_pending:
            end(state, child, REJECTED)


def _grouping(action: Row) -> str:
    grouping = action.get("grouping", NA)
    if type(grouping) is dict:
        reading.whole(grouping, "p", 0, PRIORITY_MAX)
        return NA
    if grouping not in (NA, NORMAL_TPSL, POSITION_TPSL):
        raise Malformed("grouping")
    return str(grouping)


def _builder(state: State, account: Account, action: Row) -> Builder | None:
    if action.get("builder") is None:
        return None
    asked = reading.table(action, "builder")
    builder = Builder(reading.address(asked, "b"), reading.whole(asked, "f"))
    approved = account.builders.get(builder.address, 0)
    if builder.tenths_bp > min(approved, BUILDER_TENTHS_MAX):
        raise Refusal(refusal.BUILDER)
    return builder
