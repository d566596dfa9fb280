"""Websocket link over an asyncio protocol: bytes to frames in the call that delivers them."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import cast

from websockets.client import ClientProtocol
from websockets.exceptions import WebSocketException
from websockets.frames import CloseCode, Frame, Opcode
from websockets.http11 import Response
from websockets.protocol import OPEN
from websockets.uri import WebSocketURI

from market.errors import VenueUnreachable

FRAME_BYTES_MAX = 1 << 20


class Link(asyncio.Protocol):
    """One connection, bytes to frames and back; `closed` resolves with the reason it ended.

    `deliver` is called with all frames of one socket read, from `begin` on, so that none is heard
    of before its connection.
    """

    def __init__(self, uri: WebSocketURI, deliver: Callable[[list[bytes]], None]) -> None:
        self._ws = ClientProtocol(uri, max_size=FRAME_BYTES_MAX)
        self._hand_on = deliver
        self._parts: list[bytes] = []
        self._early: list[bytes] | None = []
        self._transport: asyncio.Transport | None = None
        loop = asyncio.get_running_loop()
        self.opened: asyncio.Future[None] = loop.create_future()
        self.closed: asyncio.Future[str] = loop.create_future()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        # uvloop's transports have the methods but not the base class.
        self._transport = cast(asyncio.Transport, transport)
        self._ws.send_request(self._ws.connect())
        self._flush()

    def data_received(self, data: bytes) -> None:
        try:
            self._ws.receive_data(data)
            frames = []
            for event in self._ws.events_received():
                if isinstance(event, Response):
                    if self._ws.handshake_exc is None and not self.opened.done():
                        self.opened.set_result(None)
                elif isinstance(event, Frame):
                    whole = self._assemble(event)
                    if whole is not None:
                        frames.append(whole)
            self._flush()
            if frames:
                self._deliver(frames)
            if self._ws.close_expected():
                # Refused, closed or broken: nothing more will be read, so there is nothing to
                # wait for, whether or not the other side closes its end.
                self._finish(self._ended())
                self.close()
        except Exception as error:
            # Whatever the engine raised is for the supervisor, not for the transport.
            self._finish(error)
            self.abort()

    def eof_received(self) -> None:
        self._ws.receive_eof()

    def connection_lost(self, exc: Exception | None) -> None:
        if not self.closed.done():
            self._finish(self._ended() if exc is None else f"connection lost: {exc}")

    def _ended(self) -> str:
        ws = self._ws
        if ws.handshake_exc is not None:
            return f"handshake refused: {ws.handshake_exc}"
        if ws.close_rcvd is not None:
            reason = ws.close_rcvd.reason
            return (
                f"closed by the venue, code {ws.close_rcvd.code}{': ' + reason if reason else ''}"
            )
        if ws.close_sent is not None and ws.close_sent.code != CloseCode.NORMAL_CLOSURE:
            return f"protocol broken, code {ws.close_sent.code}: {ws.close_sent.reason}"
        return "closed by the venue, code 1006"

    def begin(self) -> None:
        """Hand frames on from now on, first those that came with the handshake."""
        early, self._early = self._early, None
        if early:
            self._hand_on(early)

    def _deliver(self, frames: list[bytes]) -> None:
        if self._early is None:
            self._hand_on(frames)
        else:
            self._early += frames

    def _assemble(self, frame: Frame) -> bytes | None:
        if frame.opcode not in (Opcode.TEXT, Opcode.BINARY, Opcode.CONT):
            return None
        data = bytes(frame.data)
        if frame.fin and not self._parts:
            return data
        self._parts.append(data)
        if not frame.fin:
            return None
        whole = b"".join(self._parts)
        self._parts.clear()
        return whole

    def _finish(self, why: str | Exception) -> None:
        if not self.opened.done():
            reason = why if isinstance(why, str) else repr(why)
            self.opened.set_exception(VenueUnreachable(reason))
        if not self.closed.done():
            if isinstance(why, str):
                self.closed.set_result(why)
            else:
                self.closed.set_exception(why)

    def _flush(self) -> None:
        assert self._transport is not None
        for data in self._ws.data_to_send():
            if data:
                self._transport.write(data)
            elif self._transport.can_write_eof():
                self._transport.write_eof()

    def send(self, frames: list[bytes]) -> None:
        """Send text frames, unless the connection is ending."""
        if self._transport is None or self._transport.is_closing() or self._ws.state is not OPEN:
            return
        for frame in frames:
            self._ws.send_text(frame)
        self._flush()

    def abort(self) -> None:
        """Drop the connection at once."""
        if self._transport is not None:
            self._transport.abort()

    def close(self) -> None:
        """Say goodbye and close."""
        if self._transport is not None and not self._transport.is_closing():
            try:
                self._ws.send_close(1000)
                self._flush()
            except WebSocketException:
                pass
            self._transport.close()

    def pause(self, paused: bool) -> None:
        """Stop or resume reading; the kernel's buffers and TCP then hold the venue back."""
        if self._transport is not None and not self._transport.is_closing():
            if paused:
                self._transport.pause_reading()
            else:
                self._transport.resume_reading()
