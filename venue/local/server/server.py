"""The loopback server: POST /info and /exchange, GET /ws, on one port until told to stop.

It owns sockets and tasks and nothing else: what is shown is the market's business, how it is said
that of `ws` and `info`. Nothing a client sends can end it.
"""

from __future__ import annotations

import asyncio
import errno
from collections.abc import Callable

from aiohttp import web

from market.errors import OperatorError
from venue.local.gate.budget import IpBudget
from venue.local.market.contract import LocalMarket
from venue.local.server.client import Client, Limits
from venue.local.server.exchange_handler import ExchangeHandler
from venue.local.server.faulty.injector import Injector
from venue.local.server.floor import Floor
from venue.local.server.hub import Hub
from venue.local.server.info_handler import InfoHandler
from venue.local.server.questions import Questions
from venue.local.server.ws import Sockets

# How long requests under way may take to end after the stop.
SHUTDOWN_S = 0.3


async def serve(
    market: LocalMarket,
    *,
    host: str,
    port: int,
    now_ms: Callable[[], float],
    on_ready: Callable[[int], None],
    stop: asyncio.Event,
    limits: Limits | None = None,
    floor: Floor | None = None,
    injector: Injector | None = None,
) -> None:
    """Serve a market, and the exchange on it, on one port (0: any free one) until `stop` is set.

    `now_ms` is the clock of the venue, in ms UTC. `on_ready` is told the port once it is open.
    `injector` brings the faults of a plan; without it nothing of them is in the way.
    Raises OperatorError when the port cannot be opened or the market cannot be shown now.
    """
    limits = limits or Limits()
    market.open(int(now_ms()))
    if floor is not None:
        floor.open(int(now_ms()))
    hub = Hub(market, now_ms, limits, floor)
    questions = Questions(market, now_ms, floor)
    connected = Client if injector is None else injector.connected
    sockets = Sockets(market, hub, questions, limits, now_ms, floor, connected)
    budget = IpBudget(limits.weight_per_minute_max, asyncio.get_running_loop().time)
    app = web.Application(middlewares=[] if injector is None else [injector.middleware])
    app.router.add_route("*", "/info", InfoHandler(questions, budget).serve)
    if floor is not None:
        handler = ExchangeHandler(floor, budget, now_ms)
        app.router.add_route("*", "/exchange", handler.serve)
    app.router.add_get("/ws", sockets.serve)
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=SHUTDOWN_S)
    await runner.setup()
    try:
        await _listen(runner, host, port)
        on_ready(runner.addresses[0][1])
        await _until(stop, hub)
    finally:
        await hub.close()
        await runner.cleanup()


async def _listen(runner: web.AppRunner, host: str, port: int) -> None:
    try:
        await web.TCPSite(runner, host, port).start()
    except OSError as error:
        if error.errno == errno.EADDRINUSE:
            raise OperatorError(
                f"port {port} on {host} is in use: stop what holds it, choose another "
                f"(--port {port + 1}), or let the system choose a free one (--port 0)"
            ) from None
        raise OperatorError(
            f"cannot open port {port} on {host} ({error.strerror or error}): choose another host "
            "or port (--host 127.0.0.1 --port 0)"
        ) from None


async def _until(stop: asyncio.Event, hub: Hub) -> None:
    """Run the clock until told to stop; whatever ends it before is raised."""
    clock = asyncio.create_task(hub.run(), name="local venue clock")
    stopped = asyncio.create_task(stop.wait(), name="local venue stop")
    try:
        await asyncio.wait((clock, stopped), return_when=asyncio.FIRST_COMPLETED)
        if clock.done():
            clock.result()
    finally:
        for task in (clock, stopped):
            task.cancel()
        await asyncio.gather(clock, stopped, return_exceptions=True)
