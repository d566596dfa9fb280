"""Fault: 502 from the proxy in front of the venue."""

from __future__ import annotations

from venue.local.faults.asked import BAD_GATEWAY, EXCHANGE, HTML, INFO, Asked, Reply
from venue.local.faults.fault import Fault, Milliseconds, Moment


class Http502(Fault, frozen=True):
    """HTTP 502: requests get an HTML page after `wait_ms`; the venue never sees them."""

    name = "http_502"
    does = "answers requests with 502 and a page of HTML"
    requests = frozenset((INFO, EXCHANGE))

    wait_ms: Milliseconds = 0

    def before(self, asked: Asked, moment: Moment) -> Reply | None:
        """Answer in the venue's stead."""
        return Reply(502, BAD_GATEWAY, HTML, hold_ms=self.wait_ms)
