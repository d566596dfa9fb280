from __future__ import annotations

import asyncio

import pytest

from venue.local.protocol.client import Client, Limits, framed


class Wire(asyncio.Transport):
    """A transport that keeps what is written and never sends it."""

    def __init__(self) -> None:
        super().__init__()
        self.written = b""
        self.aborted = False

    def write(self, data: bytes) -> None:
        self.written += data

    def get_write_buffer_size(self) -> int:
        return len(self.written)

    def is_closing(self) -> bool:
        return self.aborted

    def abort(self) -> None:
        self.aborted = True


@pytest.mark.parametrize(
    ("size", "header"),
    [
        (0, b"\x81\x00"),
        (125, b"\x81\x7d"),
        (126, b"\x81\x7e\x00\x7e"),
        (65_535, b"\x81\x7e\xff\xff"),
        (65_536, b"\x81\x7f\x00\x00\x00\x00\x00\x01\x00\x00"),
    ],
)
def test_frames_have_the_header_of_their_length(size: int, header: bytes) -> None:
    assert framed(b"x" * size) == header + b"x" * size


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
