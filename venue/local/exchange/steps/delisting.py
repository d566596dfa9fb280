"""Delisting of a coin.

Its orders are cancelled and its positions settled at the mark, without fee; nothing new is taken.
"""

from __future__ import annotations

from venue.local.exchange.state.exchange_state import State
from venue.local.exchange.state.order import DELISTED_CANCELED, IOC, Order
from venue.local.exchange.steps.clearing import settle
from venue.local.exchange.steps.lifecycle import end


def delist(state: State, coin: str) -> None:
    """Take a coin off the list; doing it again does nothing."""
    state.delisted.add(coin)
    for account in list(state.accounts.values()):
        for order in list(account.open.values()):
            if order.is_open and order.coin == coin:
                end(state, order, DELISTED_CANCELED)
    mark = state.mark(coin)
    tid = state.next_tid()
    for user in sorted(state.holders.get(coin, ())):
        lots = state.accounts[user].lots(coin)
        order = Order(
            state.next_oid(),
            user,
            state.instruments[coin],
            -1 if lots > 0 else 1,
            mark,
            0,
            IOC,
            state.now_ms,
            orig=abs(lots),
        )
        settle(state, order, mark, abs(lots), tid=tid, crossed=True, is_free=True)
