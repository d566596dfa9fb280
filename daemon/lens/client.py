"""Client of the lens process: the queue of questions, and the delivery of answers.

A newer question takes the place of an older one of the same kind about the same coin that still
waits, so a slow machine makes answers rarer, never a queue longer.
"""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager

import msgspec

from daemon.config.sections import LensConfig
from daemon.lens.process import LENGTH_BYTES, packed
from market.decision import LensAsk
from market.errors import GnomonError
from market.events import LensUpdate

# A first run compiles; later ones load what is compiled.
WARM_WITHIN_S = 180.0
ANSWER_WITHIN_S = 60.0
# Raw values are put several at a time, so that the process need not wait for the loop to come
# round; of what takes long only one, so that a minute's raw values wait for one at most.
IN_FLIGHT = 8
QUICK = "raw"
PRIORITY = {
    ("raw", "burst"): 0,
    ("raw", "bar"): 1,
    ("raw", "history"): 1,
    ("rank", "burst"): 2,
    ("hmm", "burst"): 2,
    ("rank", "bar"): 3,
    ("rank", "history"): 3,
}
LAST = 4

Key = tuple[str, str]


class LensGone(GnomonError):
    """The lens process has ended or no longer answers."""


class LensProcess:
    """Client with one question under way: the most urgent first, then the longest waiting.

    `command` is what is run; it speaks as `daemon/lens/process.py` does.
    """

    def __init__(
        self,
        config: LensConfig,
        deliver: Callable[[LensUpdate], object],
        command: Sequence[str] = (),
    ) -> None:
        self._config = config
        self._deliver = deliver
        self._command = command or (
            sys.executable,
            "-m",
            "daemon.lens.process",
            str(config.surrogates),
        )
        # By coin and kind: urgency, place in the order of asking, and the newest question.
        self._waiting: dict[Key, tuple[int, int, LensAsk]] = {}
        self._count = 0
        self._asked = asyncio.Event()
        self._due: asyncio.Queue[None] = asyncio.Queue(IN_FLIGHT)
        self._slow = False
        self.warm = not config.enabled
        self.answers = 0

    @property
    def waiting(self) -> int:
        """Return how many questions have not been put yet."""
        return len(self._waiting)

    def ask(self, ask: LensAsk) -> None:
        """Take a question."""
        key = (ask.coin, ask.kind)
        self._count += 1
        priority = PRIORITY.get((ask.kind, ask.cause), LAST)
        before = self._waiting.get(key)
        # It keeps the older one's place, or on a slow machine some coins would never be looked at.
        place = (priority, self._count) if before is None else (min(priority, before[0]), before[1])
        self._waiting[key] = (*place, ask)
        self._asked.set()

    def _next(self) -> LensAsk | None:
        ready = [key for key in self._waiting if key[1] == QUICK or not self._slow]
        if not ready:
            return None
        key = min(ready, key=lambda k: self._waiting[k][:2])
        return self._waiting.pop(key)[2]

    async def run(self) -> None:
        """Keep the process and talk to it; raises LensGone when that ends."""
        async with _child(self._config, self._command) as child:
            reader, writer = child.stdout, child.stdin
            assert reader is not None and writer is not None
            try:
                self._due = asyncio.Queue(IN_FLIGHT)
                self._slow = False
                await _receive(reader, WARM_WITHIN_S)
                self.warm = True
                room = asyncio.Semaphore(IN_FLIGHT)
                async with asyncio.TaskGroup() as group:
                    group.create_task(self._send(writer, room))
                    group.create_task(self._take(reader, room))
                    group.create_task(_ended(child))
            except BaseExceptionGroup as failed:
                raise failed.exceptions[0] from None
            finally:
                self.warm = False

    async def _send(self, writer: asyncio.StreamWriter, room: asyncio.Semaphore) -> None:
        while True:
            await room.acquire()
            while (ask := self._next()) is None:
                self._asked.clear()
                await self._asked.wait()
            self._due.put_nowait(None)
            self._slow |= ask.kind != QUICK
            writer.write(packed(msgspec.msgpack.encode(ask)))
            try:
                await writer.drain()
            except ConnectionError:
                raise LensGone("the lens process ended") from None

    async def _take(self, reader: asyncio.StreamReader, room: asyncio.Semaphore) -> None:
        decoder = msgspec.msgpack.Decoder(LensUpdate)
        while True:
            await self._due.get()
            message = await _receive(reader, ANSWER_WITHIN_S)
            update = decoder.decode(message)
            if update.kind != QUICK:
                self._slow = False
                self._asked.set()
            room.release()
            self.answers += 1
            self._deliver(update)
            # Answers that came together are taken up one at a time: books must not wait for all.
            await asyncio.sleep(0)


async def _ended(child: asyncio.subprocess.Process) -> None:
    """Raise when the process ends, though nothing is asked of it."""
    await child.wait()
    raise LensGone("the lens process ended")


async def _receive(reader: asyncio.StreamReader, within_s: float) -> bytes:
    try:
        async with asyncio.timeout(within_s):
            head = await reader.readexactly(LENGTH_BYTES)
            return await reader.readexactly(int.from_bytes(head, "big"))
    except asyncio.IncompleteReadError:
        raise LensGone("the lens process ended") from None
    except TimeoutError:
        raise LensGone(f"the lens process did not answer within {within_s:g} s") from None


@asynccontextmanager
async def _child(
    config: LensConfig, command: Sequence[str]
) -> AsyncIterator[asyncio.subprocess.Process]:
    environment = {
        **os.environ,
        "PYTHONPATH": os.pathsep.join(p for p in sys.path if p),
        "OMP_NUM_THREADS": "1",
        "OPENBLAS_NUM_THREADS": "1",
        "MKL_NUM_THREADS": "1",
    }
    if not config.jit:
        environment["GNOMON_NO_JIT"] = "1"
    process = await asyncio.create_subprocess_exec(
        *command,
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        # Ctrl-C in the terminal is for the daemon, which then closes this process itself.
        start_new_session=True,
        cwd="/",
        env=environment,
    )
    try:
        yield process
    finally:
        assert process.stdin is not None
        process.stdin.close()
        try:
            async with asyncio.timeout(1.0):
                await process.wait()
        except TimeoutError:
            process.kill()
            await process.wait()
