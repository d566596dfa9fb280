"""Bad input: requests that were real once, with something changed, over real sockets.

Whatever comes, the venue answers with one of its own refusals, logs no traceback, and goes on.
"""

from __future__ import annotations

import asyncio
import copy
import dataclasses
import json
import logging
import os
import random
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from eth_account import Account as Key
from hyperliquid.utils.signing import sign_l1_action
from websockets.exceptions import ConnectionClosed

from tests.venue.local.recorded_messages import questions
from tests.venue.local.serving import (
    HOUR_MS,
    NOW_MS,
    REPO,
    Clock,
    Venue,
    hear,
    say,
    serving,
    subscribe,
)
from venue.local.exchange.exchange import Exchange
from venue.local.gate.accounts import account_of_seed
from venue.local.server.client import Limits
from venue.local.server.floor import floor_over
from venue.local.world.world import World

ACCOUNT = account_of_seed(7)
USER = ACCOUNT.wallet.address
KEY = Key.from_key(ACCOUNT.wallet.key)
JSON = {"Content-Type": "application/json"}
REFUSALS = {400, 415, 422, 429}

GTC: dict[str, Any] = {"limit": {"tif": "Gtc"}}
ORDER = {"a": 0, "b": True, "p": "100000", "s": "0.01", "r": False, "t": GTC, "c": f"0x{9:032x}"}
STOP = {**ORDER, "r": True, "t": {"trigger": {"isMarket": True, "triggerPx": "9", "tpsl": "sl"}}}
TWAP = {"a": 0, "b": True, "s": "0.1", "r": False, "m": 5, "t": False}
ACTIONS: list[dict[str, Any]] = [
    {"type": "order", "orders": [ORDER, STOP], "grouping": "na"},
    {"type": "order", "orders": [ORDER, STOP], "grouping": "normalTpsl"},
    {"type": "order", "orders": [ORDER], "grouping": "na", "builder": {"b": USER, "f": 1}},
    {"type": "cancel", "cancels": [{"a": 0, "o": 1}]},
    {"type": "cancelByCloid", "cancels": [{"asset": 0, "cloid": f"0x{9:032x}"}]},
    {"type": "modify", "oid": 1, "order": ORDER},
    {"type": "batchModify", "modifies": [{"oid": f"0x{9:032x}", "order": ORDER}]},
    {"type": "scheduleCancel", "time": NOW_MS + 60_000},
    {"type": "updateLeverage", "asset": 1, "isCross": True, "leverage": 3},
    {"type": "updateIsolatedMargin", "asset": 1, "isBuy": True, "ntli": 1_000_000},
    {"type": "twapOrder", "twap": TWAP},
    {"type": "twapCancel", "a": 0, "t": 1},
    {"type": "reserveRequestWeight", "weight": 1},
    {"type": "usdClassTransfer", "amount": "1", "toPerp": False, "nonce": 1},
    {"type": "noop"},
]
ASKED = [
    {"type": "l2Book", "coin": "BTC", "nSigFigs": 5, "mantissa": 2},
    {
        "type": "candleSnapshot",
        "req": {"coin": "ETH", "interval": "1h", "startTime": 0, "endTime": 9},
    },
    {"type": "fundingHistory", "coin": "BTC", "startTime": NOW_MS - HOUR_MS},
    {"type": "clearinghouseState", "user": USER, "dex": ""},
    {"type": "frontendOpenOrders", "user": USER},
    {"type": "orderStatus", "user": USER, "oid": 1},
    {"type": "userFillsByTime", "user": USER, "startTime": 0, "aggregateByTime": True},
    {"type": "activeAssetData", "user": USER, "coin": "BTC"},
    {"type": "userFees", "user": USER},
]
SUBSCRIBED = [
    {"type": "l2Book", "coin": "BTC", "nSigFigs": 5, "mantissa": None, "fast": True},
    {"type": "candle", "coin": "BTC", "interval": "1m"},
    {"type": "allMids", "dex": ""},
    {"type": "userFills", "user": USER, "aggregateByTime": False},
    {"type": "orderUpdates", "user": USER},
    {"type": "webData3", "user": USER},
    {"type": "activeAssetData", "user": USER, "coin": "ETH"},
    {"type": "fastAssetCtxs"},
]
# Hanging up at once saves the time of a few hundred connections.
LIMITS = dataclasses.replace(Limits.generous(), hang_up_s=0.0)
DEEP: Any = json.loads("[" * 60 + "]" * 60)
PIECES: list[Any] = [
    *(None, True, False, 0, -1, 1.5, 2**31, 2**63, 2**64, 2**80, -(2**70), 1e308),
    *("", "0", "-1", "1e400", "NaN", "Infinity", "0x", "0x" + "f" * 32, "0x" + "g" * 40),
    *("BTC", "btc", "\u0000", "\ud7ff\ue000", "9" * 200, "0." + "0" * 90 + "1", " 1", "1_0", "١"),
    *([], {}, [[]], [None], {"": {}}, DEEP, USER, USER.upper(), "order", "type"),
]


def places(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """Return the path of everything inside a JSON value."""
    found = [path] if path else []
    inside: Any = ()
    if isinstance(value, dict):
        inside = value.items()
    elif isinstance(value, list):
        inside = enumerate(value)
    for name, inner in inside:
        found += places(inner, (*path, name))
    return found


def changed(rng: random.Random, value: Any) -> Any:
    """Return a copy with one to three things put in the place of others, lost, doubled or added."""
    out = copy.deepcopy(value)
    for _ in range(rng.randint(1, 3)):
        paths = places(out)
        if not paths:
            return out
        path = rng.choice(paths)
        holder = out
        for step in path[:-1]:
            holder = holder[step]
        match rng.randrange(6):
            case 0:
                del holder[path[-1]]
            case 1 if isinstance(holder, list):
                holder.extend(copy.deepcopy(holder) * rng.choice((1, 1, 150)))
            case 2 if isinstance(holder, dict):
                holder[rng.choice(("a", "f", "dex", "user", "extra", ""))] = copy.deepcopy(
                    rng.choice(PIECES)
                )
            case _:
                holder[path[-1]] = copy.deepcopy(rng.choice(PIECES))
    return out


def scratched(rng: random.Random, value: Any) -> bytes:
    """Return its text with a few bytes changed, lost or added."""
    raw = bytearray(json.dumps(value).encode())
    for _ in range(rng.randint(1, 4)):
        at = rng.randrange(len(raw))
        raw[at : at + rng.randint(0, 3)] = rng.randbytes(rng.randint(0, 3))
    return bytes(raw) or b"x"


def asked() -> list[Any]:
    """Return questions: ours, and those of the SDK's cassettes where they are."""
    folder = Path(os.environ.get("GNOMON_DATA", REPO.parent / "shared" / "data"))
    recorded = [json.loads(text) for text in questions()] if folder.is_dir() else []
    return ASKED + recorded


@asynccontextmanager
async def venue_of(world: World, caplog: pytest.LogCaptureFixture) -> AsyncIterator[Venue]:
    """Run a venue with accounts; afterwards nothing must have been logged, and it must answer."""
    caplog.set_level(logging.WARNING)
    shown, floor = floor_over(world, accounts=[ACCOUNT])
    async with serving(shown, clock=Clock(), limits=LIMITS, floor=floor) as venue:
        yield venue
        async with venue.connect() as ws:
            await subscribe(ws, type="bbo", coin="BTC")
            assert (await hear(ws, "bbo"))["data"]["coin"] == "BTC"
        async with aiohttp.ClientSession() as session:
            reply = await post(
                session, venue, "/info", {"type": "clearinghouseState", "user": USER}
            )
            assert reply[0] == 200
            assert float(json.loads(reply[1])["marginSummary"]["accountValue"]) > 0.0
    assert [record.getMessage() for record in caplog.records] == []


async def post(
    session: aiohttp.ClientSession, venue: Venue, path: str, body: Any
) -> tuple[int, bytes]:
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    async with session.post(venue.http + path, data=raw, headers=JSON) as reply:
        found = reply.status, await reply.read()
    assert found[0] in {200, 500} | REFUSALS, (path, raw, found)
    if found[0] == 500:
        assert found[1] == b"null", (path, raw, found)
    return found


def test_questions(world: World, caplog: pytest.LogCaptureFixture) -> None:
    async def run() -> Counter[int]:
        rng = random.Random(20)
        kinds = asked()
        statuses: Counter[int] = Counter()
        async with venue_of(world, caplog) as venue, aiohttp.ClientSession() as session:
            for number in range(500):
                question = rng.choice(kinds)
                body = scratched(rng, question) if number % 3 == 0 else changed(rng, question)
                statuses[(await post(session, venue, "/info", body))[0]] += 1
        return statuses

    statuses = asyncio.run(run())
    # Neither all refused, which would test nothing, nor none.
    assert statuses[200] > 20
    assert statuses[422] > 20
    assert statuses[400] > 20


def envelope(action: Any, nonce: int) -> dict[str, Any]:
    """Return an action signed by the account, with a wrong signature where none is possible."""
    try:
        signature = sign_l1_action(KEY, action, None, nonce, None, False)
    except (OverflowError, ValueError, TypeError, UnicodeError):
        signature = {"r": "0x1", "s": "0x1", "v": 27}
    return {"action": action, "nonce": nonce, "signature": signature}


def test_actions(world: World, caplog: pytest.LogCaptureFixture) -> None:
    async def run() -> Counter[str]:
        rng = random.Random(21)
        found: Counter[str] = Counter()
        async with venue_of(world, caplog) as venue, aiohttp.ClientSession() as session:
            for number in range(400):
                nonce = int(venue.clock()) + number
                action = rng.choice(ACTIONS)
                body: Any
                if number % 4 == 0:
                    body = scratched(rng, envelope(action, nonce))
                elif number % 4 == 1:
                    # The envelope is changed, the signature may no longer fit.
                    body = changed(rng, envelope(action, nonce))
                else:
                    body = envelope(changed(rng, action), nonce)
                status, raw = await post(session, venue, "/exchange", body)
                found[json.loads(raw)["status"] if status == 200 else str(status)] += 1
        return found

    found = asyncio.run(run())
    assert found["ok"] > 10
    assert found["err"] > 10
    assert found["422"] > 10


def test_messages_on_the_socket(world: World, caplog: pytest.LogCaptureFixture) -> None:
    async def run() -> Counter[str]:
        rng = random.Random(22)
        heard: Counter[str] = Counter()
        async with venue_of(world, caplog) as venue:
            for number in range(30):
                async with venue.connect() as ws:
                    try:
                        for turn in range(5):
                            await say(ws, spoken(rng, venue, 5 * number + turn))
                        await say(ws, {"method": "ping"})
                        while (found := (await hear(ws))["channel"]) != "pong":
                            heard[found] += 1
                        # What was posted is answered in its own time.
                        async with asyncio.timeout(0.1):
                            while True:
                                heard[(await hear(ws))["channel"]] += 1
                    except ConnectionClosed:
                        heard["closed"] += 1
                    except TimeoutError:
                        heard["quiet"] += 1
        return heard

    heard = asyncio.run(run())
    assert heard["error"] > 10
    assert heard["post"] > 5
    assert heard["subscriptionResponse"] > 5


def spoken(rng: random.Random, venue: Venue, number: int) -> Any:
    """Return a message of a client with something changed."""
    match number % 3:
        case 0:
            method = rng.choice(("subscribe", "unsubscribe"))
            message: Any = {"method": method, "subscription": rng.choice(SUBSCRIBED)}
        case 1:
            request: Any = {"type": "info", "payload": rng.choice(ASKED)}
            message = {"method": "post", "id": number, "request": request}
        case _:
            action = changed(rng, rng.choice(ACTIONS))
            request = {"type": "action", "payload": envelope(action, int(venue.clock()) + number)}
            return {"method": "post", "id": number, "request": request}
    if rng.random() < 0.3:
        return scratched(rng, message).decode(errors="replace")
    return changed(rng, message) if rng.random() < 0.6 else message


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_the_exchange_takes_any_action_without_raising(seed: int, world: World) -> None:
    """Without sockets, so that it can be many: whoever gets past the gate can not break it."""
    rng = random.Random(seed)
    exchange = Exchange(world)
    now_ms = NOW_MS
    exchange.deposit(USER, 1_000_000_000_000, now_ms)
    replies: Counter[str] = Counter()
    for _ in range(800):
        now_ms += rng.choice((0, 10, 75, 500))
        action = rng.choice(ACTIONS)
        reply = exchange.act(USER, changed(rng, action) if rng.random() < 0.9 else action, now_ms)
        replies[reply["status"]] += 1
        json.dumps(reply)
        exchange.drain()
    assert replies["ok"] > 100
    assert replies["err"] > 100
