"""Control socket: a line of JSON in, a line of JSON out, for whoever may open the file.

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
from typing import TypeVar

import msgspec
from msgspec import Struct, field

from market.errors import VenueUnreachable
from market.text import visible

T = TypeVar("T")

LINE_BYTES_MAX = 1 << 16
ANSWER_BYTES_MAX = 1 << 26
CLOSE_WITHIN_S = 1.0


class Request(Struct, omit_defaults=True):
    """A question or a command: its verb, what it is about, and whether phantoms are wanted too.

    `bot` and `coin` narrow the commands that can be narrowed.
    """

    verb: str = ""
    argument: str = ""
    phantoms: bool = False
    bot: str = ""
    coin: str = ""


class Reply(Struct):
    """The answer to a command that was carried out, in words."""

    reply: str


class Refusal(Struct, omit_defaults=True):
    """The answer to a request that is not met: why, and what there is to choose from instead.

    While the daemon is `starting`, `error` says what it waits for.
    """

    error: str = ""
    choices: list[str] = field(default_factory=list)
    starting: bool = False


class Refused(VenueUnreachable):
    """A running daemon's refusal of a request; `choices` is what it could have been about."""

    def __init__(self, refusal: Refusal) -> None:
        super().__init__(refusal.error)
        self.choices = refusal.choices


class StillStarting(Refused):
    """The answer of a daemon that is not up yet; `phase` is what it waits for."""

    def __init__(self, refusal: Refusal) -> None:
        super().__init__(refusal)
        self.args = (f"the daemon is starting ({refusal.error}); ask again when it is up",)
        self.phase = refusal.error


# Answers are structs; what they hold is the business of whoever answers.
Answer = Callable[[Request], Awaitable[object]]


@contextmanager
def _short(path: Path) -> Iterator[str]:
    folder = os.open(path.parent, os.O_DIRECTORY | os.O_RDONLY)
    try:
        yield f"/proc/self/fd/{folder}/{path.name}"
    finally:
        os.close(folder)


def decode(line: bytes) -> Request:
    """Return the request on a line, its text made fit to keep; raises ValueError.

    An order must not be lost for a byte of its reason: what is no UTF-8 comes in as an escape.
    """
    # msgspec would refuse a lone surrogate, however it is written.
    plain = json.loads(line.decode("utf-8", "surrogateescape"), strict=False)
    request = msgspec.convert(plain, Request)
    return _fit(request)


def _fit(request: Request) -> Request:
    """Return a request whose every word is fit to keep."""
    words = {n: v for n in request.__struct_fields__ if isinstance(v := getattr(request, n), str)}
    return msgspec.structs.replace(request, **{name: visible(v) for name, v in words.items()})


async def serve(path: Path, answer: Answer) -> asyncio.Server:
    """Listen on a unix socket at `path`; what `answer` returns to a request is sent as JSON."""

    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            with suppress(ConnectionError):
                reply: object
                try:
                    async with asyncio.timeout(5.0):
                        line = await reader.readline()
                    reply = await answer(decode(line))
                except (ValueError, RecursionError, TimeoutError) as error:
                    reply = Refusal(f"bad request: {str(error) or 'timeout'}")
                writer.write(msgspec.json.encode(reply) + b"\n")
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
    """Bind a socket and put it in the place of whatever answered there before, in one step."""
    fresh = path.with_name(f".{path.name}.new")
    fresh.unlink(missing_ok=True)
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    with _short(fresh) as name:
        # Nobody else may connect, not even between bind and chmod.
        before = os.umask(0o177)
        try:
            listener.bind(name)
        finally:
            os.umask(before)
    listener.listen()
    fresh.rename(path)
    return listener


def answers(path: Path) -> bool:
    """Say whether somebody listens at a path."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as s:
        s.settimeout(1.0)
        try:
            with _short(path) as name:
                s.connect(name)
        except OSError as error:
            # Who may not ask is still told that there is somebody.
            return isinstance(error, PermissionError)
        return True


def ask(path: Path, request: Request, answer: type[T], *, timeout_s: float = 5.0) -> T:
    """Return the daemon's answer as the type it is expected to be.

    Raises VenueUnreachable when no daemon listens there or it answers something else, and
    Refused when it answers that it does not do what it is asked.
    """
    # What was typed may be no UTF-8 either.
    line = _exchange(path, msgspec.json.encode(_fit(request)) + b"\n", timeout_s)
    if not line:
        raise VenueUnreachable(f"the daemon at {path} closed the connection without an answer")
    try:
        refusal = msgspec.json.decode(line, type=Refusal)
        if refusal.starting:
            raise StillStarting(refusal)
        if refusal.error:
            raise Refused(refusal)
        return msgspec.json.decode(line, type=answer)
    except msgspec.DecodeError as error:
        raise VenueUnreachable(
            f"the daemon at {path} gave an answer that this version does not understand ({error})"
        ) from None


def _exchange(path: Path, request: bytes, timeout_s: float) -> bytes:
    """Send a line and return the line that comes back, empty when there is none."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as s:
        s.settimeout(timeout_s)
        try:
            with _short(path) as name:
                s.connect(name)
            s.sendall(request)
            with s.makefile("rb") as file:
                return file.readline(ANSWER_BYTES_MAX)
        except TimeoutError:
            raise VenueUnreachable(
                f"the daemon at {path} did not answer within {timeout_s:g} s; "
                "the request may still be carried out"
            ) from None
        except PermissionError:
            raise VenueUnreachable(
                f"{path}: permission denied; run this as the user the daemon runs as"
            ) from None
        except OSError:
            raise VenueUnreachable(f"no daemon answers at {path}; is `gnomon run` up?") from None
