from __future__ import annotations

import asyncio

from tests.venue.local.wires import Wire
from venue.local.server.client import Client, Limits


def test_a_client_that_lets_its_buffer_fill_is_dropped() -> None:
    async def run() -> None:
        wire = Wire()
        client = Client(wire, "here", Limits(buffer_bytes_max=100))
        for _ in range(5):
            client.send(b"x" * 30)
        assert len(wire.written) == 96
        assert wire.aborted
        client.send(b"late")
        assert len(wire.written) == 96

    asyncio.run(run())


def test_hanging_up_takes_a_moment_and_says_nothing() -> None:
    async def run() -> None:
        wire = Wire()
        client = Client(wire, "here", Limits(hang_up_s=0.02))
        client.hang_up()
        assert client.is_leaving
        assert not wire.aborted
        await asyncio.sleep(0.05)
        assert wire.aborted
        assert wire.written == b""

    asyncio.run(run())


def test_goodbye_is_a_close_frame_that_says_going_away() -> None:
    async def run() -> None:
        wire = Wire()
        Client(wire, "here", Limits()).say_goodbye()
        assert wire.written == b"\x88\x02\x03\xe9"

    asyncio.run(run())
