"""The local venue as a process of its own."""

from __future__ import annotations

import asyncio
import json
import signal
import sys
import time
from pathlib import Path

from daemon.child import HISTORY_DAYS
from market.errors import OperatorError
from market.events import MS_PER_DAY
from venue.local.faults.plan import plan_of
from venue.local.faults.trouble import Trouble
from venue.local.market import LocalMarket
from venue.local.playback import Playback
from venue.local.server import serve
from venue.local.world import World


def serve_venue(
    *,
    host: str,
    port: int,
    seed: int,
    tape: Path | None,
    speed: float,
    epoch_ms: int | None,
    with_parent: bool,
    faults: str = "",
) -> None:
    """Serve until interrupted; prints one JSON line with the URLs once the port is open."""
    # A plan that can not be read is told before anything is opened.
    plan = plan_of(faults) if faults else None
    if tape is None and speed != 1.0:
        raise OperatorError("--speed plays a --tape faster; a synthetic world runs in real time")
    if tape is not None:
        market: LocalMarket = Playback(tape, speed=speed)
    else:
        today_ms = int(time.time() * 1000) // MS_PER_DAY * MS_PER_DAY
        begin_ms = today_ms - HISTORY_DAYS * MS_PER_DAY if epoch_ms is None else epoch_ms
        if begin_ms % MS_PER_DAY:
            raise OperatorError(f"--epoch-ms {begin_ms}: must be a UTC midnight")
        market = World(seed, begin_ms)
    played = market
    trouble = None if plan is None else Trouble(plan, _tell)
    if trouble is not None:
        market = trouble.market(market)

    def ready(actual_port: int) -> None:
        urls = {
            "http": f"http://{host}:{actual_port}",
            "ws": f"ws://{host}:{actual_port}/ws",
        }
        sys.stdout.write(json.dumps(urls) + "\n")
        sys.stdout.flush()

    async def main() -> None:
        stop = asyncio.Event()
        loop = asyncio.get_running_loop()
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.add_signal_handler(number, stop.set)
        if with_parent:
            await _stop_at_eof(stop)
        await serve(
            market,
            host=host,
            port=port,
            now_ms=lambda: time.time() * 1000.0,
            on_ready=ready,
            stop=stop,
            trouble=trouble,
        )

    try:
        asyncio.run(main())
    finally:
        if isinstance(played, Playback):
            played.close()


def _tell(what: str) -> None:
    sys.stderr.write(what + "\n")
    sys.stderr.flush()


async def _stop_at_eof(stop: asyncio.Event) -> None:
    """Set `stop` once standard input closes, which it does however the parent dies."""

    class Pipe(asyncio.Protocol):
        def connection_lost(self, exc: Exception | None) -> None:
            stop.set()

        def eof_received(self) -> None:
            stop.set()

    await asyncio.get_running_loop().connect_read_pipe(Pipe, sys.stdin)
