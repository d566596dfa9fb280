"""Dialling: addresses that swallow connections, and proxies."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Iterator
from typing import Any

import pytest
from websockets.uri import parse_uri

from market.errors import VenueUnreachable
from tests.support.venue import bbo, scripted, until
from tests.venue.scripts import saying
from venue.address import Proxy
from venue.dial import Dialler
from venue.websocket import Link


@pytest.fixture
def swallowing() -> Iterator[int]:
    """Yield a port of 127.0.0.2 that takes no more connections and refuses none."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.2", 0))
        listener.listen(0)
        port = listener.getsockname()[1]
        waiting = []
        for _ in range(4):
            sock = socket.socket()
            sock.setblocking(False)
            sock.connect_ex(("127.0.0.2", port))
            waiting.append(sock)
        yield port
        for sock in waiting:
            sock.close()


def address(host: str, port: int) -> Any:
    return (socket.AF_INET, socket.SOCK_STREAM, 6, "", (host, port))


def resolving(monkeypatch: pytest.MonkeyPatch, *addresses: Any) -> None:
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: list(addresses))


def dialler(port: int, *, within_s: float = 5.0) -> Dialler:
    url = f"ws://venue.example:{port}/ws"
    return Dialler(parse_uri(url), url, None, within_s=within_s)


def test_an_address_that_swallows_connections_costs_less_than_a_second(
    monkeypatch: pytest.MonkeyPatch, swallowing: int
) -> None:
    async def test() -> None:
        async with scripted(saying(bbo())) as venue:
            port = int(venue.url.split(":")[2].split("/")[0])
            resolving(
                monkeypatch,
                address("127.0.0.2", swallowing),
                address("127.0.0.2", swallowing),
                address("127.0.0.1", port),
            )
            loop = asyncio.get_running_loop()
            began, heard = loop.time(), []
            link = await dialler(port).dial(heard.extend)
            assert loop.time() - began < 1.0
            link.begin()
            await until(lambda: heard)
            link.close()

    asyncio.run(test())


def test_what_fails_in_the_handshake_is_tried_last_next_time(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async def test() -> None:
        async def mute(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            await reader.read()
            writer.close()

        server = await asyncio.start_server(mute, "127.0.0.3", 0)
        async with server, scripted(saying(bbo())) as venue:
            port = int(venue.url.split(":")[2].split("/")[0])
            mute_port = server.sockets[0].getsockname()[1]
            resolving(monkeypatch, address("127.0.0.3", mute_port), address("127.0.0.1", port))
            calling = dialler(port, within_s=0.3)
            with pytest.raises(TimeoutError):
                await calling.dial(lambda _: None)
            link = await calling.dial(lambda _: None)
            assert isinstance(link, Link)
            link.close()

    asyncio.run(test())


def test_every_address_that_refuses_is_said_in_the_words_of_the_first(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async def test() -> None:
        with socket.create_server(("127.0.0.1", 0)) as unused:
            port = unused.getsockname()[1]
        resolving(monkeypatch, address("127.0.0.1", port), address("127.0.0.3", port))
        with pytest.raises(ConnectionRefusedError):
            await dialler(port).dial(lambda _: None)
        resolving(monkeypatch)
        with pytest.raises(OSError, match=r"venue\.example has no address"):
            await dialler(port).dial(lambda _: None)

    asyncio.run(test())


def forwarding(status: bytes, target: tuple[str, int], heard: list[bytes]) -> Any:
    """Return a proxy that answers CONNECT with a status, and then passes bytes on."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        heard.append(await reader.readuntil(b"\r\n\r\n"))
        writer.write(b"HTTP/1.1 " + status + b"\r\nVia: x\r\n\r\n")
        if not status.startswith(b"200"):
            writer.close()
            return
        there, back = await asyncio.open_connection(*target)

        async def pass_on(source: asyncio.StreamReader, sink: asyncio.StreamWriter) -> None:
            while data := await source.read(4096):
                sink.write(data)
            sink.close()

        await asyncio.gather(pass_on(reader, back), pass_on(there, writer))

    return serve


@pytest.mark.parametrize("status", [b"200 Connection established", b"407 Go away"])
def test_a_proxy_is_asked_to_connect_and_knows_no_more(
    monkeypatch: pytest.MonkeyPatch, status: bytes
) -> None:
    async def test() -> None:
        async with scripted(saying(bbo())) as venue:
            port = int(venue.url.split(":")[2].split("/")[0])
            asked: list[bytes] = []
            server = await asyncio.start_server(
                forwarding(status, ("127.0.0.1", port), asked), "127.0.0.1", 0
            )
            async with server:
                proxy_port = server.sockets[0].getsockname()[1]
                monkeypatch.setenv("ws_proxy", f"http://me:s3cret@127.0.0.1:{proxy_port}")
                calling, heard = dialler(port), []
                if status.startswith(b"200"):
                    link = await calling.dial(heard.extend)
                    link.begin()
                    await until(lambda: heard)
                    link.close()
                else:
                    with pytest.raises(VenueUnreachable, match=r"refused: .*407") as error:
                        await calling.dial(heard.extend)
                    assert "s3cret" not in str(error.value)
                assert asked[0].startswith(f"CONNECT venue.example:{port} HTTP/1.1\r\n".encode())
                assert b"Proxy-Authorization: Basic bWU6czNjcmV0" in asked[0]

    assert Proxy("h", 1).user == ""
    asyncio.run(test())


def test_whoever_stops_dialling_leaves_no_socket_open(monkeypatch: pytest.MonkeyPatch) -> None:
    made: list[socket.socket] = []
    plain = socket.socket

    class Kept(plain):  # type: ignore[valid-type, misc]
        def __init__(self, *args: Any, **named: Any) -> None:
            super().__init__(*args, **named)
            made.append(self)

    async def test() -> None:
        async with scripted(saying(bbo())) as venue:
            port = int(venue.url.split(":")[2].split("/")[0])
            resolving(monkeypatch, address("127.0.0.1", port))
            monkeypatch.setattr(socket, "socket", Kept)
            for steps in range(20):
                task = asyncio.create_task(dialler(port).dial(lambda frames: None))
                for _ in range(steps):
                    await asyncio.sleep(0.0002 * (steps % 2))
                task.cancel()
                (link,) = await asyncio.gather(task, return_exceptions=True)
                if isinstance(link, Link):
                    link.abort()
            await asyncio.sleep(0.05)

    asyncio.run(test())
    assert made and all(sock.fileno() == -1 for sock in made)
