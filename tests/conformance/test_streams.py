"""Every stream of an account on the real exchange, as a client stricter than most would see it."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from typing import Any

import aiohttp
import pytest
from eth_account import Account as Key
from hyperliquid.utils import signing as sdk
from websockets.asyncio.client import ClientConnection, connect

from tests.conformance.hosting import Hosted, hosted, wall_ms

ORDER = {"coin", "side", "limitPx", "sz", "oid", "timestamp", "origSz"}
FRONT = ORDER | {
    "triggerCondition",
    "isTrigger",
    "triggerPx",
    "children",
    "isPositionTpsl",
    "reduceOnly",
    "orderType",
    "tif",
    "cloid",
}
FILL = {
    "coin",
    "px",
    "sz",
    "side",
    "time",
    "startPosition",
    "dir",
    "closedPnl",
    "hash",
    "oid",
    "crossed",
    "fee",
    "tid",
    "feeToken",
    "twapId",
}
STATE = {
    "marginSummary",
    "crossMarginSummary",
    "crossMaintenanceMarginUsed",
    "withdrawable",
    "assetPositions",
    "time",
}


@pytest.fixture(scope="module")
def venue() -> Iterator[Hosted]:
    with hosted() as running:
        yield running


class Trader:
    """Posts signed actions over one socket and keeps what it hears, by channel."""

    def __init__(self, ws: ClientConnection, venue: Hosted) -> None:
        self.user = venue.test.wallet.address
        self._wallet = Key.from_key(venue.test.agents[0].key)
        self._ws = ws
        self._nonce = wall_ms()
        self._id = 0
        self.heard: dict[str, list[Any]] = {}

    async def subscribe(self, kind: str, **fields: Any) -> None:
        subscription = {"type": kind, **fields}
        await self._ws.send(json.dumps({"method": "subscribe", "subscription": subscription}))
        await self.until("subscriptionResponse", lambda data: data["subscription"]["type"] == kind)

    async def act(self, action: dict[str, Any]) -> Any:
        """Return the response to an action that must succeed."""
        self._nonce = max(self._nonce + 1, wall_ms())
        self._id += 1
        number = self._id
        signature = sdk.sign_l1_action(self._wallet, action, None, self._nonce, None, False)
        payload = {"action": action, "nonce": self._nonce, "signature": signature}
        request = {"type": "action", "payload": payload}
        await self._ws.send(json.dumps({"method": "post", "id": number, "request": request}))
        data = await self.until("post", lambda data: data["id"] == number)
        assert data["response"]["payload"]["status"] == "ok", data
        return data["response"]["payload"]["response"]

    async def until(self, channel: str, fits: Any = lambda data: True) -> Any:
        """Return the first data of a channel, heard already or to come, that fits."""
        async with asyncio.timeout(30.0):
            seen = 0
            while True:
                for data in self.heard.get(channel, [])[seen:]:
                    seen += 1
                    if fits(data):
                        return data
                message = json.loads(await self._ws.recv())
                self.heard.setdefault(message["channel"], []).append(message.get("data"))


async def mid(venue: Hosted, coin: str = "BTC") -> float:
    async with (
        aiohttp.ClientSession() as session,
        session.post(venue.http + "/info", json={"type": "allMids"}) as reply,
    ):
        return float((await reply.json())[coin])


def limit(side: bool, px: float, size: str, tif: str, *, reduce: bool = False) -> dict[str, Any]:
    order = {
        "a": 0,
        "b": side,
        "p": str(int(px)),
        "s": size,
        "r": reduce,
        "t": {"limit": {"tif": tif}},
    }
    return {"type": "order", "orders": [order], "grouping": "na"}


def test_every_stream_of_an_account_tells_what_happens(venue: Hosted) -> None:
    async def run() -> None:
        async with connect(venue.ws, ping_interval=None, max_size=None) as ws:
            me = Trader(ws, venue)
            user = me.user
            for kind in (
                "orderUpdates",
                "userEvents",
                "userFills",
                "userFundings",
                "userHistoricalOrders",
                "userTwapHistory",
                "userTwapSliceFills",
                "twapStates",
                "clearinghouseState",
                "allDexsClearinghouseState",
                "openOrders",
                "spotState",
                "webData2",
                "webData3",
                "notification",
                "userNonFundingLedgerUpdates",
            ):
                await me.subscribe(kind, user=user)
            await me.subscribe("activeAssetData", user=user, coin="BTC")
            px = await mid(venue)

            placed = await me.act(limit(True, px * 0.8, "0.01", "Gtc"))
            oid = placed["data"]["statuses"][0]["resting"]["oid"]
            (update,) = await me.until("orderUpdates")
            assert set(update) == {"order", "status", "statusTimestamp"}
            assert (set(update["order"]), update["order"]["oid"]) == (ORDER, oid)
            shown = await me.until("openOrders", lambda data: data["orders"])
            assert (shown["dex"], shown["user"]) == ("", user)
            assert set(shown["orders"][0]) == FRONT
            history = await me.until("userHistoricalOrders", lambda data: "isSnapshot" not in data)
            assert set(history["orderHistory"][0]["order"]) == FRONT

            await me.act(limit(True, px * 1.03, "0.01", "Ioc"))
            fills = await me.until("userFills", lambda data: "isSnapshot" not in data)
            assert set(fills) == {"user", "fills"}
            assert set(fills["fills"][0]) == FILL
            assert (await me.until("user", lambda data: "fills" in data))["fills"]
            state = await me.until(
                "clearinghouseState", lambda data: data["clearinghouseState"]["assetPositions"]
            )
            assert set(state) == {"dex", "user", "clearinghouseState"}
            assert set(state["clearinghouseState"]) == STATE
            every = await me.until(
                "allDexsClearinghouseState",
                lambda data: data["clearinghouseStates"][0][1]["assetPositions"],
            )
            assert every["clearinghouseStates"][0][0] == ""
            web = await me.until("webData2", lambda data: data["openOrders"])
            assert web["agentAddress"] == venue.test.agents[0].address
            assert set(web["clearinghouseState"]) == STATE
            await me.until("webData3", lambda data: data["userState"]["user"] == user)
            assert (await me.until("spotState"))["spotState"] == {"balances": []}
            asset = await me.until("activeAssetData")
            assert (asset["user"], asset["coin"]) == (user, "BTC")
            assert len(asset["maxTradeSzs"]) == len(asset["availableToTrade"]) == 2

            twap = {"a": 0, "b": True, "s": "0.05", "r": False, "m": 5, "t": False}
            started = await me.act({"type": "twapOrder", "twap": twap})
            number = started["data"]["status"]["running"]["twapId"]
            sliced = await me.until("userTwapSliceFills", lambda data: "isSnapshot" not in data)
            assert sliced["twapSliceFills"][0]["twapId"] == number
            running = await me.until("twapStates", lambda data: data["states"])
            assert running["states"][0][0] == number
            told = await me.until("userTwapHistory", lambda data: "isSnapshot" not in data)
            assert set(told["history"][0]) >= {"time", "state", "status"}
            await me.act({"type": "twapCancel", "a": 0, "t": number})
            await me.until("user", lambda data: "twapHistory" in data)

            # Nobody comes to an order so far off until the schedule takes it.
            await me.act({"type": "scheduleCancel", "time": wall_ms() + 7_000})
            (gone,) = await me.until(
                "orderUpdates", lambda data: data[0]["status"] == "scheduledCancel"
            )
            assert gone["order"]["oid"] == oid
            await me.act(limit(False, px * 0.97, "1", "Ioc", reduce=True))

    asyncio.run(run())


def test_markets_of_all_coins_over_the_socket(venue: Hosted) -> None:
    async def run() -> None:
        async with connect(venue.ws, ping_interval=None, max_size=None) as ws:
            me = Trader(ws, venue)
            for kind in ("assetCtxs", "allDexsAssetCtxs", "fastAssetCtxs"):
                await me.subscribe(kind)
            one, every = await me.until("assetCtxs"), await me.until("allDexsAssetCtxs")
            assert one["dex"] == every["ctxs"][0][0] == ""
            assert len(one["ctxs"]) == len(every["ctxs"][0][1]) == 50
            assert isinstance(await me.until("fastAssetCtxs"), str)

    asyncio.run(run())


def test_who_asks_too_much_is_turned_away_with_nothing(venue: Hosted) -> None:
    """The hosted limits are generous, so this takes a few hundred of the heaviest questions."""

    async def run() -> None:
        async with aiohttp.ClientSession() as session:
            question = {"type": "userRole", "user": venue.test.wallet.address}
            for _ in range(400):
                async with session.post(venue.http + "/info", json=question) as reply:
                    if reply.status == 429:
                        assert reply.content_type == "application/json"
                        assert await reply.read() == b"null"
                        return
                    assert reply.status == 200
        raise AssertionError("never turned away")

    asyncio.run(run())
