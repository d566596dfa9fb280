"""Life cycle of an order: its beginning, its changes, its end.

Every change is told once. What ends takes its children with it: pending ones end when their parent
does without having been filled, and are armed when it was.
"""

from __future__ import annotations

from venue.local.exchange.state.account import Account
from venue.local.exchange.state.exchange_state import State, Told
from venue.local.exchange.state.notes import CANCEL
from venue.local.exchange.state.order import (
    CANCELED,
    DELISTED_CANCELED,
    FILLED,
    LIQUIDATED_CANCELED,
    MARGIN_CANCELED,
    OPEN,
    SIBLING_FILLED_CANCELED,
    Order,
)

# Cancels that are told as the venue's own doing; of reduce-only ones a probe saw that they are not.
UNASKED = (DELISTED_CANCELED, LIQUIDATED_CANCELED, MARGIN_CANCELED)


def record(state: State, account: Account, order: Order) -> None:
    """Remember a new order; the oldest that have ended are forgotten by count."""
    order.orig = order.orig or order.lots
    account.orders[order.oid] = order
    if order.cloid is not None:
        account.by_cloid[order.cloid] = order
    while len(account.orders) - len(account.open) > state.rules.orders_kept:
        for oid, old in account.orders.items():
            if not old.is_open and oid != order.oid:
                break
        else:
            return
        del account.orders[oid]
        if old.cloid is not None and account.by_cloid.get(old.cloid) is old:
            del account.by_cloid[old.cloid]


def tell(state: State, order: Order, status: str) -> None:
    """Give an order a status and say so."""
    order.status = status
    order.status_ms = state.now_ms
    state.events.append(Told(order, order.lots, status, state.now_ms))


def rest(state: State, account: Account, order: Order) -> None:
    """Put what remains of an order into the book, behind the crowd that rests at its price."""
    order.is_open = True
    account.open[order.oid] = order
    coin = order.coin
    state.book(coin).side(order.side).add(order)
    ahead = state.crowd.lots_at(coin, order.side, order.px, state.now_ms)
    order.ahead = ahead if ahead is not None else 1 << 62
    if order.reduce_only:
        account.reducing.setdefault(coin, {})[order.oid] = order


def wait(state: State, account: Account, order: Order) -> None:
    """Let an order wait for its trigger, or for its parent."""
    order.is_open = True
    account.open[order.oid] = order
    if not order.is_pending:
        order.is_waiting = True
        state.triggers.setdefault(order.coin, {})[order.oid] = order


def detach(state: State, account: Account, order: Order) -> None:
    """Take an order out of wherever it waits."""
    if not order.is_open:
        return
    coin = order.coin
    if order.is_waiting:
        waiting = state.triggers[coin]
        del waiting[order.oid]
        if not waiting:
            del state.triggers[coin]
    elif not order.is_pending:
        state.book(coin).side(order.side).remove(order)
        reducing = account.reducing.get(coin)
        if reducing is not None and reducing.pop(order.oid, None) is not None and not reducing:
            del account.reducing[coin]
    order.is_open = order.is_waiting = False
    del account.open[order.oid]


def end(state: State, order: Order, status: str) -> None:
    """End an order with a status."""
    account = state.accounts[order.user]
    detach(state, account, order)
    order.is_pending = False
    tell(state, order, status)
    if status in UNASKED:
        state.note(order.user, CANCEL, {"coin": order.coin, "oid": order.oid})
    for child in order.children:
        if child.is_pending:
            if order.filled_lots and order.status == FILLED:
                arm(state, account, child)
            else:
                end(state, child, CANCELED)


def arm(state: State, account: Account, child: Order) -> None:
    """Let a pending child wait for its trigger."""
    child.is_pending = False
    wait(state, account, child)
    tell(state, child, OPEN)


def end_siblings(state: State, order: Order) -> None:
    """End the orders of which only one may be filled."""
    for sibling in order.siblings:
        if sibling.is_open:
            end(state, sibling, SIBLING_FILLED_CANCELED)
