"""The actions twapOrder and twapCancel."""

from __future__ import annotations

from typing import Any

from venue.local.exchange.actions import reading
from venue.local.exchange.state import refusal
from venue.local.exchange.state.account import Account
from venue.local.exchange.state.decimals import TOO_FINE, read
from venue.local.exchange.state.exchange_state import State
from venue.local.exchange.state.refusal import worded
from venue.local.exchange.steps.twap import Twap, Twaps
from venue.local.exchange.steps.value import affords
from venue.local.market.contract import Row

MINUTES_MIN, MINUTES_MAX = 5, 7 * 24 * 60
NOTIONAL_MIN_E6 = 100_000_000


def twap_order(state: State, account: Account, twaps: Twaps, action: Row) -> Row:
    """Start a TWAP."""
    asked = reading.table(action, "twap")
    asset, is_buy = reading.whole(asked, "a"), reading.flag(asked, "b")
    size, reduce_only = reading.number(asked, "s"), reading.flag(asked, "r")
    minutes, randomize = reading.whole(asked, "m"), reading.flag(asked, "t")
    instrument = state.by_index.get(asset)
    if instrument is None:
        return _reply({"error": worded(refusal.UNKNOWN_ASSET, asset)})
    lots = read(size, instrument.sz_decimals)
    if lots is None or lots == TOO_FINE:
        return _reply({"error": worded(refusal.INVALID_SIZE, asset)})
    side = 1 if is_buy else -1
    twap = Twap(
        0, account.user, instrument, side, lots, minutes, reduce_only, randomize, state.now_ms
    )
    text = _unfit(state, account, twap)
    if text:
        return _reply({"error": worded(text, asset)})
    twap.id = state.next_twap()
    twaps.start(twap)
    return _reply({"running": {"twapId": twap.id}})


def twap_cancel(account: Account, twaps: Twaps, action: Row) -> Row:
    """Stop a TWAP."""
    asset, number = reading.whole(action, "a"), reading.whole(action, "t")
    twap = twaps.running.get(number)
    if twap is None or twap.user != account.user or twap.instrument.index != asset:
        text = worded(refusal.TWAP_NEVER_PLACED, asset)
        return {"type": "twapCancel", "data": {"status": {"error": text}}}
    twaps.stop(twap, "terminated")
    return {"type": "twapCancel", "data": {"status": "success"}}


def _unfit(state: State, account: Account, twap: Twap) -> str:
    coin = twap.instrument.coin
    if coin in state.delisted:
        return refusal.DELISTED
    if not twap.lots:
        return refusal.ZERO_SIZE
    if not MINUTES_MIN <= twap.minutes <= MINUTES_MAX:
        return refusal.TWAP_MINUTES
    if twap.lots * state.mark(coin) < NOTIONAL_MIN_E6:
        return refusal.TWAP_SIZE
    if twap.reduce_only:
        return refusal.TWAP_REDUCE_ONLY if twap.side * account.lots(coin) >= 0 else ""
    signed = twap.side * twap.lots
    return "" if affords(state, account, coin, signed, state.mark(coin)) else refusal.MARGIN


def _reply(status: Any) -> Row:
    return {"type": "twapOrder", "data": {"status": status}}
