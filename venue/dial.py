"""Dialling a websocket: every address in turn, none waited for long, through a proxy if named.

An address that swallows connections (IPv6 that is broken on the way) must not cost the whole
time there is: the next address is tried beside it after a moment, and whichever answers first is
taken (RFC 8305). What failed in the handshake is tried last next time.
"""

from __future__ import annotations

import asyncio
import socket
import ssl
from collections.abc import Callable
from contextlib import suppress
from itertools import chain, zip_longest

from websockets.uri import WebSocketURI

from market.errors import VenueUnreachable
from venue.address import Proxy, proxy_for
from venue.websocket import Link

NEXT_ADDRESS_S = 0.3
PROXY_REPLY_MAX = 16_384

Address = tuple[int, int, int, str, tuple[object, ...]]


class Dialler:
    """The way to one websocket URL; raises OperatorError for a proxy it cannot speak to."""

    def __init__(
        self, uri: WebSocketURI, url: str, tls: ssl.SSLContext | None, *, within_s: float
    ) -> None:
        self._uri = uri
        self._tls = tls
        self._within_s = within_s
        self._proxy = proxy_for(url)
        self._failed: set[object] = set()

    async def dial(self, deliver: Callable[[list[bytes]], None]) -> Link:
        """Return an open connection; raises OSError, VenueUnreachable or WebSocketException."""
        loop = asyncio.get_running_loop()
        host, port = self._uri.host, self._uri.port
        async with asyncio.timeout(self._within_s):
            proxy = self._proxy
            sock = await self._reach(*((proxy.host, proxy.port) if proxy else (host, port)))
            try:
                peer = sock.getpeername()
                # Unless the handshake is done to the end.
                self._failed.add(peer)
                if proxy is not None:
                    await _through(sock, proxy, host, port)
                _, link = await loop.create_connection(
                    lambda: Link(self._uri, deliver),
                    sock=sock,
                    ssl=self._tls,
                    server_hostname=host if self._tls else None,
                )
            except BaseException:
                sock.close()
                raise
            try:
                await link.opened
            except BaseException:
                link.abort()
                raise
            self._failed.discard(peer)
        return link

    async def _reach(self, host: str, port: int) -> socket.socket:
        """Return a socket to the first address that answers."""
        loop = asyncio.get_running_loop()
        found = await loop.getaddrinfo(host, port, type=socket.SOCK_STREAM)
        addresses = _in_turn([a for a in found if a[0] in (socket.AF_INET, socket.AF_INET6)])
        addresses.sort(key=lambda address: address[4] in self._failed)
        tasks: list[asyncio.Task[socket.socket]] = []
        errors: list[OSError] = []
        taken: socket.socket | None = None
        try:
            pending: set[asyncio.Task[socket.socket]] = set()
            left = iter(addresses)
            following = next(left, None)
            while taken is None and (pending or following is not None):
                if following is not None:
                    task = asyncio.create_task(_connect(following))
                    tasks.append(task)
                    pending.add(task)
                    following = next(left, None)
                done, pending = await asyncio.wait(
                    pending,
                    timeout=None if following is None else NEXT_ADDRESS_S,
                    return_when=asyncio.FIRST_COMPLETED,
                )
                for task in done:
                    error = task.exception()
                    if error is None:
                        taken = taken or task.result()
                    elif isinstance(error, OSError):
                        errors.append(error)
                    else:
                        raise error
        finally:
            _drop(tasks, taken)
        if taken is None:
            raise errors[0] if errors else OSError(f"{host} has no address")
        return taken


def _drop(tasks: list[asyncio.Task[socket.socket]], taken: socket.socket | None) -> None:
    """Close every socket but the one taken, those still on their way too.

    Nothing is waited for: who is cancelled here would lose the one taken. An attempt that is
    cancelled closes its own socket.
    """
    for task in tasks:
        if not task.done():
            task.cancel()
        elif not task.cancelled() and task.exception() is None and task.result() is not taken:
            task.result().close()


def _in_turn(addresses: list[Address]) -> list[Address]:
    """Return addresses with the families in turn, that of the first one first."""
    if not addresses:
        return []
    first = [a for a in addresses if a[0] == addresses[0][0]]
    other = [a for a in addresses if a[0] != addresses[0][0]]
    pairs = chain.from_iterable(zip_longest(first, other))
    return [address for address in pairs if address is not None]


async def _connect(address: Address) -> socket.socket:
    family, kind, proto, _, where = address
    sock = socket.socket(family, kind, proto)
    try:
        sock.setblocking(False)
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        await asyncio.get_running_loop().sock_connect(sock, where)
    except BaseException:
        sock.close()
        raise
    return sock


async def _through(sock: socket.socket, proxy: Proxy, host: str, port: int) -> None:
    """Have a proxy connect a socket to a host."""
    loop = asyncio.get_running_loop()
    target = f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
    lines = [f"CONNECT {target} HTTP/1.1", f"Host: {target}"]
    lines += [f"{name}: {value}" for name, value in proxy.headers.items()]
    await loop.sock_sendall(sock, "\r\n".join([*lines, "", ""]).encode())
    reply = b""
    while b"\r\n\r\n" not in reply:
        # One byte too many would belong to the venue: the proxy says nothing before we do.
        got = await loop.sock_recv(sock, 1024)
        reply += got
        if not got or len(reply) > PROXY_REPLY_MAX:
            raise VenueUnreachable(f"the proxy {proxy.url} broke off")
    status = reply.split(b"\r\n", 1)[0].decode("latin-1")
    if status.split(" ")[1:2] != ["200"]:
        with suppress(OSError):
            sock.close()
        raise VenueUnreachable(f"the proxy {proxy.url} refused: {status[:100]!r}")
