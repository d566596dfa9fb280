"""The exchange as its gate and the server see it.

The shell around the exchange checks signatures and keeps sockets; it calls nothing but this. Times
are ms UTC, a user is the lower-case address of a master account.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Protocol

from venue.local.exchange.state.notes import Note, Print
from venue.local.market.contract import Row

# Answers an account question of /info: kind, question, now_ms. Raises questions.Refused.
Answer = Callable[[str, Row, int], Any]


class Trading(Protocol):
    """An exchange as seen from its gate."""

    def deposit(self, user: str, usd_e6: int, now_ms: int) -> None:
        """Put money into an account, which exists from then on."""

    def has(self, user: str) -> bool:
        """Say whether an account exists."""

    def act(self, user: str, action: Row, now_ms: int) -> Row:
        """Do what an account asks and return the body of the reply; never raises."""

    def advance(self, now_ms: int) -> None:
        """Bring the exchange to a moment: fills, triggers, funding, liquidations."""

    def drain(self) -> list[Note | Print]:
        """Return what happened since the last drain, in order."""

    def requests_used(self, user: str) -> int:
        """Return the requests of an account so far."""

    def requests_cap(self, user: str) -> int:
        """Return how many its start-up allowance and its trading allow."""

    def volume_e6(self, user: str) -> int:
        """Return what an account traded so far, in micro-USDC."""
