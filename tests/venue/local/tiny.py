"""A tiny exchange: it has accounts, keeps what it was told to do and says what a test wants."""

from __future__ import annotations

import time
from collections.abc import Iterable
from typing import Any

from eth_account import Account as Key
from hyperliquid.utils import signing as sdk

from tests.venue.local.serving import Stub
from venue.local.exchange.state.notes import Note, Print
from venue.local.gate.accounts import Account, Wallet
from venue.local.gate.gateway import GatewayRules
from venue.local.market.contract import LocalMarket, Row
from venue.local.protocol.refused import Refused
from venue.local.server.floor import Floor
from venue.local.server.user import Habits

MASTER = Key.from_key("0x" + "31" * 32)
AGENT = Key.from_key("0x" + "32" * 32)
STRANGER = Key.from_key("0x" + "33" * 32)
USER = MASTER.address.lower()
OK = {"status": "ok", "response": {"type": "default"}}


class Tiny:
    """What the shell needs of an exchange, and no more."""

    def __init__(self) -> None:
        self.funds: dict[str, int] = {}
        self.acted: list[tuple[str, Row, int]] = []
        self.advanced: list[int] = []
        self.notes: list[Note | Print] = []
        self.reply: Row = OK
        self.used, self.cap, self.traded_e6 = 0, 10_000, 0

    def deposit(self, user: str, usd_e6: int, now_ms: int) -> None:
        self.funds[user] = self.funds.get(user, 0) + usd_e6

    def has(self, user: str) -> bool:
        return user in self.funds

    def act(self, user: str, action: Row, now_ms: int) -> Row:
        self.acted.append((user, action, now_ms))
        return self.reply

    def advance(self, now_ms: int) -> None:
        self.advanced.append(now_ms)

    def drain(self) -> list[Note | Print]:
        notes, self.notes = self.notes, []
        return notes

    def requests_used(self, user: str) -> int:
        return self.used

    def requests_cap(self, user: str) -> int:
        return self.cap

    def volume_e6(self, user: str) -> int:
        return self.traded_e6

    # Its answers.

    def answer(self, kind: str, question: Row, now_ms: int) -> Any:
        if not isinstance(question.get("user"), str):
            raise Refused(422)
        user = question["user"].lower()
        return {
            "clearinghouseState": {"withdrawable": str(self.funds.get(user, 0)), "time": now_ms},
            "openOrders": [order_row(7, "0.0")["order"]],
            "frontendOpenOrders": [],
            "userFills": [fill_row(1)],
            "userFunding": [
                {"time": 5, "hash": "0x", "delta": {"type": "funding", **FUNDING, "time": 5}}
            ],
            "userNonFundingLedgerUpdates": [],
            "historicalOrders": [order_row(1, "0.0")],
            "spotClearinghouseState": {"balances": []},
            "userTwapSliceFills": [],
            "twapHistory": [],
            "perpsAtOpenInterestCap": [],
            "activeAssetData": {"user": user, "coin": question.get("coin"), "leverage": self.used},
            "orderStatus": {
                "status": "order",
                "order": {
                    **order_row(5, "0.0"),
                    "order": {**order_row(5, "0.0")["order"], "tif": "Gtc"},
                },
            },
            "userRateLimit": {"nRequestsUsed": self.used},
            "webData2": {"twapStates": [], "cumLedger": "5.0", "user": user},
        }[kind]


FUNDING = {"coin": "BTC", "usdc": "-0.1", "szi": "1.0", "fundingRate": "0.1", "nSamples": None}


def fill_row(oid: int, *, crossed: bool = True, twap: int | None = None) -> Row:
    return {
        "coin": "BTC",
        "px": "100.0",
        "sz": "1.0",
        "side": "B",
        "time": 9,
        "startPosition": "0.0",
        "dir": "Open Long",
        "closedPnl": "0.0",
        "hash": "0x",
        "oid": oid,
        "crossed": crossed,
        "fee": "0.01",
        "tid": oid,
        "feeToken": "USDC",
        "twapId": twap,
    }


def order_row(oid: int, size: str) -> Row:
    order = {
        "coin": "BTC",
        "side": "B",
        "limitPx": "1.0",
        "sz": size,
        "oid": oid,
        "timestamp": 3,
        "origSz": "1.0",
    }
    return {"order": order, "status": "open", "statusTimestamp": 3}


def floor(
    tiny: Tiny,
    *,
    market: LocalMarket | None = None,
    accounts: Iterable[Account] = (
        Account(Wallet(USER), 5_000_000, (Wallet(AGENT.address.lower()),)),
    ),
    rules: GatewayRules | None = None,
    habits: Habits | None = None,
) -> Floor:
    kinds = ("clearinghouseState", "openOrders", "userFills")
    return Floor(
        tiny,
        tiny.answer,
        kinds,
        market or Stub(),
        accounts=accounts,
        rules=rules,
        habits=habits,
    )


def wall_ms() -> int:
    return int(time.time() * 1000)


def signed(action: Row, wallet: Any = MASTER, nonce: int | None = None, **more: Any) -> Row:
    """Return the body that the SDK would post for an L1 action."""
    nonce = wall_ms() if nonce is None else nonce
    vault, expires = more.get("vaultAddress"), more.get("expiresAfter")
    mainnet = more.pop("mainnet", False)
    signature = sdk.sign_l1_action(wallet, action, vault, nonce, expires, mainnet)
    return {"action": action, "nonce": nonce, "signature": signature, **more}


def approval(agent: str, wallet: Any = MASTER, nonce: int | None = None, name: str = "") -> Row:
    """Return the body that the SDK would post to approve an agent."""
    nonce = wall_ms() if nonce is None else nonce
    action = {"type": "approveAgent", "agentAddress": agent, "agentName": name, "nonce": nonce}
    signature = sdk.sign_agent(wallet, action, False)
    return {"action": action, "nonce": nonce, "signature": signature}
