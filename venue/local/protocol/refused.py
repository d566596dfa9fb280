"""Refusals of a request, and the port that answers about accounts."""

from __future__ import annotations

from typing import Any, Protocol

from venue.local.market.contract import Row

UNREADABLE = 422


FAILED = 500


class Refused(Exception):
    """Refusal of a question with an HTTP status and nothing more."""

    def __init__(self, status: int) -> None:
        super().__init__(str(status))
        self.status = status


class AccountAnswers(Protocol):
    """The port that answers questions about accounts."""

    @property
    def kinds(self) -> frozenset[str]:
        """Return the names of these questions."""

    def answer(self, kind: str, question: Row, now_ms: int) -> Any:
        """Return the answer; raises Refused."""
