"""Leverage, and the margin behind an isolated position."""

from __future__ import annotations

from venue.local.exchange.actions import reading
from venue.local.exchange.state import refusal
from venue.local.exchange.state.account import Account, Leverage, Position
from venue.local.exchange.state.decimals import TOO_FINE, halved, read
from venue.local.exchange.state.exchange_state import State
from venue.local.exchange.state.margin import initial
from venue.local.exchange.state.refusal import Malformed, Refusal, worded
from venue.local.exchange.steps.value import free, isolated_equity, notional
from venue.local.market.contract import Row


def update_leverage(state: State, account: Account, action: Row) -> Row:
    """Set cross or isolated and the leverage of a coin."""
    asset = reading.whole(action, "asset")
    is_cross, value = reading.flag(action, "isCross"), reading.whole(action, "leverage")
    instrument = state.by_index.get(asset)
    if instrument is None:
        raise Refusal(worded(refusal.UNKNOWN_ASSET, asset))
    coin = instrument.coin
    if not 1 <= value <= instrument.max_leverage:
        raise Refusal(worded(refusal.INVALID_LEVERAGE, asset))
    wanted = Leverage(is_cross, value)
    position = account.positions.get(coin)
    if position is not None:
        if position.leverage.is_cross != is_cross:
            raise Refusal(refusal.LEVERAGE_TYPE)
        _change(state, account, position, wanted)
    account.leverages[coin] = wanted
    return reading.default()


def _change(state: State, account: Account, position: Position, wanted: Leverage) -> None:
    """Change the leverage of a position; lowering it binds more margin."""
    size = notional(state, position)
    if state.tables[position.coin].tier(size).max_leverage < wanted.value:
        raise Refusal(worded(refusal.INVALID_LEVERAGE, state.instruments[position.coin].index))
    if wanted.is_cross:
        more = initial(size, wanted.value) - initial(size, position.leverage.value)
    else:
        more = max(initial(size, wanted.value) - isolated_equity(state, position), 0)
    if more > 0 and free(state, account) < more:
        raise Refusal(worded(refusal.MARGIN, state.instruments[position.coin].index))
    if more > 0 and not wanted.is_cross:
        account.raw_e6 -= more
        position.raw_e6 += more
    position.leverage = wanted


def update_isolated_margin(state: State, account: Account, action: Row) -> Row:
    """Move money in micro-USDC to an isolated position, or back."""
    reading.flag(action, "isBuy")
    asset = reading.whole(action, "asset")
    amount = reading.whole(action, "ntli", -reading.INT_MAX)
    _move(state, account, _isolated(state, account, asset), amount)
    return reading.default()


def top_up_isolated_only_margin(state: State, account: Account, action: Row) -> Row:
    """Bind as much margin as a leverage asks for; only ever adds."""
    asset = reading.whole(action, "asset")
    leverage = read(reading.number(action, "leverage"), 6)
    if not leverage or leverage == TOO_FINE:
        raise Malformed("leverage")
    position = _isolated(state, account, asset)
    wanted = halved(notional(state, position) * 10**6, leverage)
    _move(state, account, position, max(wanted - isolated_equity(state, position), 0))
    return reading.default()


def _isolated(state: State, account: Account, asset: int) -> Position:
    instrument = state.by_index.get(asset)
    if instrument is None:
        raise Refusal(worded(refusal.UNKNOWN_ASSET, asset))
    position = account.positions.get(instrument.coin)
    if position is None or position.leverage.is_cross:
        raise Refusal(refusal.NOT_ISOLATED)
    return position


def _move(state: State, account: Account, position: Position, amount: int) -> None:
    if amount > 0 and free(state, account) < amount:
        raise Refusal(refusal.ISOLATED_MARGIN)
    if amount < 0:
        size = notional(state, position)
        needed = max(initial(size, position.leverage.value), size // 10)
        if isolated_equity(state, position) + amount < needed:
            raise Refusal(refusal.ISOLATED_MARGIN)
    account.raw_e6 -= amount
    position.raw_e6 += amount
