"""Hourly funding payments.

A position pays its size at the oracle times the hour's rate: longs pay shorts when it is positive.
The payment is rounded to the micro-dollar once. A tape holds no settlements, so after a while the
running rate of the coin's context is charged.
"""

from __future__ import annotations

from market.events import MS_PER_HOUR
from venue.local.exchange.state.account import Account, Position
from venue.local.exchange.state.decimals import TOO_FINE, halved, read, text, usd
from venue.local.exchange.state.exchange_state import State, hash_text
from venue.local.exchange.state.notes import FUNDING
from venue.local.market.contract import Row
from venue.local.market.ticks import RATE_DECIMALS, rate_text

RATE_SCALE = 10**RATE_DECIMALS


class Funding:
    """Funding settlement: the moment up to which each coin has been settled."""

    def __init__(self, state: State) -> None:
        self._state = state
        # By coin: up to when settlements were looked for, and for which hour.
        self._seen: dict[str, int] = {}

    def due(self, since_ms: int) -> None:
        """Settle what came due within (since, now]."""
        state = self._state
        for coin in sorted(state.holders):
            seen = self._seen.get(coin, since_ms)
            hour_ms = state.now_ms - state.now_ms % MS_PER_HOUR
            if seen >= hour_ms + state.rules.funding_wait_ms or hour_ms < seen - MS_PER_HOUR:
                continue
            self._settle(coin, seen, hour_ms)
        for coin in [c for c in self._seen if c not in state.holders]:
            del self._seen[coin]

    def _settle(self, coin: str, seen: int, hour_ms: int) -> None:
        state = self._state
        rows = state.market.funding_history(coin, seen + 1, state.now_ms)
        for row in rows:
            self._charge(coin, str(row["fundingRate"]))
            # Later than any delay of this hour's row, earlier than the next hour.
            seen = row["time"] - row["time"] % MS_PER_HOUR + state.rules.funding_wait_ms
        wait_ms = hour_ms + state.rules.funding_wait_ms
        if not rows and state.now_ms >= wait_ms:
            if seen < hour_ms:
                self._charge(coin, str(state.market.context(coin, hour_ms)["funding"]))
            seen = wait_ms
        self._seen[coin] = seen

    def _charge(self, coin: str, rate: str) -> None:
        state = self._state
        oracle = state.oracle(coin)
        scaled = _scaled(rate)
        state.tx += 1
        for user in sorted(state.holders[coin]):
            account = state.accounts[user]
            position = account.positions[coin]
            paid = halved(position.lots * oracle * scaled, RATE_SCALE)
            pay(account, position, paid)
            row = self._row(coin, position, paid, rate)
            account.funding.append({"time": state.now_ms, "hash": hash_text(state.tx), **row})
            state.note(user, FUNDING, {"time": state.now_ms, **row})

    def _row(self, coin: str, position: Position, paid: int, rate: str) -> Row:
        decimals = self._state.instruments[coin].sz_decimals
        return {
            "coin": coin,
            "usdc": usd(-paid),
            "szi": text(position.lots, decimals),
            "fundingRate": rate_text(float(rate)),
            "nSamples": None,
        }


def pay(account: Account, position: Position, paid_e6: int) -> None:
    """Take a payment from the balance that carries the position."""
    if position.leverage.is_cross:
        account.raw_e6 -= paid_e6
    else:
        position.raw_e6 -= paid_e6
    position.pay(paid_e6)
    account.funded_e6 -= paid_e6


def _scaled(rate: str) -> int:
    sign = -1 if rate.startswith("-") else 1
    units = read(rate.lstrip("-"), RATE_DECIMALS)
    if units is None or units == TOO_FINE:
        return round(float(rate) * float(RATE_SCALE))
    return sign * units
