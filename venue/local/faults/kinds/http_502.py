"""Fault: a storm of bad gateways: the proxy answers, the venue is not there."""

from __future__ import annotations

from venue.local.faults.asked import EXCHANGE, HTML, INFO, Asked, Reply
from venue.local.faults.fault import Fault, Milliseconds, Moment

PAGE = (
    b"<html>\r\n<head><title>502 Bad Gateway</title></head>\r\n<body>\r\n"
    b"<center><h1>502 Bad Gateway</h1></center>\r\n<hr><center>nginx</center>\r\n"
    b"</body>\r\n</html>\r\n"
)


class Http502(Fault, frozen=True):
    """Requests get an HTML page after `wait_ms`; the venue never sees them."""

    name = "http_502"
    does = "answers requests with 502 and a page of HTML"
    requests = frozenset((INFO, EXCHANGE))

    wait_ms: Milliseconds = 0

    def before(self, asked: Asked, moment: Moment) -> Reply | None:
        """Answer in the venue's stead."""
        return Reply(502, PAGE, HTML, hold_ms=self.wait_ms)
