"""Accounts over real sockets: streams, posts and what an address may."""

from __future__ import annotations

import asyncio
from typing import Any

import aiohttp
import pytest
from websockets.exceptions import ConnectionClosed, InvalidStatus

from tests.venue.local.serving import Clock, Limits, Stub, hear, say, serving, subscribe
from tests.venue.local.tiny import AGENT, MASTER, OK, USER, Tiny, fill_row, floor, signed, wall_ms
from venue.local.exchange.state.notes import Note
from venue.local.protocol.stream import EVENTS, OVERVIEWS, STATES
from venue.local.server.user import Habits

CANCEL = {"type": "cancel", "cancels": [{"a": 0, "o": 1}]}
SILENT = {"userEvents", "orderUpdates", "notification"}


def running(tiny: Tiny, limits: Limits | None = None, habits: Habits | None = None) -> Any:
    clock = Clock(wall_ms())
    return serving(Stub(), clock=clock, limits=limits, floor=floor(tiny, habits=habits))


def test_every_stream_is_acknowledged_before_it_speaks() -> None:
    async def run() -> None:
        async with running(Tiny()) as venue, venue.connect() as ws:
            for kind in sorted(EVENTS | STATES | OVERVIEWS):
                asked = {"type": kind, "user": MASTER.address}
                if kind == "activeAssetData":
                    asked["coin"] = "BTC"
                if kind in OVERVIEWS:
                    del asked["user"]
                await say(ws, {"method": "subscribe", "subscription": asked})
                # Others may speak meanwhile, this one not before its acknowledgement.
                message = await hear(ws)
                while message["channel"] != "subscriptionResponse":
                    assert message["channel"] != kind
                    message = await hear(ws)
                echo = message["data"]["subscription"]
                assert echo["type"] == kind
                assert echo.get("user", USER) == USER
                if kind not in SILENT:
                    await hear(ws, kind)

    asyncio.run(run())


def test_what_happens_to_an_account_is_told_with_the_next_block() -> None:
    async def run() -> None:
        tiny = Tiny()
        async with running(tiny) as venue, venue.connect() as ws, venue.connect() as other:
            await subscribe(ws, type="userFills", user=MASTER.address)
            await hear(ws, "userFills")
            await subscribe(ws, type="userEvents", user=USER)
            await subscribe(other, type="userFills", user="0x" + "9" * 40)
            await hear(other, "userFills")
            tiny.notes.append(Note(USER, "fill", fill_row(42), wall_ms()))
            told = await hear(ws, "userFills")
            assert told["data"] == {"user": USER, "fills": [fill_row(42)]}
            assert (await hear(ws, "user"))["data"] == {"fills": [fill_row(42)]}
            with pytest.raises(TimeoutError):
                await hear(other, timeout_s=0.3)
            await say(
                ws,
                {"method": "unsubscribe", "subscription": {"type": "userFills", "user": USER}},
            )
            await hear(ws, "subscriptionResponse")
            tiny.notes.append(Note(USER, "fill", fill_row(43), wall_ms()))
            await hear(ws, "user")
            with pytest.raises(TimeoutError):
                await hear(ws, "userFills", timeout_s=0.3)

    asyncio.run(run())


def test_a_coin_or_exchange_that_is_none_closes_the_socket() -> None:
    async def run() -> None:
        for asked in (
            {"type": "activeAssetData", "user": USER, "coin": "NOPE"},
            {"type": "clearinghouseState", "user": USER, "dex": "xyz"},
        ):
            async with running(Tiny()) as venue, venue.connect() as ws:
                await say(ws, {"method": "subscribe", "subscription": asked})
                with pytest.raises(ConnectionClosed):
                    await hear(ws)
                assert ws.close_code == 1006

    asyncio.run(run())


def test_a_retired_stream_is_an_invalid_subscription() -> None:
    async def run() -> None:
        async with running(Tiny(), habits=Habits(web_data_2=False)) as venue, venue.connect() as ws:
            asked = {"type": "webData2", "user": USER}
            await say(ws, {"method": "subscribe", "subscription": asked})
            text = (await hear(ws, "error"))["data"]
            assert text.startswith("Invalid subscription {")

    asyncio.run(run())


def test_an_address_may_follow_ten_users_over_all_its_sockets() -> None:
    async def run() -> None:
        async with running(Tiny()) as venue, venue.connect() as one, venue.connect() as two:
            for number in range(10):
                ws = one if number % 2 else two
                await subscribe(ws, type="orderUpdates", user=f"0x{number:040x}")
            # A user that is followed already is none more.
            await subscribe(one, type="userEvents", user=f"0x{0:040x}")
            asked = {"type": "userEvents", "user": f"0x{10:040x}"}
            await say(one, {"method": "subscribe", "subscription": asked})
            text = (await hear(one, "error"))["data"]
            assert text == "Cannot track more than 10 total users."

    asyncio.run(run())


def test_an_address_may_have_ten_sockets_and_dial_thirty_times_a_minute() -> None:
    async def run() -> None:
        async with running(Tiny(), Limits(new_sockets_per_minute_max=12)) as venue:
            sockets = [await venue.connect() for _ in range(10)]
            with pytest.raises(InvalidStatus) as refused:
                await venue.connect()
            assert refused.value.response.status_code == 429
            await sockets.pop().close()
            for _ in range(2):
                async with venue.connect() as ws:
                    await say(ws, {"method": "ping"})
                    await hear(ws, "pong")
            with pytest.raises(InvalidStatus):
                await venue.connect()
            for ws in sockets:
                await ws.close()
        assert (Limits().sockets_max, Limits().new_sockets_per_minute_max) == (10, 30)

    asyncio.run(run())


async def post(ws: Any, number: int, kind: str, payload: object) -> Any:
    request = {"type": kind, "payload": payload}
    await say(ws, {"method": "post", "id": number, "request": request})
    reply = (await hear(ws, "post"))["data"]
    assert reply["id"] == number
    return reply["response"]


def test_actions_and_account_questions_may_be_posted() -> None:
    async def run() -> None:
        tiny = Tiny()
        async with running(tiny) as venue, venue.connect() as ws:
            reply = await post(ws, 1, "action", signed(CANCEL, AGENT))
            assert reply == {"type": "action", "payload": OK}
            assert tiny.acted[0][:2] == (USER, CANCEL)
            again = await post(ws, 2, "action", signed(CANCEL, AGENT, 5))
            assert again["payload"]["status"] == "err"
            asked = {"type": "openOrders", "user": MASTER.address}
            reply = await post(ws, 3, "info", asked)
            assert reply["payload"]["type"] == "openOrders"
            assert len(reply["payload"]["data"]) == 1
            for kind, payload in (("action", {}), ("info", []), ("explorer", {}), ([], None)):
                assert (await post(ws, 4, kind, payload))["type"] == "error"

    asyncio.run(run())


class Slow(Stub):
    """A market that prepares its answers for as long as a test wants."""

    slow = True

    def warm(self, *_: Any) -> Any:
        while self.slow:
            yield None


def test_a_hundred_posts_may_be_under_way_and_the_rest_is_told_so() -> None:
    async def run() -> None:
        market = Slow()
        limits = Limits(posts_max=3)
        async with serving(market, limits=limits) as venue, venue.connect() as ws:
            for number in range(5):
                request = {"type": "info", "payload": {"type": "allMids"}}
                await say(ws, {"method": "post", "id": number, "request": request})
            for number in (3, 4):
                text = (await hear(ws, "error"))["data"]
                assert text == f"too many pending post requests id={number}"
            market.slow = False
            assert {(await hear(ws, "post"))["data"]["id"] for _ in range(3)} == {0, 1, 2}
            assert (await post(ws, 9, "info", {"type": "allMids"}))["type"] == "info"
        assert Limits().posts_max == 100

    asyncio.run(run())


def test_a_client_that_leaves_takes_its_posts_along() -> None:
    async def run() -> None:
        market = Slow()
        async with serving(market) as venue:
            async with venue.connect() as ws:
                request = {"type": "info", "payload": {"type": "allMids"}}
                await say(ws, {"method": "post", "id": 1, "request": request})
                await say(ws, {"method": "ping"})
                await hear(ws, "pong")
            await asyncio.sleep(0.1)
            market.slow = False
            async with (
                aiohttp.ClientSession() as session,
                session.post(venue.http + "/info", json={"type": "allMids"}) as reply,
            ):
                assert reply.status == 200

    asyncio.run(run())
