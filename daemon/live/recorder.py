"""Recorder: the daemon's own feed, session and tape, without engine or trades.

Such a tape carries no state and no digest; a replay begins from an empty desk.
"""

from __future__ import annotations

import asyncio
import random
import signal
import tempfile
from dataclasses import replace
from pathlib import Path

from msgspec import Struct

from daemon.instance.paths import StateDir
from daemon.live.clock import Clock
from daemon.live.feed_log import log_told
from daemon.live.listening import session_of
from daemon.live.startup import (
    Plan,
    choose_coins,
    list_instruments,
    open_endpoint,
    until_stopped,
)
from daemon.live.taping import Opening, Origin, Taping
from daemon.live.telemetry import log
from market.errors import OperatorError
from market.instrument import Instrument
from venue.hyperliquid.feed import Feed, Listener, Reconnect, Told
from venue.hyperliquid.info import InfoClient
from venue.tape.lines import frame_line, record_line, segment_name
from venue.tape.writer import SegmentWriter

# A recording is wanted now: it does not wait for a venue that may come.
ANSWER_WITHIN_S = 30.0


class Recording(Struct):
    """Totals of a recording: frames heard and coins listened to."""

    frames: int
    coins: int


async def record_feed(plan: Plan, out: Path) -> Recording:
    """Record until interrupted or the plan's time is over; return counts."""
    _make(out)
    with tempfile.TemporaryDirectory(prefix="gnomon-record-") as folder:
        scratch = StateDir(Path(folder), plan.state.folder)
        scratch.create()
        plan = replace(plan, state=scratch)
        async with open_endpoint(plan) as endpoint, InfoClient(endpoint.rest) as info:
            within_s = min(plan.for_s or ANSWER_WITHIN_S, ANSWER_WITHIN_S)
            listed = await until_stopped(list_instruments(info), within_s=within_s)
            if isinstance(listed, str):
                return Recording(0, 0)
            choice = choose_coins(plan.config, listed, {})
            for coin, why in choice.gone.items():
                log.warning("coin is left out", coin=coin, why=why)
            recorder = _Recorder(plan, out, choice.instruments, endpoint.rest)
            return await recorder.run(endpoint.ws)


def _make(out: Path) -> None:
    try:
        out.mkdir(parents=True)
    except OSError as error:
        raise OperatorError(f"{out}: cannot be made ({error.strerror}); name a new one") from None


class _Recorder:
    """The session and the file of one recording; lines go to the disk once a second."""

    def __init__(
        self, plan: Plan, out: Path, instruments: dict[str, Instrument], rest: str
    ) -> None:
        self._plan = plan
        config = plan.config.model_copy(update={"coins": tuple(instruments)})
        self._instruments = instruments
        self._session = session_of(instruments, config)
        self._clock = Clock()
        self._lines = bytearray()
        self._seq = 1
        self._writer: SegmentWriter | None = None
        network = plan.network if plan.mode == "paper" else plan.mode
        self._taping = Taping(
            out,
            self,
            self,
            origin=Origin("record", network, config, list(instruments.values()), rest),
            session=self._session,
            now_ns=self._clock.now_ns,
        )
        self._taping.open()

    async def run(self, ws_url: str) -> Recording:
        self._url = ws_url
        feed = Feed(
            ws_url,
            self._session,
            Listener(self._frames, self._told),
            now_ns=self._clock.now_ns,
            reconnect=Reconnect(),
            rng=random.Random(),
        )
        stop = asyncio.Event()
        loop = asyncio.get_running_loop()
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.add_signal_handler(number, stop.set)
        if self._plan.for_s is not None:
            loop.call_later(self._plan.for_s, stop.set)
        task = asyncio.create_task(feed.run())
        try:
            await self._until(stop, task)
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)
            self._taping.close("end of recording")
        if task.done() and not task.cancelled() and task.exception() is not None:
            raise task.exception()  # type: ignore[misc]
        return Recording(self._session.frames, len(self._instruments))

    async def _until(self, stop: asyncio.Event, task: asyncio.Task[None]) -> None:
        while not stop.is_set() and not task.done():
            try:
                async with asyncio.timeout(1.0):
                    await stop.wait()
            except TimeoutError:
                self._put(record_line("T", self._clock.now_ns()))
                self._flush()
                self._taping.rotate()

    # What the tape asks of whoever is recorded: there is no state, only the number of a line.

    def opening(self) -> Opening:
        return Opening(self._seq)

    def ending(self, why: str) -> dict[str, object]:
        return {"why": why}

    # Where its lines go.

    @property
    def recording(self) -> bool:
        return self._writer is not None

    def open_segment(self, folder: Path, first_seq: int, now_ns: int, header: bytes) -> None:
        self._writer = SegmentWriter(folder / segment_name(first_seq, now_ns))
        self._put(header)

    def close_segment(self, last: bytes) -> None:
        self._put(last)
        if self._writer is not None:
            self._writer.close(bytes(self._lines))
            self._writer = None
        self._lines.clear()

    def _put(self, line: bytes) -> None:
        self._lines += line
        self._seq += 1

    def _flush(self) -> None:
        if self._writer is not None:
            self._writer.write(bytes(self._lines))
            self._lines.clear()

    # What the feed reports.

    def _frames(self, raws: list[bytes]) -> None:
        now_ns = self._clock.now_ns()
        for raw in raws:
            self._session.receive(raw, now_ns)
            self._put(frame_line(raw, now_ns))

    def _told(self, event: Told) -> None:
        log_told(event, self._url)
        self._put(record_line(event.letter, self._clock.now_ns(), event))
