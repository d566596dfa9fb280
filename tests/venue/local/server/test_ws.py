from __future__ import annotations

import asyncio
import json
import time
from itertools import pairwise

import pytest
from aiohttp import ClientSession
from websockets.exceptions import ConnectionClosed

from tests.venue.local.serving import Clock, Limits, hear, say, serving, subscribe
from venue.local.world.world import World

PONG = {"channel": "pong"}
SUBSCRIPTIONS = [
    {"type": "l2Book", "coin": "BTC"},
    {"type": "l2Book", "coin": "ETH", "fast": True},
    {"type": "l2Book", "coin": "SOL", "nSigFigs": 4},
    {"type": "l2", "c": "BTC", "s": None, "m": None},
    {"type": "bbo", "coin": "BTC"},
    {"type": "trades", "coin": "BTC"},
    {"type": "candle", "coin": "BTC", "interval": "1m"},
    {"type": "activeAssetCtx", "coin": "BTC"},
    {"type": "allMids"},
]


@pytest.mark.parametrize("asked", SUBSCRIPTIONS, ids=lambda s: s["type"])
def test_the_acknowledgement_comes_before_the_first_data(world: World, asked: dict) -> None:
    async def run() -> None:
        async with serving(world) as venue, venue.connect() as ws:
            await say(ws, {"method": "subscribe", "subscription": asked})
            ack, data = await hear(ws), await hear(ws)
            assert ack["channel"] == "subscriptionResponse"
            assert ack["data"]["method"] == "subscribe"
            assert asked.items() <= ack["data"]["subscription"].items()
            assert data["channel"] == asked["type"]

    asyncio.run(run())


def test_defaults_are_echoed(world: World) -> None:
    async def run() -> None:
        async with serving(world) as venue, venue.connect() as ws:
            echo = await subscribe(ws, type="l2Book", coin="BTC")
            assert json.dumps(echo, separators=(",", ":")) == (
                '{"type":"l2Book","coin":"BTC","nSigFigs":null,"mantissa":null,"fast":false}'
            )
            assert await subscribe(ws, type="trades", coin="BTC") == {
                "type": "trades",
                "coin": "BTC",
            }

    asyncio.run(run())


def test_no_compression_is_agreed_on(world: World) -> None:
    async def run() -> None:
        async with serving(world) as venue, venue.connect(compression="deflate") as ws:
            assert "Sec-WebSocket-Extensions" not in ws.response.headers
            await say(ws, {"method": "ping"})
            assert await hear(ws) == PONG

    asyncio.run(run())


def test_errors_have_the_venues_words_and_leave_the_socket_open(world: World) -> None:
    async def run() -> None:
        bbo = {"type": "bbo", "coin": "BTC"}
        async with serving(world) as venue, venue.connect() as ws:
            await subscribe(ws, **bbo)
            await say(ws, {"method": "subscribe", "subscription": bbo})
            text = (await hear(ws, "error"))["data"]
            assert text == 'Already subscribed: {"type":"bbo","coin":"BTC"}'
            book = {"type": "l2Book", "coin": "BTC"}
            await say(ws, {"method": "unsubscribe", "subscription": book})
            text = (await hear(ws, "error"))["data"]
            assert text == (
                'Already unsubscribed: {"type":"l2Book","coin":"BTC",'
                '"nSigFigs":null,"mantissa":null,"fast":false}'
            )
            await say(
                ws, {"method": "subscribe", "subscription": {"type": "userFills", "user": "0x"}}
            )
            text = (await hear(ws, "error"))["data"]
            assert text == 'Invalid subscription {"type":"userFills","user":"0x"}'
            for raw in (
                '{"method":"subscribe","xsubscription":{"type":"bbo","coin":"SOL"}}',
                "no json",
                '{"method": "subscribe", "subscription": {"type": "noSuchType", "coin": "BTC"}}',
            ):
                await say(ws, raw)
                text = (await hear(ws, "error"))["data"]
                assert text == f"Error parsing JSON into valid websocket request: {raw}"
            await say(ws, {"method": "ping"})
            assert await hear(ws, "pong") == PONG

    asyncio.run(run())


def test_unsubscribing_ends_the_stream_even_with_a_top_level_id(world: World) -> None:
    async def run() -> None:
        asked = {"type": "l2Book", "coin": "BTC", "fast": True}
        async with serving(world) as venue, venue.connect() as ws:
            await subscribe(ws, **asked)
            await hear(ws, "l2Book")
            await say(ws, {"method": "unsubscribe", "id": 9, "subscription": asked})
            ack = await hear(ws, "subscriptionResponse")
            assert ack["data"]["method"] == "unsubscribe"
            with pytest.raises(TimeoutError):
                await hear(ws, "l2Book", timeout_s=1.0)
            await subscribe(ws, **asked)
            await hear(ws, "l2Book")

    asyncio.run(run())


@pytest.mark.parametrize(
    "asked",
    [
        {"type": "bbo", "coin": "NOPE"},
        {"type": "trades", "coin": "btc"},
        {"type": "l2Book", "coin": "BTC", "nSigFigs": 6},
        {"type": "l2Book", "coin": "BTC", "nSigFigs": 4, "mantissa": 2},
        {"type": "l2Book", "coin": "BTC", "nSigFigs": 5, "mantissa": 3},
    ],
)
def test_what_does_not_exist_closes_the_socket_without_a_word(world: World, asked: dict) -> None:
    async def run() -> None:
        async with serving(world) as venue, venue.connect() as ws:
            before = time.monotonic()
            await say(ws, {"method": "subscribe", "subscription": asked})
            with pytest.raises(ConnectionClosed) as closed:
                await hear(ws)
            assert closed.value.rcvd is None
            assert ws.close_code == 1006
            assert 0.1 < time.monotonic() - before < 0.8

    asyncio.run(run())


def test_sixty_seconds_of_silence_close_the_socket(world: World) -> None:
    async def run() -> None:
        limits = Limits(idle_s=0.8)
        assert Limits().idle_s == 60.0
        async with (
            serving(world, limits=limits) as venue,
            venue.connect() as quiet,
            venue.connect() as pinging,
        ):
            for _ in range(5):
                await asyncio.sleep(0.4)
                await say(pinging, {"method": "ping"})
                assert await hear(pinging) == PONG
            with pytest.raises(ConnectionClosed):
                await hear(quiet)
            assert quiet.close_code == 1006

    asyncio.run(run())


def test_protocol_pings_are_answered(world: World) -> None:
    async def run() -> None:
        async with serving(world) as venue, venue.connect() as ws:
            async with asyncio.timeout(2.0):
                await (await ws.ping())

    asyncio.run(run())


def test_books_and_contexts_keep_their_cadence(world: World) -> None:
    async def run() -> None:
        async with serving(world) as venue, venue.connect() as ws:
            for coin in ("BTC", "ETH"):
                await subscribe(ws, type="l2Book", coin=coin, fast=True)
                await subscribe(ws, type="activeAssetCtx", coin=coin)
            times: dict[str, list[int]] = {"BTC": [], "ETH": []}
            contexts = 0
            until = time.monotonic() + 3.5
            while time.monotonic() < until:
                message = await hear(ws)
                if message["channel"] == "l2Book":
                    lag_ms = venue.clock() - message["data"]["time"]
                    assert 0.0 <= lag_ms < 400.0
                    times[message["data"]["coin"]].append(message["data"]["time"])
                contexts += message["channel"] == "activeAssetCtx"
            assert 4 <= contexts <= 10
            # One push clock; the first is the snapshot after the acknowledgement.
            assert times["BTC"][2:5] == times["ETH"][2:5]
            assert all(400 < b - a < 700 for a, b in pairwise(times["BTC"][2:]))

    asyncio.run(run())


def test_the_slow_book_has_twenty_levels_and_a_slow_clock(world: World) -> None:
    async def run() -> None:
        async with serving(world, clock=Clock(rate=8.0)) as venue, venue.connect() as ws:
            await subscribe(ws, type="l2Book", coin="BTC")
            books = [(await hear(ws, "l2Book"))["data"] for _ in range(4)]
            assert all(len(side) == 20 for book in books for side in book["levels"])
            assert not any("fast" in book for book in books)
            gaps = [b["time"] - a["time"] for a, b in pairwise(books[1:])]
            assert all(5_000 < gap < 5_800 for gap in gaps)

    asyncio.run(run())


def test_trades_replay_thirty_and_go_on_without_gap_or_repeat(world: World) -> None:
    async def run() -> None:
        async with serving(world, clock=Clock(rate=10.0)) as venue, venue.connect() as ws:
            await subscribe(ws, type="trades", coin="BTC")
            frames = [(await hear(ws, "trades"))["data"] for _ in range(12)]
            assert len(frames[0]) == 30
            told = [(t["time"], t["tid"]) for frame in frames for t in frame]
            assert [key[0] for key in told] == sorted(key[0] for key in told)
            assert len(set(told)) == len(told)
            # The block of the oldest may hold more than were replayed.
            first, last = told[0][0] + 1, told[-1][0]
            truth = [
                (t["time"], t["tid"])
                for at in range(first, last + 1, 1_000)
                for t in world.recent_trades("BTC", min(at + 999, last))
            ]
            assert {key for key in told if key[0] >= first} == {k for k in truth if k[0] >= first}

    asyncio.run(run())


def test_limits_are_told_in_the_venues_words(world: World) -> None:
    async def run() -> None:
        limits = Limits(subscriptions_max=1, messages_per_minute_max=3)
        async with serving(world, limits=limits) as venue, venue.connect() as ws:
            await subscribe(ws, type="activeAssetCtx", coin="BTC")
            await say(ws, {"method": "subscribe", "subscription": {"type": "bbo", "coin": "BTC"}})
            text = (await hear(ws, "error"))["data"]
            assert text == "Cannot subscribe to more than 1 channels."
            await say(ws, {"method": "ping"})
            await hear(ws, "pong")
            await say(ws, {"method": "ping"})
            text = (await hear(ws, "error"))["data"]
            assert text == "Cannot send more than 3 messages per minute."

    asyncio.run(run())


def test_questions_may_be_posted_over_the_socket(world: World) -> None:
    async def run() -> None:
        async with serving(world) as venue, venue.connect() as ws:

            async def post(number: int, kind: str, payload: object) -> dict:
                request = {"type": kind, "payload": payload}
                await say(ws, {"method": "post", "id": number, "request": request})
                reply = (await hear(ws, "post"))["data"]
                assert reply["id"] == number
                return reply["response"]

            reply = await post(1, "info", {"type": "exchangeStatus"})
            assert reply["type"] == "info"
            assert reply["payload"]["type"] == "exchangeStatus"
            assert set(reply["payload"]["data"]) == {"time", "specialStatuses"}
            reply = await post(2, "info", {"type": "l2Book", "coin": "NOPE"})
            assert reply["payload"] == {"type": "l2Book", "data": None}
            assert (await post(3, "info", {"type": "nope"}))["type"] == "error"
            assert (await post(4, "info", 5))["type"] == "error"
            assert (await post(5, "action", {"type": "order"}))["type"] == "error"

    asyncio.run(run())


def test_clients_of_another_library_are_served(world: World) -> None:
    async def run() -> None:
        async with (
            serving(world) as venue,
            ClientSession() as session,
            session.ws_connect(venue.ws, compress=15) as ws,
        ):
            await ws.send_json({"method": "subscribe", "subscription": SUBSCRIPTIONS[0]})
            assert (await ws.receive_json())["channel"] == "subscriptionResponse"
            assert (await ws.receive_json())["channel"] == "l2Book"
            await ws.send_bytes(b'{"method":"ping"}')
            assert await ws.receive_json() == PONG
            async with session.get(venue.http + "/ws") as plain:
                assert plain.status == 400

    asyncio.run(run())


def test_midnight_passes_unnoticed() -> None:
    async def run() -> None:
        world = World(11, 1_756_684_800_000)
        midnight = world.epoch_ms + 86_400_000
        clock = Clock(midnight - 1_500)
        async with serving(world, clock=clock) as venue, venue.connect() as ws:
            await subscribe(ws, type="l2Book", coin="BTC", fast=True)
            await subscribe(ws, type="trades", coin="BTC")
            books, trades = [], []
            while clock() < midnight + 1_500:
                message = await hear(ws)
                if message["channel"] == "l2Book":
                    books.append(message["data"]["time"])
                elif message["channel"] == "trades":
                    trades += [t["time"] for t in message["data"]]
            assert books == sorted(books)
            assert books[0] < midnight < books[-1]
            assert max(b - a for a, b in pairwise(books)) < 700
            assert trades == sorted(trades)

    asyncio.run(run())
