"""Checks of a new order.

The checks stand in the venue's order as far as it is known: form, price, size, worth, reduce-only,
limits, margin. Each failure has its own words and leaves its own status.
"""

from __future__ import annotations

from venue.local.exchange.state import refusal
from venue.local.exchange.state.account import Account
from venue.local.exchange.state.exchange_state import State
from venue.local.exchange.state.margin import size_cap_e6
from venue.local.exchange.state.order import (
    AGGRESSIVE_AT_CAP_REJECTED,
    ALO,
    BAD_TRIGGER_PX_REJECTED,
    FLIP_AT_CAP_REJECTED,
    FRONTEND,
    INCREASE_AT_CAP_REJECTED,
    IOC,
    MAX_POSITION_REJECTED,
    MIN_TRADE_NTL_REJECTED,
    OI_INCREASE_REJECTED,
    ORACLE_REJECTED,
    PERP_MARGIN_REJECTED,
    REDUCE_ONLY_REJECTED,
    REJECTED,
    TICK_REJECTED,
    TOO_MANY_REJECTED,
    Order,
    is_reached,
)
from venue.local.exchange.state.price_rule import is_valid
from venue.local.exchange.state.refusal import Rejection
from venue.local.exchange.steps.value import affords

USD_E6 = 1_000_000


def check(
    state: State,
    account: Account,
    order: Order,
    *,
    is_child: bool = False,
    replaces: Order | None = None,
) -> None:
    """Check an order; raises Rejection.

    A child's position is only opened by its parent. What it `replaces` is about to go.
    """
    _check_form(state, account, order)
    _check_cloid(state, account, order, replaces)
    _check_worth(state, account, order)
    if order.trigger is not None:
        _check_trigger(state, order, is_child=is_child)
    held = account.lots(order.coin)
    if order.reduce_only and not is_child and order.side * held >= 0:
        raise Rejection(refusal.REDUCE_ONLY, REDUCE_ONLY_REJECTED)
    if replaces is None:
        _check_count(state, account, order)
    if order.reduce_only:
        if not is_child and order.lots:
            order.orig = order.lots
            order.lots = min(order.lots, abs(held))
        return
    _check_caps(state, order, held)
    _check_tier(state, account, order, held)
    if not affords(state, account, order.coin, order.side * order.lots, order.px):
        raise Rejection(refusal.MARGIN, PERP_MARGIN_REJECTED)


def check_band(state: State, order: Order) -> str | None:
    """Return why a price lies too far from the reference, None when it does not."""
    reference = state.mark(order.coin)
    band = state.rules.reference_band
    if reference and abs(order.px - reference) > band * reference:
        return refusal.REFERENCE.format(percent=round(band * 100))
    return None


def _check_form(state: State, account: Account, order: Order) -> None:
    instrument = order.instrument
    if order.coin in state.delisted:
        raise Rejection(refusal.DELISTED, REJECTED)
    if state.now_ms < state.post_only_until_ms and order.tif != ALO:
        raise Rejection(refusal.UPGRADE, REJECTED)
    if not order.lots and not order.is_position_tpsl:
        raise Rejection(refusal.ZERO_SIZE, REJECTED)
    prices = [order.px] if order.trigger is None else [order.px, order.trigger.px]
    if not all(is_valid(px, instrument) for px in prices):
        raise Rejection(refusal.TICK, TICK_REJECTED)
    cap = size_cap_e6(instrument.max_leverage, is_market=order.tif in (IOC, FRONTEND))
    if order.lots * order.px > cap:
        raise Rejection(refusal.TOO_LARGE.format(most=cap // 1_000_000), REJECTED)


def _check_cloid(state: State, account: Account, order: Order, replaces: Order | None) -> None:
    if order.cloid is None or not state.rules.duplicate_cloid_refused:
        return
    known = account.by_cloid.get(order.cloid)
    if known is not None and known.is_open and known is not replaces:
        raise Rejection(refusal.DUPLICATE_CLOID, REJECTED)


def _check_worth(state: State, account: Account, order: Order) -> None:
    """Refuse less than ten dollars, unless the order closes a whole position."""
    if order.px * order.lots >= state.rules.min_notional_e6 or order.is_position_tpsl:
        return
    held = account.lots(order.coin)
    if order.side * held < 0:
        if order.reduce_only and order.lots >= abs(held):
            return
        if order.tif in (IOC, FRONTEND) and order.lots == abs(held):
            return
    raise Rejection(refusal.MIN_NOTIONAL, MIN_TRADE_NTL_REJECTED)


def _check_trigger(state: State, order: Order, *, is_child: bool) -> None:
    """Refuse a trigger that would fire at once; a child's lies relative to its parent's price."""
    assert order.trigger is not None
    reference = order.parent.px if is_child and order.parent else state.mark(order.coin)
    if not order.trigger.px or (reference and is_reached(order, reference)):
        raise Rejection(refusal.TRIGGER_PX, BAD_TRIGGER_PX_REJECTED)


def _check_count(state: State, account: Account, order: Order) -> None:
    rules = state.rules
    earned = account.volume.total_e6 // (rules.open_order_per_usd * USD_E6)
    most = min(rules.open_orders_max + earned, rules.open_orders_most)
    count = len(account.open)
    special = order.reduce_only or order.trigger is not None
    if count >= most or (special and count >= rules.open_orders_max):
        if order.trigger is None and order.tif in (IOC, FRONTEND):
            return
        raise Rejection(refusal.TOO_MANY_OPEN, TOO_MANY_REJECTED)


def _check_caps(state: State, order: Order, held: int) -> None:
    """Refuse what open interest caps and the oracle forbid."""
    after = held + order.side * order.lots
    grows = abs(after) > abs(held)
    oracle = state.oracle(order.coin)
    if order.coin in state.rules.oi_capped:
        if held * after < 0:
            raise Rejection(refusal.OI_CAPPED, FLIP_AT_CAP_REJECTED)
        if grows:
            raise Rejection(refusal.OI_CAPPED, INCREASE_AT_CAP_REJECTED)
        if (order.px - oracle) * order.side > 0:
            raise Rejection(refusal.OI_AGGRESSIVE, AGGRESSIVE_AT_CAP_REJECTED)
    if grows and order.coin in state.rules.oi_too_fast:
        raise Rejection(refusal.OI_TOO_FAST, OI_INCREASE_REJECTED)
    if oracle and abs(order.px - oracle) > state.rules.oracle_band * oracle:
        raise Rejection(refusal.ORACLE, ORACLE_REJECTED)


def _check_tier(state: State, account: Account, order: Order, held: int) -> None:
    after = abs(held + order.side * order.lots)
    if after <= abs(held):
        return
    mark = state.mark(order.coin) or order.px
    leverage = account.leverage(order.coin, order.instrument.max_leverage)
    if leverage.value > state.tables[order.coin].tier(after * mark).max_leverage:
        raise Rejection(refusal.MAX_POSITION, MAX_POSITION_REJECTED)
