"""Records a feed without trading: the daemon's own feed, session and tape, but no engine.

Such a tape carries no state and no digest; a replay begins from an empty desk.
"""

from __future__ import annotations

import asyncio
import random
import signal
import tempfile
from dataclasses import replace
from pathlib import Path
from typing import Any

import msgspec

from daemon.instance.paths import StateDir
from daemon.live.clock import Clock
from daemon.live.startup import (
    Plan,
    choose_coins,
    list_instruments,
    open_endpoint,
    subscriptions,
    until_stopped,
)
from daemon.live.telemetry import log
from daemon.version import code_version
from market.errors import OperatorError
from market.events import NS_PER_HOUR, FeedDown, FeedUp
from venue.hyperliquid.feed import Feed, Reconnect
from venue.hyperliquid.info import InfoClient
from venue.hyperliquid.session import Session
from venue.tape.lines import FORMAT, Header, frame_line, record_line, segment_name
from venue.tape.segment import newest_name
from venue.tape.writer import SegmentWriter
from venue.websocket import Listener

# A recording is wanted now: it does not wait for a venue that may come.
ANSWER_WITHIN_S = 30.0


async def record_feed(plan: Plan, out: Path) -> dict[str, Any]:
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
                return {"frames": 0, "coins": 0}
            chosen = choose_coins(plan.config, listed, set())
            recorder = _Recorder(plan, out, list(chosen), [*chosen.values()], endpoint.rest)
            return await recorder.run(endpoint.ws)


def _make(out: Path) -> None:
    try:
        out.mkdir(parents=True)
    except OSError as error:
        raise OperatorError(f"{out}: cannot be made ({error.strerror}); name a new one") from None


class _Recorder:
    def __init__(
        self, plan: Plan, out: Path, coins: list[str], instruments: list[Any], rest: str
    ) -> None:
        self._plan = plan
        self._out = out
        self._config = plan.config.model_copy(update={"coins": tuple(coins)})
        self._instruments = instruments
        self._rest = rest
        self._session = Session(subscriptions(coins))
        self._clock = Clock()
        self._lines = bytearray()
        self._seq = 1
        self._writer = self._open()

    async def run(self, ws_url: str) -> dict[str, Any]:
        feed = Feed(
            ws_url,
            self._session,
            Listener(self._frames, self._up, self._down),
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
            self._close("end of recording")
        if task.done() and not task.cancelled() and task.exception() is not None:
            raise task.exception()  # type: ignore[misc]
        return {"frames": self._session.frames, "coins": len(self._config.coins)}

    async def _until(self, stop: asyncio.Event, task: asyncio.Task[None]) -> None:
        hour = self._clock.now_ns() // NS_PER_HOUR
        while not stop.is_set() and not task.done():
            try:
                async with asyncio.timeout(1.0):
                    await stop.wait()
            except TimeoutError:
                now_ns = self._clock.now_ns()
                self._put(record_line("T", now_ns))
                self._flush()
                if now_ns // NS_PER_HOUR != hour:
                    hour = now_ns // NS_PER_HOUR
                    self._close("rotated")
                    self._writer = self._open()

    def _open(self) -> SegmentWriter:
        now_ns = self._clock.now_ns()
        header = Header(
            format=FORMAT,
            code_version=code_version(),
            mode="record",
            network=self._plan.network if self._plan.mode == "paper" else self._plan.mode,
            seed=self._config.seed,
            first_seq=self._seq,
            config=self._config.resolved(),
            instruments=self._instruments,
            instruments_from=f"meta of {self._rest}",
            after=newest_name(self._out),
            subscriptions=msgspec.to_builtins(list(self._session.streams)),
        )
        self._put(record_line("H", now_ns, header))
        return SegmentWriter(self._out / segment_name(self._seq, now_ns))

    def _put(self, line: bytes) -> None:
        self._lines += line
        self._seq += 1

    def _flush(self) -> None:
        self._writer.write(bytes(self._lines))
        self._lines.clear()

    def _close(self, why: str) -> None:
        self._put(record_line("E", self._clock.now_ns(), {"why": why}))
        self._writer.close(bytes(self._lines))
        self._lines.clear()

    def _frames(self, raws: list[bytes]) -> None:
        now_ns = self._clock.now_ns()
        for raw in raws:
            self._session.receive(raw, now_ns)
            self._put(frame_line(raw, now_ns))

    def _up(self) -> None:
        self._put(record_line(FeedUp.letter, self._clock.now_ns(), FeedUp()))

    def _down(self, reason: str) -> None:
        log.warning("feed down", reason=reason)
        self._put(record_line(FeedDown.letter, self._clock.now_ns(), FeedDown(reason)))
