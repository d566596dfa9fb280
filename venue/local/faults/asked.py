"""HTTP requests and replies, as faults see them."""

from __future__ import annotations

from typing import Any

import msgspec
from msgspec import Struct

from venue.local.market.frames import encode

JSON = "application/json"
TEXT = "text/plain"
HTML = "text/html"

INFO = "/info"
EXCHANGE = "/exchange"
FILL_QUESTIONS = frozenset(("userFills", "userFillsByTime"))
# What the proxy in front of the venue answers when the venue is gone.
BAD_GATEWAY = (
    b"<html>\r\n<head><title>502 Bad Gateway</title></head>\r\n<body>\r\n"
    b"<center><h1>502 Bad Gateway</h1></center>\r\n<hr><center>nginx</center>\r\n"
    b"</body>\r\n</html>\r\n"
)


class Asked(Struct, frozen=True):
    """One POST: its path, the type of its question or action, the decoded body."""

    path: str
    kind: str
    body: Any

    @property
    def coin(self) -> str:
        """Return the coin the question names, "" when none."""
        found = self.body.get("coin") if isinstance(self.body, dict) else None
        if found is None and isinstance(self.body, dict) and isinstance(self.body.get("req"), dict):
            found = self.body["req"].get("coin")
        return found if isinstance(found, str) else ""


class Reply(Struct, frozen=True):
    """An HTTP reply.

    With `hold_ms` it waits; one that `is_lost` never arrives.
    """

    status: int
    body: bytes
    content_type: str = JSON
    hold_ms: int = 0
    is_lost: bool = False

    def data(self) -> Any:
        """Return the decoded body of a good reply, None of any other."""
        if self.status != 200 or self.content_type != JSON:
            return None
        return msgspec.json.decode(self.body)

    def saying(self, data: Any) -> Reply:
        """Return the reply with another body."""
        return msgspec.structs.replace(self, body=encode(data))


def read(path: str, raw: bytes) -> Asked:
    """Return what a request asks; the kind of one that can not be read is ""."""
    try:
        body = msgspec.json.decode(raw)
    except (msgspec.DecodeError, UnicodeError, RecursionError):
        body = None
    inner = body.get("action") if path == EXCHANGE and isinstance(body, dict) else body
    kind = inner.get("type") if isinstance(inner, dict) else None
    return Asked(path, kind if isinstance(kind, str) else "", body)
