"""The websocket link on real sockets, as the feed drives it."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from tests.support.venue import (
    BINARY,
    CLOSE,
    CONT,
    EVERY_KIND,
    PING,
    PONG_,
    TEXT,
    Peer,
    bbo,
    context,
    feeding,
    scripted,
    until,
    wrapped,
)
from tests.venue.scripts import BBO, SLOWLY, books, saying, stay
from venue.websocket import FRAME_BYTES_MAX


def test_the_handshake_offers_no_extension_and_asks_for_the_urls_path(on_loop: Any) -> None:
    async def test() -> None:
        async with scripted(stay) as venue, feeding(venue.url) as (_, feed, _):
            await until(lambda: feed.connected)
            peer = venue.peers[0]
            assert peer.head.startswith(b"GET /ws HTTP/1.1\r\n")
            headers = peer.headers()
            assert "sec-websocket-extensions" not in headers
            assert "sec-websocket-protocol" not in headers
            assert headers["host"] == f"127.0.0.1:{venue.port}"
            assert headers["sec-websocket-version"] == "13"

    on_loop(test)


def test_all_frames_of_one_read_come_in_one_call(on_loop: Any) -> None:
    async def test() -> None:
        sent = [*books(3), bbo()]
        async with scripted(saying(*sent)) as venue, feeding(venue.url) as (rim, _, _):
            await until(rim.raws)
            assert rim.reads() == [sent]

    on_loop(test)


def test_a_frame_split_over_two_reads_is_handed_on_whole_with_what_followed_it(
    on_loop: Any,
) -> None:
    async def test() -> None:
        first, second = books(2)

        async def script(peer: Peer) -> None:
            await peer.open()
            data = wrapped(first) + wrapped(second)
            await peer.raw(data[:100])
            await asyncio.sleep(0.05)
            await peer.raw(data[100:])
            await peer.hear_all()

        async with scripted(script) as venue, feeding(venue.url) as (rim, _, _):
            await until(rim.raws)
            assert rim.reads() == [[first, second]]

    on_loop(test)


def test_a_flood_arrives_in_order_and_complete(on_loop: Any) -> None:
    async def test() -> None:
        sent = books(20_000)
        async with scripted(saying(*sent)) as venue, feeding(venue.url) as (rim, _, _):
            await until(lambda: len(rim.raws()) >= len(sent))
            assert rim.raws() == sent
            assert len(rim.reads()) < len(sent) / 10

    on_loop(test)


def test_fragments_are_put_together_and_a_ping_may_come_in_between(on_loop: Any) -> None:
    async def test() -> None:
        whole, other = bbo(), context()

        async def script(peer: Peer) -> None:
            await peer.open()
            await peer.raw(wrapped(b"", fin=False))
            await peer.raw(wrapped(whole[:10], CONT, fin=False))
            await peer.raw(wrapped(b"are you there", PING))
            await peer.raw(wrapped(whole[10:40], CONT, fin=False) + wrapped(whole[40:], CONT))
            await peer.raw(wrapped(other[:7], fin=False) + wrapped(other[7:], CONT))
            await peer.hear_all()

        async with scripted(script) as venue, feeding(venue.url) as (rim, _, _):
            await until(lambda: len(rim.raws()) == 2)
            assert rim.raws() == [whole, other]
            await until(lambda: venue.peers[0].heard)
            assert venue.peers[0].heard == [(PONG_, b"are you there")]

    on_loop(test)


def test_binary_frames_are_handed_on_like_text(on_loop: Any) -> None:
    async def test() -> None:
        async def script(peer: Peer) -> None:
            await peer.open()
            await peer.raw(wrapped(bbo(), BINARY))
            await peer.hear_all()

        async with scripted(script) as venue, feeding(venue.url) as (rim, _, _):
            await until(rim.raws)
            assert rim.raws() == [bbo()]

    on_loop(test)


def test_a_frame_that_comes_with_the_handshake_is_heard_after_the_announcement(
    on_loop: Any,
) -> None:
    async def test() -> None:
        greeting = b"Websocket connection established."

        async def script(peer: Peer) -> None:
            await peer.request()
            await peer.raw(peer.accept() + wrapped(greeting) + wrapped(bbo()))
            await peer.hear_all()

        async with scripted(script) as venue, feeding(venue.url, [BBO]) as (rim, _, _):
            await until(rim.raws)
            assert rim.log[:2] == [("up", None), ("frames", [greeting, bbo()])]
            assert rim.session.violations == {}

    on_loop(test)


@pytest.mark.parametrize(
    "pieces",
    [
        [bytes((0x80 | TEXT, 127)) + (8 << 20).to_bytes(8, "big") + b"the first of eight MiB"],
        [bytes((0x80 | TEXT, 127)) + (FRAME_BYTES_MAX + 1).to_bytes(8, "big")],
        [
            wrapped(b"x" * (FRAME_BYTES_MAX // 2), fin=False),
            wrapped(b"x" * (FRAME_BYTES_MAX // 2 + 1), CONT),
        ],
        [wrapped(b"", fin=False), *[wrapped(b"x" * (1 << 18), CONT, fin=False)] * 5],
    ],
    ids=["8 MiB", "1 MiB + 1", "two fragments", "endless fragments"],
)
def test_a_frame_over_a_mebibyte_ends_the_connection_at_once(
    on_loop: Any, pieces: list[bytes]
) -> None:
    async def test() -> None:
        async def script(peer: Peer) -> None:
            await peer.open()
            for piece in pieces:
                await peer.raw(piece)
            await peer.hear_all()
            await asyncio.sleep(30.0)

        async with (
            scripted(script) as venue,
            feeding(venue.url, policy=SLOWLY) as (rim, feed, task),
        ):
            await until(rim.downs, within_s=3.0)
            assert rim.downs()[0].startswith("protocol broken, code 1009")
            assert rim.raws() == []
            assert not feed.connected
            assert not task.done()

    on_loop(test)


def test_a_frame_of_just_a_mebibyte_is_taken(on_loop: Any) -> None:
    async def test() -> None:
        half = b"x" * (FRAME_BYTES_MAX // 2)

        async def script(peer: Peer) -> None:
            await peer.open()
            await peer.raw(wrapped(half + half))
            await peer.raw(wrapped(half, fin=False) + wrapped(half, CONT))
            await peer.hear_all()

        async with scripted(script) as venue, feeding(venue.url) as (rim, _, _):
            await until(lambda: len(rim.raws()) == 2)
            assert rim.raws() == [half + half] * 2

    on_loop(test)


def test_nothing_is_sent_into_a_connection_that_is_ending(on_loop: Any) -> None:
    """A venue that says goodbye and leaves its end open must not make sending an error."""

    async def test() -> None:
        async def script(peer: Peer) -> None:
            await peer.request()
            await peer.raw(peer.accept() + wrapped(b"\x03\xe8", CLOSE))
            await peer.hear_all()
            await asyncio.sleep(30.0)

        async with scripted(script) as venue, feeding(venue.url, EVERY_KIND) as (_, feed, task):
            await until(lambda: feed.connects >= 3)
            assert not task.done()
            assert all(peer.texts() == [] for peer in venue.peers)

    on_loop(test)
