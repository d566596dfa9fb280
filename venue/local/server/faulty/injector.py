"""The injector of a plan of faults: its clock, its connections, its middleware."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from functools import cached_property

from aiohttp.typedefs import Middleware

from venue.local.exchange.port import Trading
from venue.local.faults.faulty_exchange import FaultyExchange
from venue.local.faults.plan import Plan
from venue.local.faults.running import Running
from venue.local.market.contract import LocalMarket
from venue.local.server.client import Client, Limits
from venue.local.server.faulty.connection import FaultyConnection
from venue.local.server.faulty.middleware import fault_middleware


class Injector:
    """A plan at work on one server.

    It begins when it is made, or with the first connection of a plan that says so.

    `tell` is told of each fault as it first hits something.
    """

    def __init__(self, plan: Plan, tell: Callable[[str], None] = lambda _: None) -> None:
        self.running = Running(plan, tell)
        self._began: float | None = None if plan.after_connect else time.monotonic()
        self._connections = 0

    def elapsed_ms(self) -> int:
        """Return the time since the start; the venue's own clock may jump, this does not."""
        if self._began is None:
            return 0
        return int((time.monotonic() - self._began) * 1000.0)

    def market(self, market: LocalMarket) -> LocalMarket:
        """Return the market with the faults of markets around it."""
        return self.running.market(market, self.elapsed_ms)

    def trading(self, exchange: Trading) -> Trading:
        """Return the exchange with the faults of actions before it."""
        return FaultyExchange(exchange, self.running, self.elapsed_ms)

    @cached_property
    def middleware(self) -> Middleware:
        """Return what stands between HTTP requests and their handlers."""
        return fault_middleware(self.running, self.elapsed_ms)

    def connected(self, transport: asyncio.Transport, address: str, limits: Limits) -> Client:
        """Return the client of a new connection."""
        self._connections += 1
        if self._began is None:
            self._began = time.monotonic()
        number = self._connections
        return FaultyConnection(transport, address, limits, self.running, number, self.elapsed_ms)
