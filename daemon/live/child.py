"""Child process of the local venue, which cannot outlive its parent.

The child holds the reading end of a pipe whose other end only the daemon has. However the daemon
dies, kill -9 included, the pipe closes and the child leaves. World seed and epoch are kept in the
state folder, so prices and candles go on where they were after a restart.
"""

from __future__ import annotations

import asyncio
import os
import sys
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

import msgspec
from msgspec import Struct

from market.errors import GnomonError, OperatorError, VenueUnreachable
from market.events import MS_PER_DAY
from venue.local.market.grid import HISTORY_DAYS

READY_S = 20.0


class World(Struct):
    """Identity of a synthetic world: what makes it the same again."""

    seed: int
    epoch_ms: int


class Ready(Struct):
    """The line the venue prints once it is open."""

    http: str
    ws: str


@dataclass
class Child:
    """A running local venue."""

    http: str
    ws: str
    process: asyncio.subprocess.Process


WORLD_BYTES_MAX = 4096


def remember_world(path: Path, seed: int) -> World:
    """Return the world of a state folder, made on first use; another seed begins another world.

    Raises OperatorError when the file cannot be read or written.
    """
    try:
        if path.exists():
            with path.open("rb") as file:
                world = msgspec.json.decode(file.read(WORLD_BYTES_MAX), type=World)
            if world.seed == seed:
                return world
        today_ms = int(time.time() * 1000) // MS_PER_DAY * MS_PER_DAY
        world = World(seed, today_ms - HISTORY_DAYS * MS_PER_DAY)
        fresh = path.with_suffix(".new")
        fresh.write_bytes(msgspec.json.encode(world))
        fresh.replace(path)
    except (OSError, msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise OperatorError(f"{path}: {error}; delete it to begin another world") from None
    return world


def _append(path: Path) -> BinaryIO:
    return path.open("ab")


@asynccontextmanager
async def local_venue(world: World, log_path: Path) -> AsyncIterator[Child]:
    """Run the local venue; raises VenueUnreachable when it does not come up."""
    command = [sys.executable, "-m", "daemon", "venue", "--port", "0", "--with-parent"]
    command += ["--seed", str(world.seed), "--epoch-ms", str(world.epoch_ms)]
    with _append(log_path) as log:
        process = await asyncio.create_subprocess_exec(
            *command,
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=log,
            # Ctrl-C in the terminal is for the daemon, which then closes its venue itself.
            start_new_session=True,
            cwd="/",
            env={**os.environ, "PYTHONPATH": os.pathsep.join(p for p in sys.path if p)},
        )
    try:
        assert process.stdout is not None
        async with asyncio.timeout(READY_S):
            line = await process.stdout.readline()
        ready = msgspec.json.decode(line, type=Ready)
    except (TimeoutError, msgspec.MsgspecError):
        await _end(process)
        raise VenueUnreachable(f"the local venue did not come up; see {log_path}") from None
    try:
        yield Child(ready.http, ready.ws, process)
    finally:
        await _end(process)


async def watch(child: Child) -> None:
    """Return never; raise when the venue ends by itself."""
    code = await child.process.wait()
    raise VenueGone(f"the local venue ended with code {code}")


class VenueGone(GnomonError):
    """The local venue ended while the daemon ran."""


async def _end(process: asyncio.subprocess.Process) -> None:
    if process.stdin is not None:
        process.stdin.close()
    try:
        async with asyncio.timeout(2.0):
            await process.wait()
    except TimeoutError:
        process.kill()
        await process.wait()
