"""Account value: equity, margin used, what is free.

All positions are valued at their marks. Money is micro-USDC.
"""

from __future__ import annotations

from msgspec import Struct

from venue.local.exchange.state.account import Account, Position
from venue.local.exchange.state.exchange_state import State
from venue.local.exchange.state.margin import SHARE_OF_NOTIONAL, initial


class Worth(Struct, frozen=True):
    """Value of an account: its cross part, or all of it."""

    equity_e6: int
    notional_e6: int
    raw_e6: int
    initial_e6: int
    maintenance_e6: int


def notional(state: State, position: Position) -> int:
    """Return the size of a position at its mark."""
    return abs(position.lots) * state.mark(position.coin)


def isolated_equity(state: State, position: Position) -> int:
    """Return what stands behind an isolated position."""
    return position.raw_e6 + position.lots * state.mark(position.coin)


def margin_used(state: State, position: Position) -> int:
    """Return the margin that a position binds."""
    if not position.leverage.is_cross:
        return isolated_equity(state, position)
    return initial(notional(state, position), position.leverage.value)


def maintenance(state: State, position: Position) -> int:
    """Return the maintenance margin of a position."""
    return state.tables[position.coin].maintenance(notional(state, position))


def cross(state: State, account: Account) -> Worth:
    """Return the cross part."""
    equity = account.raw_e6
    total = bound = needed = 0
    for position in account.positions.values():
        if not position.leverage.is_cross:
            continue
        mark = state.mark(position.coin)
        worth = position.lots * mark
        size = abs(worth)
        equity += worth
        total += size
        bound += initial(size, position.leverage.value)
        needed += state.tables[position.coin].maintenance(size)
    return Worth(equity, total, account.raw_e6, bound, needed)


def whole(state: State, account: Account) -> Worth:
    """Return cross and isolated together."""
    part = cross(state, account)
    equity, total, raw = part.equity_e6, part.notional_e6, part.raw_e6
    bound, needed = part.initial_e6, part.maintenance_e6
    for position in account.positions.values():
        if position.leverage.is_cross:
            continue
        own = isolated_equity(state, position)
        equity += own
        total += notional(state, position)
        raw += position.raw_e6
        bound += own
        needed += maintenance(state, position)
    return Worth(equity, total, raw, bound, needed)


def withdrawable(state: State, account: Account) -> int:
    """Return what may leave the account."""
    part = cross(state, account)
    kept = max(part.initial_e6, part.notional_e6 // SHARE_OF_NOTIONAL)
    return max(part.equity_e6 - kept, 0)


def free(state: State, account: Account) -> int:
    """Return what is not bound by cross positions."""
    part = cross(state, account)
    return part.equity_e6 - part.initial_e6


def affords(
    state: State, account: Account, coin: str, signed: int, px: int, lots_now: int | None = None
) -> bool:
    """Say whether the margin suffices for a trade of signed lots at `px` (units).

    What only reduces a position always passes. New lots need initial margin at the mark, and the
    loss to the mark of a worse price.
    """
    held = account.lots(coin) if lots_now is None else lots_now
    after = held + signed
    grown = abs(after) - (abs(held) if held * after > 0 else 0)
    if grown <= 0 or abs(after) <= abs(held):
        return True
    leverage = account.leverage(coin, state.instruments[coin].max_leverage)
    mark = state.mark(coin) or px
    worse = max((px - mark) if signed > 0 else (mark - px), 0) * grown
    need = initial(grown * (mark if leverage.is_cross else px), leverage.value) + worse
    if held * after < 0 and leverage.is_cross:
        need -= initial(abs(held) * mark, leverage.value)
    return free(state, account) >= need
