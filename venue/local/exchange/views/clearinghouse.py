"""The clearinghouse state: balances, margins, positions."""

from __future__ import annotations

from fractions import Fraction

from venue.local.exchange.state.account import Account, Position
from venue.local.exchange.state.decimals import halved, text, usd
from venue.local.exchange.state.exchange_state import State
from venue.local.exchange.state.margin import initial, liquidation_px
from venue.local.exchange.state.order import BUY, SELL
from venue.local.exchange.steps.value import (
    Worth,
    cross,
    free,
    isolated_equity,
    maintenance,
    margin_used,
    notional,
    whole,
    withdrawable,
)
from venue.local.market.contract import Row
from venue.local.market.ticks import rate_text

LIQUIDATION_DECIMALS = 8
RETURN_DECIMALS = 8
PX_MORE = 2


def clearinghouse(state: State, account: Account) -> Row:
    """Return balances and positions."""
    part = cross(state, account)
    return {
        "marginSummary": _summary(whole(state, account)),
        "crossMarginSummary": _summary(part),
        "crossMaintenanceMarginUsed": usd(part.maintenance_e6),
        "withdrawable": usd(withdrawable(state, account)),
        "assetPositions": [
            {"type": "oneWay", "position": position_row(state, account, position)}
            for position in sorted(
                account.positions.values(), key=lambda p: state.instruments[p.coin].index
            )
        ],
        "time": state.now_ms,
    }


def _summary(worth: Worth) -> Row:
    return {
        "accountValue": usd(worth.equity_e6),
        "totalNtlPos": usd(worth.notional_e6),
        "totalRawUsd": usd(worth.raw_e6),
        "totalMarginUsed": usd(worth.initial_e6),
    }


def position_row(state: State, account: Account, position: Position) -> Row:
    """Return one position."""
    instrument = state.instruments[position.coin]
    worth = position.lots * state.mark(position.coin)
    profit = worth - position.cost_e6
    at_risk = initial(abs(position.cost_e6), position.leverage.value)
    leverage: Row = {
        "type": "cross" if position.leverage.is_cross else "isolated",
        "value": position.leverage.value,
    }
    if not position.leverage.is_cross:
        leverage["rawUsd"] = usd(position.raw_e6)
    entry = halved(abs(position.cost_e6) * 10**PX_MORE, abs(position.lots))
    return {
        "coin": position.coin,
        "szi": text(position.lots, instrument.sz_decimals),
        "leverage": leverage,
        "entryPx": text(entry, instrument.px_decimals + PX_MORE),
        "positionValue": usd(abs(worth)),
        "unrealizedPnl": usd(profit),
        "returnOnEquity": rate_text(profit / at_risk if at_risk else 0.0, RETURN_DECIMALS),
        "liquidationPx": liquidation_text(state, account, position),
        "marginUsed": usd(margin_used(state, position)),
        "maxLeverage": state.tables[position.coin].tier(abs(worth)).max_leverage,
        "cumFunding": {
            "allTime": usd(position.funding_e6),
            "sinceOpen": usd(position.funding_open_e6),
            "sinceChange": usd(position.funding_change_e6),
        },
    }


def liquidation(state: State, account: Account, position: Position) -> Fraction | None:
    """Return the mark in units at which a position would be liquidated, other things equal."""
    coin, mark = position.coin, state.mark(position.coin)
    if position.leverage.is_cross:
        part = cross(state, account)
        equity = part.equity_e6
        other = part.maintenance_e6 - maintenance(state, position)
    else:
        equity, other = isolated_equity(state, position), 0
    return liquidation_px(
        state.tables[coin],
        lots=position.lots,
        mark=mark,
        equity_e6=equity,
        other_maintenance_e6=other,
    )


def liquidation_text(state: State, account: Account, position: Position) -> str | None:
    """Return that price as text, None when no price above zero would do it."""
    px = liquidation(state, account, position)
    if px is None:
        return None
    scale = 10 ** (LIQUIDATION_DECIMALS - state.instruments[position.coin].px_decimals)
    return text(round(px * scale), LIQUIDATION_DECIMALS)


def active_asset(state: State, account: Account, coin: str) -> Row:
    """Return what an account may trade in a coin, for buying and selling."""
    instrument = state.instruments[coin]
    leverage = account.leverage(coin, instrument.max_leverage)
    mark = state.mark(coin)
    held = account.lots(coin)
    room = max(free(state, account), 0)
    usable, sizes = [], []
    for side in (BUY, SELL):
        # Closing frees margin and may turn into as much on the other side.
        closing = initial(abs(held) * mark, leverage.value) * 2 if held * side < 0 else 0
        money = room + closing
        usable.append(usd(money))
        lots = money * leverage.value // mark if mark else 0
        sizes.append(text(lots, instrument.sz_decimals))
    shown: Row = {"type": "cross" if leverage.is_cross else "isolated", "value": leverage.value}
    position = account.positions.get(coin)
    if not leverage.is_cross:
        shown["rawUsd"] = usd(position.raw_e6 if position is not None else 0)
    return {
        "user": account.user,
        "coin": coin,
        "leverage": shown,
        "maxTradeSzs": sizes,
        "availableToTrade": usable,
        "markPx": text(mark, instrument.px_decimals),
    }


def size_of(state: State, account: Account) -> int:
    """Return the notional of all positions."""
    return sum(notional(state, position) for position in account.positions.values())
