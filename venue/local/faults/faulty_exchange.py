"""An exchange behind the faults of a plan.

Stands between the gate, which has checked signature and nonce, and the exchange. So an action
meets the same faults whether it was posted over HTTP or on a socket.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol, runtime_checkable

from venue.local.exchange.port import Trading
from venue.local.exchange.state.notes import Note, Print
from venue.local.faults.running import Running
from venue.local.market.contract import Row


@runtime_checkable
class Delists(Protocol):
    """An exchange that can take a coin off its list."""

    def delist(self, coin: str, now_ms: int) -> None:
        """End orders in a coin and settle its positions."""


class FaultyExchange:
    """The exchange `inner` behind the faults of a plan; `elapsed_ms` is the clock of the plan."""

    def __init__(self, inner: Trading, running: Running, elapsed_ms: Callable[[], int]) -> None:
        self._inner = inner
        self._running = running
        self._elapsed_ms = elapsed_ms

    def act(self, user: str, action: Row, now_ms: int) -> Row:
        """Do what an account asks as far as the faults let it."""

        def do(given: Row) -> Row:
            return self._inner.act(user, given, now_ms)

        return self._running.act(action, do, self._elapsed_ms())

    def deposit(self, user: str, usd_e6: int, now_ms: int) -> None:
        """Put money into an account."""
        self._inner.deposit(user, usd_e6, now_ms)

    def has(self, user: str) -> bool:
        """Say whether an account exists."""
        return self._inner.has(user)

    def advance(self, now_ms: int) -> None:
        """Bring the exchange to a moment, and take off its list what goes then."""
        self._inner.advance(now_ms)
        for coin in self._running.delisted(self._elapsed_ms()):
            if coin and isinstance(self._inner, Delists):
                self._inner.delist(coin, now_ms)

    def drain(self) -> list[Note | Print]:
        """Return what happened since the last drain."""
        return self._inner.drain()

    def requests_used(self, user: str) -> int:
        """Return the requests of an account so far."""
        return self._inner.requests_used(user)

    def requests_cap(self, user: str) -> int:
        """Return how many requests an account has."""
        return self._inner.requests_cap(user)

    def volume_e6(self, user: str) -> int:
        """Return what an account traded so far, in micro-USDC."""
        return self._inner.volume_e6(user)
