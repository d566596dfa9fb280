"""What a peer's live side notes: when each quote and each order arrived, and what CPU it took.

Imported in the environment of either peer: it needs the standard library alone.
"""

from __future__ import annotations

import asyncio
import time
from typing import Any


class Log:
    """Monotonic times in ns; `numbers` says on which quote, from 1, each order was asked for."""

    def __init__(self, count: int, port: int) -> None:
        self.count = count
        self.port = port
        self.quotes: list[int] = []
        self.numbers: dict[str, int] = {}
        self.orders: list[tuple[int, int]] = []
        self.cpu_s = 0.0
        self.over = asyncio.Event()
        self._began_s = 0.0

    def quote(self) -> None:
        """Note that a quote has reached the first strategy."""
        now_ns = time.monotonic_ns()
        if not self.quotes:
            self._began_s = time.process_time()
        self.quotes.append(now_ns)
        if len(self.quotes) == self.count:
            self.cpu_s = time.process_time() - self._began_s
            self.over.set()

    def order(self, client_order_id: str) -> None:
        """Note that an order has reached the execution client."""
        now_ns = time.monotonic_ns()
        self.orders.append((self.numbers[client_order_id], now_ns))

    def report(self) -> dict[str, Any]:
        """Return what was noted; `cpu_us` is of a quote, over all threads."""
        return {
            "events": len(self.quotes),
            "cpu_us": self.cpu_s / self.count * 1e6,
            "quotes_ns": self.quotes,
            "orders": self.orders,
        }
