"""A websocket client whose connection suffers the faults of a plan.

All that is sent to a client passes its `write`, so this is the one place where frames are lost,
held, changed and repeated. Frames keep their order unless a fault says otherwise. What is held
counts against the buffer of the client, so a stall can not fill the memory.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Iterator

from venue.local.faults.fault import Fault
from venue.local.faults.outgoing import Outgoing, read
from venue.local.faults.running import NOBODY, Running
from venue.local.protocol.framing import (
    ABNORMAL_CLOSURE,
    FIN_BINARY,
    FIN_TEXT,
    framed,
    unframed,
)
from venue.local.server.client import Client, Limits

# A client that does not answer a close frame is not waited for.
CLOSE_TIMEOUT_S = 0.5


class FaultyConnection(Client):
    """The `number`-th connection since the start; `elapsed_ms` is the clock of the plan."""

    def __init__(
        self,
        transport: asyncio.Transport,
        address: str,
        limits: Limits,
        running: Running,
        number: int,
        elapsed_ms: Callable[[], int],
    ) -> None:
        super().__init__(transport, address, limits)
        self.number = number
        self._running = running
        self._elapsed_ms = elapsed_ms
        self._held: deque[tuple[int, bytes, int | None]] = deque()
        self._held_bytes = 0
        self._is_frozen = False
        self._timers: set[asyncio.TimerHandle] = set()
        self._breaking = self._strokes(elapsed_ms())
        self._arm_stroke()

    def write(self, frame: bytes) -> None:
        """Send a finished frame as far as the faults let it."""
        self.sent_at = self._loop.time()
        if self._is_frozen:
            return
        now_ms = self._elapsed_ms()
        if frame[0] != FIN_TEXT or (self._running.is_calm(now_ms) and not self._held):
            super().write(frame)
            return
        for out in self._running.frames(self.number, read(unframed(frame)), now_ms):
            self._dispatch(out, now_ms)

    def ended(self) -> None:
        """Forget the connection."""
        for timer in self._timers:
            timer.cancel()
        self._timers.clear()
        self._held.clear()
        self._running.forget(self.number)

    def _dispatch(self, out: Outgoing, now_ms: int) -> None:
        raw = framed(out.payload)
        if out.is_binary:
            raw = bytes((FIN_BINARY,)) + raw[1:]
        cut = None if out.cut_at is None else len(raw) - len(out.payload) + out.cut_at
        if not out.in_order:
            self._later(out.delay_ms, lambda: self._put(raw, cut))
        elif out.delay_ms or self._held:
            self._hold(now_ms + out.delay_ms, raw, cut)
        else:
            self._put(raw, cut)

    def _hold(self, at_ms: int, raw: bytes, cut: int | None) -> None:
        self._held_bytes += len(raw)
        if self._held_bytes > self._limits.buffer_bytes_max:
            self.abort()
            return
        at_ms = max(at_ms, self._held[-1][0]) if self._held else at_ms
        self._held.append((at_ms, raw, cut))
        if len(self._held) == 1:
            self._arm_release()

    def _arm_release(self) -> None:
        self._later(self._held[0][0] - self._elapsed_ms(), self._release)

    def _release(self) -> None:
        now_ms = self._elapsed_ms()
        while self._held and self._held[0][0] <= now_ms:
            _, raw, cut = self._held.popleft()
            self._held_bytes -= len(raw)
            self._put(raw, cut)
        if self._held:
            self._arm_release()

    def _put(self, raw: bytes, cut: int | None) -> None:
        if self._is_frozen:
            return
        super().write(raw if cut is None else raw[:cut])
        if cut is not None:
            # Closed, not aborted: the torn bytes must arrive.
            self._transport.close()

    # Connections that end or freeze.

    def _strokes(self, now_ms: int) -> Iterator[tuple[int, int, Fault]]:
        """Yield (when, number, fault) of what will end or freeze this connection."""
        for number, fault in self._running.breaking():
            if fault.client not in (NOBODY, self.number):
                continue
            if fault.begin_ms > now_ms:
                yield fault.begin_ms, number, fault
                continue
            lifetime_ms = fault.lifetime_ms()
            if fault.end_ms > now_ms and lifetime_ms is not None:
                yield now_ms + lifetime_ms, number, fault

    def _arm_stroke(self) -> None:
        stroke = next(self._breaking, None)
        if stroke is not None:
            at_ms, number, fault = stroke
            self._later(at_ms - self._elapsed_ms(), lambda: self._strike(number, fault))

    def _strike(self, number: int, fault: Fault) -> None:
        if self._running.moment(number, fault, self.number, fault.begin_ms) is not None:
            self._running.hit(number, fault)
            code = fault.breaks()
            if fault.freezes():
                self._freeze(fault.end_ms)
            elif code is not None:
                self._break(code)
        self._arm_stroke()

    def _freeze(self, until_ms: int) -> None:
        self._is_frozen = True
        # Not even protocol pings are answered by one who does not read.
        self._transport.pause_reading()
        self._later(until_ms - self._elapsed_ms(), self.abort)

    def _break(self, code: int) -> None:
        if code == ABNORMAL_CLOSURE:
            self.abort()
            return
        self.is_leaving = True
        self.say_goodbye(code)
        self._later(round(CLOSE_TIMEOUT_S * 1000.0), self.abort)

    def _later(self, delay_ms: int, call: Callable[[], None]) -> None:
        timer: asyncio.TimerHandle

        def run() -> None:
            self._timers.discard(timer)
            call()

        timer = self._loop.call_later(max(delay_ms, 0) / 1000.0, run)
        self._timers.add(timer)
