"""Placing of an order that has passed the checks: it trades, rests, waits or is cancelled.

The same for orders that arrive, that a trigger wakes, that a TWAP or a liquidation sends.
"""

from __future__ import annotations

from venue.local.exchange.state import refusal
from venue.local.exchange.state.account import Account
from venue.local.exchange.state.decimals import halved, text
from venue.local.exchange.state.exchange_state import State
from venue.local.exchange.state.order import (
    ALO,
    BAD_ALO_PX_REJECTED,
    FILLED,
    FRONTEND,
    IOC,
    IOC_CANCEL_REJECTED,
    NO_LIQUIDITY_REJECTED,
    OPEN,
    Order,
)
from venue.local.exchange.state.refusal import Rejection
from venue.local.exchange.steps.clearing import follow
from venue.local.exchange.steps.lifecycle import end, rest, tell
from venue.local.exchange.steps.matching import crosses, opposite_best, take
from venue.local.market.contract import Row


def check_post_only(state: State, order: Order) -> None:
    """Refuse a post-only order that would trade; raises Rejection."""
    if order.tif == ALO and crosses(order, opposite_best(state, order)):
        raise Rejection(refusal.POST_ONLY.format(bbo=bbo(state, order)), BAD_ALO_PX_REJECTED)


def run(state: State, account: Account, order: Order) -> Row:
    """Trade an order and let the rest of it rest, if it may; return its status for the reply.

    Raises Rejection when it neither trades nor rests.
    """
    check_post_only(state, order)
    if order.tif != ALO:
        take(state, order)
    if order.lots and order.tif in (IOC, FRONTEND):
        if not order.filled_lots:
            if order.tif == FRONTEND or (order.trigger is not None and order.trigger.is_market):
                raise Rejection(refusal.NO_LIQUIDITY, NO_LIQUIDITY_REJECTED)
            raise Rejection(refusal.NO_MATCH, IOC_CANCEL_REJECTED)
        # What an immediate order could not fill is cancelled without a word.
        end(state, order, FILLED)
        return filled(order)
    if not order.lots:
        end(state, order, FILLED)
        return filled(order)
    rest(state, account, order)
    tell(state, order, OPEN)
    if order.reduce_only:
        follow(state, account, order.coin)
    return resting(order)


def resting(order: Order) -> Row:
    """Return the status of an order that rests."""
    row: Row = {"oid": order.oid}
    if order.cloid is not None:
        row["cloid"] = order.cloid
    return {"resting": row}


def filled(order: Order) -> Row:
    """Return the status of an order that was filled, at least in part."""
    instrument = order.instrument
    # One digit more than a price has, for an average.
    average = halved(order.filled_e6 * 10, order.filled_lots)
    row: Row = {
        "totalSz": text(order.filled_lots, instrument.sz_decimals),
        "avgPx": text(average, instrument.px_decimals + 1),
        "oid": order.oid,
    }
    if order.cloid is not None:
        row["cloid"] = order.cloid
    return {"filled": row}


def bbo(state: State, order: Order) -> str:
    """Return best bid and offer as the venue's refusals name them."""
    decimals = order.instrument.px_decimals
    out = []
    for side in (1, -1):
        own = state.book(order.coin).side(side).best
        crowd = state.crowd.best(order.coin, side, state.now_ms)
        known = [px for px in (own, crowd) if px is not None]
        best = (max(known) if side > 0 else min(known)) if known else 0
        out.append(text(best, decimals).removesuffix(".0"))
    return "@".join(out)
