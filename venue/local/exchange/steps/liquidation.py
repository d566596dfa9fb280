"""Liquidation of accounts below their maintenance margin.

Equity below the maintenance margin: its orders are cancelled and the positions sent to the book, of
a large one only a fifth at first. Equity below two thirds of it: the backstop takes the positions
at the mark, and keeps what is left of the margin behind them.

Source: Hyperliquid documentation, "Liquidations".
"""

from __future__ import annotations

from venue.local.exchange.state.account import Account, Liquidation, Position
from venue.local.exchange.state.decimals import usd
from venue.local.exchange.state.exchange_state import BACKSTOP, State
from venue.local.exchange.state.notes import LIQUIDATION
from venue.local.exchange.state.order import FILLED, IOC, LIQUIDATED_CANCELED, Order
from venue.local.exchange.state.price_rule import valid_px
from venue.local.exchange.steps.clearing import settle
from venue.local.exchange.steps.lifecycle import end, record, tell
from venue.local.exchange.steps.matching import take
from venue.local.exchange.steps.value import cross, isolated_equity, maintenance, notional

USD_E6 = 1_000_000
# Far enough from the mark to take whatever the book holds.
REACH = 0.5


def check(state: State) -> None:
    """Liquidate whoever must be, in order of address."""
    for user in sorted({user for users in state.holders.values() for user in users}):
        if user == BACKSTOP:
            continue
        account = state.accounts[user]
        _check_cross(state, account)
        for position in list(account.positions.values()):
            if not position.leverage.is_cross and position.lots:
                equity = isolated_equity(state, position)
                _judge(state, account, [position], equity, maintenance(state, position))
        _absorb(state, account)


def _check_cross(state: State, account: Account) -> None:
    positions = [p for p in account.positions.values() if p.leverage.is_cross]
    if positions:
        worth = cross(state, account)
        _judge(state, account, positions, worth.equity_e6, worth.maintenance_e6)


def _judge(
    state: State, account: Account, positions: list[Position], equity: int, needed: int
) -> None:
    if equity >= needed:
        return
    if any(not state.mark(p.coin) for p in positions):
        return
    state.tx += 1
    total = sum(notional(state, p) for p in positions)
    coins = {p.coin for p in positions}
    whole = positions[0].leverage.is_cross
    for order in [o for o in account.open.values() if whole or o.coin in coins]:
        if order.is_open:
            end(state, order, LIQUIDATED_CANCELED)
    if 3 * equity < 2 * needed:
        _tell(state, account, BACKSTOP, total, equity)
        _backstop(state, account, positions)
        return
    _tell(state, account, account.user, total, equity)
    large = total > state.rules.partial_liquidation_usd * USD_E6
    partial = large and state.now_ms >= account.paused_until_ms
    if partial:
        account.paused_until_ms = state.now_ms + state.rules.liquidation_pause_ms
    for position in sorted(positions, key=lambda p: -notional(state, p)):
        _send(state, account, position, partial=partial)


def _send(state: State, account: Account, position: Position, *, partial: bool) -> None:
    """Send a position, or the first part of it, to the book."""
    lots = abs(position.lots)
    if partial:
        lots = max(int(lots * state.rules.partial_liquidation_share), 1)
    side = -1 if position.lots > 0 else 1
    order = _order(state, account, position.coin, side, lots, "market")
    record(state, account, order)
    take(state, order)
    if order.filled_lots:
        end(state, order, FILLED)
    else:
        tell(state, order, LIQUIDATED_CANCELED)


def _order(state: State, account: Account, coin: str, side: int, lots: int, method: str) -> Order:
    instrument = state.instruments[coin]
    px = valid_px(state.mark(coin) * (1.0 + side * REACH), instrument, side)
    return Order(
        state.next_oid(),
        account.user,
        instrument,
        side,
        px,
        lots,
        IOC,
        state.now_ms,
        liquidation=method,
    )


def _backstop(state: State, account: Account, positions: list[Position]) -> None:
    """Hand positions and the margin behind them to the backstop, at the mark and without fee."""
    vault = state.account(BACKSTOP)
    whole = positions[0].leverage.is_cross
    for position in positions:
        coin, lots, mark = position.coin, position.lots, state.mark(position.coin)
        side = -1 if lots > 0 else 1
        marker = Liquidation(account.user, mark, "backstop")
        before = account.raw_e6
        given = _order(state, account, coin, side, abs(lots), "backstop")
        taken = _order(state, vault, coin, -side, abs(lots), "backstop")
        tid = state.next_tid()
        for order in (given, taken):
            order.lots = 0
            settle(
                state,
                order,
                mark,
                abs(lots),
                tid=tid,
                crossed=True,
                liquidation=marker,
                is_free=True,
            )
        if not whole:
            _hand_over(state, account, account.raw_e6 - before)
    if whole:
        _hand_over(state, account, account.raw_e6)


def _hand_over(state: State, account: Account, amount_e6: int) -> None:
    vault = state.account(BACKSTOP)
    for owner, signed in ((account, -amount_e6), (vault, amount_e6)):
        owner.raw_e6 += signed
        owner.moved_e6 += signed


def _absorb(state: State, account: Account) -> None:
    """Let the backstop bear what a liquidation left owing."""
    if not account.positions and account.raw_e6 < 0:
        _hand_over(state, account, account.raw_e6)


def _tell(state: State, account: Account, liquidator: str, total_e6: int, equity_e6: int) -> None:
    row = {
        "lid": state.next_lid(),
        "liquidator": liquidator,
        "liquidated_user": account.user,
        "liquidated_ntl_pos": usd(total_e6),
        "liquidated_account_value": usd(equity_e6),
    }
    state.note(account.user, LIQUIDATION, row)
