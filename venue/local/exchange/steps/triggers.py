"""Trigger orders.

The mark alone decides. A market trigger becomes an immediate order at its limit, a limit trigger an
ordinary one. What reduces a position is cut to it then.
"""

from __future__ import annotations

from venue.local.exchange.state.exchange_state import State
from venue.local.exchange.state.order import (
    GTC,
    IOC,
    REDUCE_ONLY_CANCELED,
    TRIGGERED,
    Order,
    is_reached,
)
from venue.local.exchange.state.refusal import Rejection
from venue.local.exchange.steps.lifecycle import detach, tell
from venue.local.exchange.steps.placing import run


def fire(state: State) -> None:
    """Wake every order whose trigger the mark has reached, by coin and age."""
    for coin in list(state.triggers):
        mark = state.mark(coin)
        if not mark:
            continue
        reached = [o for o in state.triggers[coin].values() if is_reached(o, mark)]
        for order in reached:
            if order.is_open and order.is_waiting:
                _wake(state, order)


def _wake(state: State, order: Order) -> None:
    account = state.accounts[order.user]
    assert order.trigger is not None
    detach(state, account, order)
    tell(state, order, TRIGGERED)
    if order.reduce_only:
        held = account.lots(order.coin)
        if order.side * held >= 0:
            tell(state, order, REDUCE_ONLY_CANCELED)
            return
        whole = order.is_position_tpsl and not order.orig
        order.lots = abs(held) if whole else min(order.lots, abs(held))
    order.tif = IOC if order.trigger.is_market else GTC
    try:
        run(state, account, order)
    except Rejection as refused:
        tell(state, order, refused.status)
