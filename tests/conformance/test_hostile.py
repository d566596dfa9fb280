"""Rightly signed nonsense: nothing a client can sign takes the venue down or earns it a failure."""

from __future__ import annotations

import asyncio
import copy
import random
from collections.abc import Iterator
from typing import Any

import aiohttp
import pytest
from eth_account import Account as Key
from hyperliquid.utils import signing as sdk

from tests.conformance.hosting import Hosted, hosted, wall_ms

PIECES: list[Any] = [
    None,
    True,
    0,
    -1,
    1 << 62,
    1.5,
    "",
    "x",
    "NaN",
    "1e400",
    "-0",
    "0x" + "1" * 40,
    [],
    {},
    [[]],
    "9" * 400,
]


def order(kind: Any) -> dict[str, Any]:
    return {"a": 0, "b": True, "p": "50000", "s": "0.01", "r": False, "t": kind}


LIMIT = order({"limit": {"tif": "Gtc"}})
STOP = order({"trigger": {"isMarket": True, "triggerPx": "40000", "tpsl": "sl"}})
ACTIONS: list[dict[str, Any]] = [
    {"type": "order", "orders": [LIMIT, STOP], "grouping": "normalTpsl"},
    {"type": "order", "orders": [LIMIT], "grouping": "na", "builder": {"b": "0x1", "f": 1}},
    {"type": "cancel", "cancels": [{"a": 0, "o": 1}]},
    {"type": "cancelByCloid", "cancels": [{"asset": 0, "cloid": "0x" + "1" * 32}]},
    {"type": "modify", "oid": 1, "order": LIMIT},
    {"type": "batchModify", "modifies": [{"oid": 1, "order": LIMIT}]},
    {"type": "scheduleCancel", "time": 5},
    {"type": "updateLeverage", "asset": 0, "isCross": True, "leverage": 5},
    {"type": "updateIsolatedMargin", "asset": 0, "isBuy": True, "ntli": 5},
    {"type": "topUpIsolatedOnlyMargin", "asset": 0, "leverage": "5"},
    {"type": "twapOrder", "twap": {"a": 0, "b": True, "s": "1", "r": False, "m": 5, "t": True}},
    {"type": "twapCancel", "a": 0, "t": 1},
    {"type": "reserveRequestWeight", "weight": 1},
    {"type": "vaultTransfer", "vaultAddress": "0x" + "1" * 40, "isDeposit": True, "usd": 1},
    {"type": "noop"},
]


def places(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """Yield the way to every part of a value."""
    if path:
        yield path
    items: Any = ()
    if isinstance(value, dict):
        items = value.items()
    elif isinstance(value, list):
        items = enumerate(value)
    for name, inner in items:
        yield from places(inner, (*path, name))


def mutated(rng: random.Random) -> dict[str, Any]:
    action = copy.deepcopy(rng.choice(ACTIONS))
    for _ in range(rng.randint(1, 2)):
        *way, last = rng.choice([path for path in places(action) if path != ("type",)] or [("x",)])
        inside: Any = action
        for name in way:
            inside = inside[name]
        if isinstance(inside, dict) and rng.random() < 0.2:
            inside.pop(last, None)
        else:
            inside[last] = rng.choice(PIECES)
    return action


@pytest.fixture(scope="module")
def venue() -> Iterator[Hosted]:
    with hosted() as running:
        yield running


def test_signed_nonsense_is_answered(venue: Hosted) -> None:
    async def run() -> None:
        rng = random.Random(11)
        wallet = Key.from_key(venue.test.agents[0].key)
        nonce = wall_ms()
        async with aiohttp.ClientSession() as session:
            for _ in range(200):
                nonce += 1
                action = mutated(rng)
                signature = sdk.sign_l1_action(wallet, action, None, nonce, None, False)
                body = {"action": action, "nonce": nonce, "signature": signature}
                async with session.post(venue.http + "/exchange", json=body) as reply:
                    assert reply.status in (200, 422), action
                    if reply.status == 200:
                        told = await reply.json()
                        assert told["status"] in ("ok", "err"), action
                        assert "API Wallet" not in str(told["response"]), action
            state = {"type": "webData2", "user": venue.test.wallet.address}
            async with session.post(venue.http + "/info", json=state) as reply:
                assert reply.status == 200

    asyncio.run(run())
