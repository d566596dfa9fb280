"""Fault: 429 for every request, whatever their number.

The status is reported by clients; the body is not on record, a JSON null is what the official SDK
is prepared for.
"""

from __future__ import annotations

from venue.local.faults.asked import EXCHANGE, INFO, Asked, Reply
from venue.local.faults.fault import Fault, Moment


class Http429(Fault, frozen=True):
    """HTTP 429: requests are answered 429 and not looked at."""

    name = "http_429"
    does = "answers requests with 429"
    requests = frozenset((INFO, EXCHANGE))

    def before(self, asked: Asked, moment: Moment) -> Reply | None:
        """Answer in the venue's stead."""
        return Reply(429, b"null")
