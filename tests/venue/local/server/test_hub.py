from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

from tests.venue.local.serving import DAY_MS, EPOCH_MS, Stub
from tests.venue.local.wires import Hand, Wire
from venue.local.market.contract import Topic
from venue.local.protocol.framing import framed
from venue.local.server.client import Client, Limits
from venue.local.server.hub import Hub
from venue.local.world.world import World

BTC = Topic("trades", "BTC")


def on_a_loop(test: Callable[[], Any]) -> None:
    async def run() -> None:
        test()

    asyncio.run(run())


def test_one_frame_reaches_all_who_want_it_and_nobody_else() -> None:
    def check() -> None:
        hub = Hub(Stub(b"news"), Hand(1_000), Limits())
        wires = [Wire() for _ in range(3)]
        clients = [Client(wire, "here", Limits()) for wire in wires]
        for client in clients:
            hub.add(client)
        hub.join(clients[0], BTC)
        hub.join(clients[1], BTC)
        hub.push(1_100)
        assert [wire.written for wire in wires] == [framed(b"news"), framed(b"news"), b""]
        hub.leave(clients[0], BTC)
        hub.remove(clients[1])
        hub.push(1_200)
        assert wires[0].written == wires[1].written == framed(b"news")

    on_a_loop(check)


def test_pushes_leave_no_gap_and_follow_the_clock() -> None:
    def check() -> None:
        market = Stub()
        hub = Hub(market, Hand(1_000), Limits())
        for now_ms in (1_075, 1_075, 1_150, 1_140, 9_000, 2_000, 2_075):
            hub.push(now_ms)
        # Set back by little it waits, by much it goes on from there.
        assert market.asked == [(1_000, 1_075), (1_075, 1_150), (1_150, 9_000), (2_000, 2_075)]

    on_a_loop(check)


def test_new_subscribers_begin_where_the_last_push_ended(world: World) -> None:
    def check() -> None:
        now = EPOCH_MS + DAY_MS // 2
        hub = Hub(world, Hand(now), Limits())
        wire = Wire()
        client = Client(wire, "here", Limits())
        hub.add(client)
        hub.join(client, BTC)
        assert wire.written == framed(world.first(BTC, now)[0])
        for step in range(1, 100):
            hub.push(now + 75 * step)
        times = [int(part[:13]) for part in wire.written.decode("latin1").split('"time":')[1:]]
        expected = [t["time"] for t in world.recent_trades("BTC", now)]
        for since in range(now, now + 99 * 75, 75):
            for _, payload in world.due(since, since + 75, [BTC]):
                expected += [int(part[:13]) for part in payload.decode().split('"time":')[1:]]
        assert times == expected

    on_a_loop(check)


def test_limits_hold_for_all_sockets_of_an_address() -> None:
    def check() -> None:
        limits = Limits(subscriptions_max=2, messages_per_minute_max=3)
        hub = Hub(Stub(), Hand(0), limits)
        one, two, other = (Client(Wire(), a, limits) for a in ("here", "here", "there"))
        for client in (one, two, other):
            hub.add(client)
        hub.join(one, BTC)
        assert hub.has_room(two)
        hub.join(two, BTC)
        assert not hub.has_room(one)
        assert hub.has_room(other)
        assert [hub.counts(c) for c in (one, two, one, two)] == [True, True, True, False]
        assert hub.counts(other)

    on_a_loop(check)


def test_tomorrow_is_ready_before_midnight() -> None:
    def check() -> None:
        world = World(3, EPOCH_MS)
        now = EPOCH_MS + DAY_MS - 60_000
        hub = Hub(world, Hand(now), Limits())
        client = Client(Wire(), "here", Limits())
        hub.add(client)
        hub.join(client, BTC)
        for step in range(1, 6):
            hub.push(now + 75 * step)
        assert list(world.warm(["BTC"], EPOCH_MS + DAY_MS, EPOCH_MS + DAY_MS)) == []

    on_a_loop(check)


def test_silence_of_the_server_ends_a_connection() -> None:
    async def run() -> None:
        limits = Limits(idle_s=0.5)
        hub = Hub(Stub(), Hand(0), limits)
        quiet, busy = Wire(), Wire()
        for wire in (quiet, busy):
            hub.add(Client(wire, "here", limits))
        clients = list(hub._clients)
        clock = asyncio.create_task(hub.run())
        for _ in range(13):
            await asyncio.sleep(0.1)
            clients[1].send(b"pong")
        clock.cancel()
        assert quiet.aborted
        assert not busy.aborted

    asyncio.run(run())
