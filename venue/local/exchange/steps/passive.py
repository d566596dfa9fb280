"""Passive fills: resting orders of accounts that the crowd's prints or touch reach.

When a print of the crowd goes through its price or reaches it: better-priced orders first, at the
print's price the crowd's lots that rested before, then ours in order of arrival. And when the
crowd's touch has moved across it. Either way it trades at its own price, as maker.
"""

from __future__ import annotations

from venue.local.exchange.state.exchange_state import State, Trade, crowd_user
from venue.local.exchange.state.order import MARGIN_CANCELED, Order
from venue.local.exchange.steps.lifecycle import end
from venue.local.exchange.steps.matching import can_make, fill_maker
from venue.local.market.contract import Flow
from venue.local.market.grid import block_start


def fill_from_crowd(state: State, coin: str, since_ms: int) -> None:
    """Fill what the crowd did to a coin's resting orders from one block to another."""
    book = state.books.get(coin)
    if not book:
        return
    for flow in state.market.flow(coin, since_ms, block_start(state.now_ms)):
        _print(state, coin, flow)
    for side in (1, -1):
        _crossed(state, coin, side)


def _print(state: State, coin: str, flow: Flow) -> None:
    """Let a print of the crowd trade with the orders that it would have met."""
    ours = state.books[coin].side(-flow.side)
    left = flow.lots
    while left > 0:
        px = ours.best
        if px is None or (flow.px - px) * flow.side < 0:
            return
        maker = ours.first()
        if maker.made_ms >= flow.ms:
            return
        if px == flow.px:
            crowd = state.crowd.lots_at(coin, -flow.side, px, state.now_ms)
            before = min(maker.ahead, crowd if crowd is not None else 0)
            if before:
                used = min(before, left)
                left -= used
                for order in ours.at(px).values():
                    order.ahead = max(min(order.ahead, crowd or 0) - used, 0)
                continue
        left -= _trade(state, maker, left)


def _crossed(state: State, coin: str, side: int) -> None:
    """Fill orders on one side that the other side of the crowd's book has reached."""
    ours = state.books[coin].side(side)
    best = ours.best
    if best is None:
        return
    touch = state.crowd.best(coin, -side, state.now_ms)
    if touch is None or (best - touch) * side < 0:
        return
    for px, lots, _ in list(state.crowd.levels(coin, -side, state.now_ms)):
        left = lots
        while left > 0 and (best := ours.best) is not None and (best - px) * side >= 0:
            filled = _trade(state, ours.first(), left)
            if filled:
                state.crowd.take(coin, -side, px, filled, state.now_ms)
                left -= filled
        if ours.best is None or left > 0:
            return


def _trade(state: State, maker: Order, lots: int) -> int:
    """Fill a resting order; return how many lots it took, 0 when it was cancelled instead."""
    lots = min(lots, maker.lots)
    if not can_make(state, maker, lots):
        end(state, maker, MARGIN_CANCELED)
        return 0
    tid = state.next_tid()
    other = crowd_user(tid)
    buyer, seller = (maker.user, other) if maker.side > 0 else (other, maker.user)
    state.events.append(
        Trade(maker.coin, -maker.side, maker.px, lots, state.now_ms, state.tx, tid, buyer, seller)
    )
    fill_maker(state, maker, maker.px, lots, tid)
    return lots
