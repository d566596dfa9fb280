"""Transfers between accounts, withdrawals and purchases.

Spot balances, vaults and other chains are not here: what goes there leaves the exchange, and what
would come from there is refused.
"""

from __future__ import annotations

from venue.local.exchange.actions import reading
from venue.local.exchange.state import refusal
from venue.local.exchange.state.account import Account
from venue.local.exchange.state.decimals import TOO_FINE, read, usd
from venue.local.exchange.state.exchange_state import State, hash_text
from venue.local.exchange.state.notes import LEDGER
from venue.local.exchange.state.refusal import Malformed, Refusal
from venue.local.exchange.steps.value import withdrawable
from venue.local.market.contract import Row

WITHDRAWAL_FEE_E6 = 1_000_000
REQUEST_PRICE_E6 = 500


def book(state: State, account: Account, amount_e6: int, delta: Row) -> None:
    """Change an account's balance and enter it in its ledger."""
    account.raw_e6 += amount_e6
    account.moved_e6 += amount_e6
    row = {"time": state.now_ms, "hash": hash_text(state.tx), "delta": delta}
    account.ledger.append(row)
    state.note(account.user, LEDGER, row)


def deposit(state: State, user: str, usd_e6: int) -> None:
    """Give an account money from outside."""
    state.tx += 1
    book(state, state.account(user), usd_e6, {"type": "deposit", "usdc": usd(usd_e6)})


def usd_send(state: State, account: Account, action: Row) -> Row:
    """Send USDC to another account."""
    to = reading.address(action, "destination")
    amount = _amount(action, "amount")
    _require(state, account, amount)
    delta = {
        "type": "internalTransfer",
        "usdc": usd(amount),
        "user": account.user,
        "destination": to,
        "fee": "0.0",
    }
    book(state, account, -amount, delta)
    book(state, state.account(to), amount, delta)
    return reading.default()


def withdraw(state: State, account: Account, action: Row) -> Row:
    """Withdraw USDC; the fee of one USDC is part of it."""
    reading.address(action, "destination")
    amount = _amount(action, "amount")
    if amount <= WITHDRAWAL_FEE_E6:
        raise Refusal(refusal.INSUFFICIENT)
    _require(state, account, amount)
    delta = {
        "type": "withdraw",
        "usdc": usd(amount - WITHDRAWAL_FEE_E6),
        "nonce": action.get("time") if type(action.get("time")) is int else 0,
        "fee": usd(WITHDRAWAL_FEE_E6),
    }
    book(state, account, -amount, delta)
    return reading.default()


def usd_class_transfer(state: State, account: Account, action: Row) -> Row:
    """Move USDC to the spot balance, which is not kept here; there is none to move back."""
    value = reading.string(action, "amount").split(" ")[0]
    amount = _amount({"amount": value}, "amount")
    if reading.flag(action, "toPerp"):
        raise Refusal(refusal.INSUFFICIENT)
    _require(state, account, amount)
    delta = {"type": "accountClassTransfer", "usdc": usd(amount), "toPerp": False}
    book(state, account, -amount, delta)
    return reading.default()


def vault_transfer(_state: State, _account: Account, action: Row) -> Row:
    """Refuse: no vaults are kept here."""
    vault = reading.address(action, "vaultAddress")
    reading.flag(action, "isDeposit")
    reading.whole(action, "usd")
    raise Refusal(refusal.VAULT.format(vault=vault))


def reserve_request_weight(state: State, account: Account, action: Row) -> Row:
    """Buy more requests for the address."""
    weight = reading.whole(action, "weight", 1)
    _require(state, account, weight * REQUEST_PRICE_E6)
    account.raw_e6 -= weight * REQUEST_PRICE_E6
    account.moved_e6 -= weight * REQUEST_PRICE_E6
    account.requests_bought += weight
    return reading.default()


def approve_builder_fee(_state: State, account: Account, action: Row) -> Row:
    """Allow a builder a fee up to a rate such as `0.01%`."""
    builder = reading.address(action, "builder")
    rate = reading.string(action, "maxFeeRate")
    if not rate.endswith("%"):
        raise Malformed("maxFeeRate")
    # A tenth of a basis point is a thousandth of a percent.
    tenths = read(rate[:-1], 3)
    if tenths is None or tenths == TOO_FINE:
        raise Malformed("maxFeeRate")
    account.builders[builder] = tenths
    return reading.default()


def noop(_state: State, _account: Account, _action: Row) -> Row:
    """Do nothing but use up a nonce."""
    return reading.default()


def _amount(action: Row, name: str) -> int:
    amount = read(reading.number(action, name), 6)
    if not amount or amount == TOO_FINE:
        raise Malformed(name)
    return amount


def _require(state: State, account: Account, amount_e6: int) -> None:
    if withdrawable(state, account) < amount_e6:
        raise Refusal(refusal.INSUFFICIENT)
