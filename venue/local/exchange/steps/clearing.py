"""Clearing of a fill on one account.

Position, money, fee, volume and the reduce-only orders that must shrink with the position. Units
times lots are micro-USDC, so notionals are exact and a fee is rounded once.
"""

from __future__ import annotations

from venue.local.exchange.state.account import Account, Fill, Leverage, Liquidation, Position
from venue.local.exchange.state.decimals import halved
from venue.local.exchange.state.exchange_state import State
from venue.local.exchange.state.fees import builder_fee_e6, fee_e6
from venue.local.exchange.state.margin import initial
from venue.local.exchange.state.order import REDUCE_ONLY_CANCELED, Order
from venue.local.exchange.steps.lifecycle import end, end_siblings


def settle(
    state: State,
    order: Order,
    px: int,
    lots: int,
    *,
    tid: int,
    crossed: bool,
    liquidation: Liquidation | None = None,
    is_free: bool = False,
) -> None:
    """Book a fill of an order; its remaining lots are the caller's."""
    account = state.accounts[order.user]
    account.volume.assess(state.now_ms, state.rules.venue_volume_usd)
    notional_e6 = px * lots
    rates = account.volume.rates
    fee = 0 if is_free else fee_e6(notional_e6, rates.taker if crossed else rates.maker)
    builder = 0
    if order.builder is not None and order.builder.tenths_bp:
        builder = builder_fee_e6(notional_e6, order.builder.tenths_bp)
        earner = state.account(order.builder.address)
        earner.raw_e6 += builder
        earner.moved_e6 += builder
    start = account.lots(order.coin)
    closed = move(state, account, order.coin, order.side * lots, px)
    account.raw_e6 -= fee + builder
    account.fees_e6 += fee + builder
    account.realised_e6 += closed
    account.volume.add(notional_e6, is_taker=crossed, now_ms=state.now_ms)
    order.filled_lots += lots
    order.filled_e6 += notional_e6
    fill = Fill(
        order,
        px,
        lots,
        order.side,
        state.now_ms,
        start,
        closed,
        fee + builder,
        builder,
        state.tx,
        tid,
        crossed,
        liquidation,
    )
    account.fills.append(fill)
    state.events.append(fill)
    end_siblings(state, order)
    follow(state, account, order.coin)


def move(state: State, account: Account, coin: str, signed: int, px: int) -> int:
    """Change a position by signed lots at a price; return the realised profit."""
    position = account.positions.get(coin)
    if position is None:
        leverage = account.leverage(coin, state.instruments[coin].max_leverage)
        position = account.positions[coin] = Position(coin, leverage)
        state.holders.setdefault(coin, set()).add(account.user)
    if position.leverage.is_cross:
        closed = position.take(signed, px)
        account.raw_e6 -= signed * px
    else:
        closed = _move_isolated(account, position, signed, px)
    if not position.lots:
        _close(state, account, position)
    return closed


def _move_isolated(account: Account, position: Position, signed: int, px: int) -> int:
    """Bind margin for new lots, and set free the share of the closed ones."""
    old = position.lots
    closing = min(abs(signed), abs(old)) if old * signed < 0 else 0
    freed = 0
    if closing:
        freed = halved((position.raw_e6 + old * px) * closing, abs(old))
    grown = abs(signed) - closing
    bound = initial(grown * px, position.leverage.value) if grown else 0
    closed = position.take(signed, px)
    position.raw_e6 += bound - freed - signed * px
    account.raw_e6 += freed - bound
    return closed


def _close(state: State, account: Account, position: Position) -> None:
    account.raw_e6 += position.raw_e6
    del account.positions[position.coin]
    holders = state.holders[position.coin]
    holders.discard(account.user)
    if not holders:
        del state.holders[position.coin]


def leverage_of(state: State, account: Account, coin: str) -> Leverage:
    """Return how an account trades a coin."""
    return account.leverage(coin, state.instruments[coin].max_leverage)


def follow(state: State, account: Account, coin: str) -> None:
    """Let reduce-only orders follow the position: shrink, or end when nothing is left to reduce.

    When several together are larger than the position, the older are cancelled.
    """
    held = account.lots(coin)
    reducing = account.reducing.get(coin)
    if reducing:
        room = abs(held)
        for order in list(reversed(reducing.values())):
            if not order.is_open or not order.lots:
                continue
            order.lots = min(order.lots, abs(held))
            if order.side * held >= 0 or order.lots > room:
                end(state, order, REDUCE_ONLY_CANCELED)
            else:
                room -= order.lots
    waiting = state.triggers.get(coin)
    if waiting:
        for order in [o for o in waiting.values() if o.user == account.user]:
            if order.is_open and order.reduce_only and order.side * held >= 0:
                end(state, order, REDUCE_ONLY_CANCELED)
