"""The control socket: a line of JSON in, a line of JSON out, for whoever may open the file.

The socket is mode 0600: only the user the daemon runs as may command it. A path longer than the
kernel allows for sockets is reached through its folder's descriptor.
"""

from __future__ import annotations

import asyncio
import json
import os
import socket
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from market.errors import VenueUnreachable

LINE_BYTES_MAX = 1 << 16
CLOSE_WITHIN_S = 1.0

Answer = Callable[[dict[str, Any]], Awaitable[dict[str, Any]]]


@contextmanager
def _short(path: Path) -> Iterator[str]:
    folder = os.open(path.parent, os.O_DIRECTORY | os.O_RDONLY)
    try:
        yield f"/proc/self/fd/{folder}/{path.name}"
    finally:
        os.close(folder)


async def serve(path: Path, answer: Answer) -> asyncio.Server:
    """Listen on a unix socket at `path`; every request is answered by `answer`."""

    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            with suppress(ConnectionError):
                try:
                    async with asyncio.timeout(5.0):
                        line = await reader.readline()
                    request = json.loads(line)
                    if not isinstance(request, dict):
                        raise ValueError("expected an object")
                    reply = await answer(request)
                except (ValueError, RecursionError, TimeoutError) as error:
                    reply = {"error": f"bad request: {str(error) or 'timeout'}"}
                writer.write(json.dumps(reply).encode() + b"\n")
                writer.write_eof()
                # Closing on bytes nobody read would reset the connection, and the answer with it.
                with suppress(TimeoutError):
                    async with asyncio.timeout(CLOSE_WITHIN_S):
                        while await reader.read(LINE_BYTES_MAX):
                            pass
        finally:
            writer.close()

    return await asyncio.start_unix_server(handle, sock=_listen(path), limit=LINE_BYTES_MAX)


def _listen(path: Path) -> socket.socket:
    path.unlink(missing_ok=True)
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    with _short(path) as name:
        # Nobody else may connect, not even between bind and chmod.
        before = os.umask(0o177)
        try:
            listener.bind(name)
        finally:
            os.umask(before)
    return listener


def ask(path: Path, request: dict[str, Any], *, timeout_s: float = 5.0) -> dict[str, Any]:
    """Return the daemon's answer; raises VenueUnreachable when no daemon listens there."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as s:
        s.settimeout(timeout_s)
        try:
            with _short(path) as name:
                s.connect(name)
            s.sendall(json.dumps(request).encode() + b"\n")
            with s.makefile("rb") as file:
                line = file.readline()
        except TimeoutError:
            raise VenueUnreachable(
                f"the daemon at {path} did not answer within {timeout_s:g} s; "
                "what it was asked may still be done"
            ) from None
        except PermissionError:
            raise VenueUnreachable(
                f"{path}: not yours to command; run this as the user the daemon runs as"
            ) from None
        except OSError:
            raise VenueUnreachable(f"no daemon answers at {path}; is `gnomon run` up?") from None
    if not line:
        raise VenueUnreachable(f"the daemon at {path} hung up")
    reply: dict[str, Any] = json.loads(line)
    return reply
