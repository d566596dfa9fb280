"""Matching in price-time priority.

Best price first; at one price the crowd's lots that rested before an account's order, then that
order, and so on. A trade happens at the resting price. An order never trades with its own account:
the resting one is cancelled. A resting order whose account lacks the margin for it is cancelled.
"""

from __future__ import annotations

from venue.local.exchange.state.account import Liquidation
from venue.local.exchange.state.exchange_state import State, Trade, crowd_user
from venue.local.exchange.state.order import (
    FILLED,
    MARGIN_CANCELED,
    SELF_TRADE_CANCELED,
    Order,
)
from venue.local.exchange.state.resting import Side
from venue.local.exchange.steps.clearing import settle
from venue.local.exchange.steps.lifecycle import end
from venue.local.exchange.steps.value import affords
from venue.local.market.contract import Levels


def opposite_best(state: State, order: Order) -> int | None:
    """Return the best price that an order could trade at, of accounts and crowd together."""
    own = state.book(order.coin).side(-order.side).best
    crowd = state.crowd.best(order.coin, -order.side, state.now_ms)
    if own is None or crowd is None:
        return own if crowd is None else crowd
    return min(own, crowd) if order.side > 0 else max(own, crowd)


def crosses(order: Order, px: int | None) -> bool:
    """Say whether an order may trade at a price."""
    return px is not None and (px - order.px) * order.side <= 0


def take(state: State, order: Order) -> None:
    """Trade an arriving order as far as it goes; what remains is in `order.lots`."""
    if not crosses(order, opposite_best(state, order)):
        return
    coin, side = order.coin, order.side
    theirs = state.book(coin).side(-side)
    crowd = _stack(state.crowd.near(coin, -side, state.now_ms))
    is_whole = False
    while order.lots:
        while crowd and not crowd[-1][1]:
            crowd.pop()
        if not crowd and not is_whole:
            crowd, is_whole = _stack(state.crowd.levels(coin, -side, state.now_ms)), True
        own_px = theirs.best
        level = crowd[-1] if crowd else None
        px = _better(own_px, level[0] if level else None, side)
        if not crosses(order, px):
            break
        assert px is not None
        before = level[1] if level is not None and level[0] == px else 0
        maker = theirs.first() if own_px == px else None
        if maker is not None:
            before = min(before, maker.ahead)
        if before:
            assert level is not None
            lots = min(order.lots, before)
            level[1] -= lots
            _take_crowd(state, order, px, lots, theirs)
        elif maker is not None:
            _meet(state, order, maker)
        else:
            break


def _stack(levels: Levels) -> list[list[int]]:
    """Return prices and lots that can be taken off, the best last."""
    return [[px, lots] for px, lots, _ in reversed(levels)]


def _better(one: int | None, other: int | None, side: int) -> int | None:
    if one is None or other is None:
        return one if other is None else other
    return min(one, other) if side > 0 else max(one, other)


def _take_crowd(state: State, order: Order, px: int, lots: int, theirs: Side) -> None:
    state.crowd.take(order.coin, -order.side, px, lots, state.now_ms)
    for resting in theirs.at(px).values():
        resting.ahead = max(resting.ahead - lots, 0)
    tid = state.next_tid()
    order.lots -= lots
    publish(state, order, px, lots, tid, order.user, crowd_user(tid))
    settle(state, order, px, lots, tid=tid, crossed=True, liquidation=liquidation_of(state, order))


def _meet(state: State, order: Order, maker: Order) -> None:
    """Trade with a resting order of an account, or cancel that order."""
    if maker.user == order.user:
        end(state, maker, SELF_TRADE_CANCELED)
        return
    lots = min(order.lots, maker.lots)
    if not can_make(state, maker, lots):
        end(state, maker, MARGIN_CANCELED)
        return
    px, tid = maker.px, state.next_tid()
    order.lots -= lots
    publish(state, order, px, lots, tid, order.user, maker.user)
    marker = liquidation_of(state, order)
    settle(state, order, px, lots, tid=tid, crossed=True, liquidation=marker)
    fill_maker(state, maker, px, lots, tid, marker)


def can_make(state: State, maker: Order, lots: int) -> bool:
    """Say whether a resting order's account still has the margin for it."""
    account = state.accounts[maker.user]
    return affords(state, account, maker.coin, maker.side * lots, maker.px)


def fill_maker(
    state: State,
    maker: Order,
    px: int,
    lots: int,
    tid: int,
    liquidation: Liquidation | None = None,
) -> None:
    """Book a fill of a resting order, which ends when nothing remains."""
    maker.lots -= lots
    settle(state, maker, px, lots, tid=tid, crossed=False, liquidation=liquidation)
    if not maker.lots and maker.is_open:
        end(state, maker, FILLED)


def publish(
    state: State, order: Order, px: int, lots: int, tid: int, taker: str, maker: str
) -> None:
    """Print a trade that an order of an account took."""
    buyer, seller = (taker, maker) if order.side > 0 else (maker, taker)
    state.events.append(
        Trade(order.coin, order.side, px, lots, state.now_ms, state.tx, tid, buyer, seller)
    )


def liquidation_of(state: State, order: Order) -> Liquidation | None:
    """Return the mark of a liquidation's order, None for any other."""
    if not order.liquidation:
        return None
    return Liquidation(order.user, state.mark(order.coin), order.liquidation)
