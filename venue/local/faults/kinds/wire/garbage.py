"""Fault: frames that are no messages of the venue."""

from __future__ import annotations

from typing import Literal

from venue.local.faults.fault import Fault, Moment, Share
from venue.local.faults.outgoing import Outgoing

KINDS: dict[str, bytes] = {
    "html": b"<html><body>502 Bad Gateway</body></html>",
    "utf8": b'{"channel":"trades","data":"\xff\xfe\xc3\x28"}',
    "binary": b"\x00\x01\xff\xfe{}",
    "nested": b"[" * 2_000 + b"]" * 2_000,
    "shape": b'{"channel":"l2Book","data":{"coin":7,"levels":"none"}}',
    "empty": b"",
}


class Garbage(Fault, frozen=True):
    """Garbage: a frame of `kind` (or each kind in turn) comes after a good one, or instead of it.

    "utf8" is bytes in a text frame that are not UTF-8; RFC 6455 lets a client end the connection.
    """

    name = "garbage"
    does = "slips in frames that are not JSON, not UTF-8, binary, absurdly nested or ill-typed"

    share: Share = 0.2
    kind: Literal["each", "html", "utf8", "binary", "nested", "shape", "empty"] = "each"
    replaces: bool = False

    def frames(self, frame: Outgoing, moment: Moment) -> list[Outgoing]:
        """Add or put a bad frame."""
        kind = self.kind
        if kind == "each":
            turn = moment.memory["turn"] = moment.memory.get("turn", -1) + 1
            bad = list(KINDS)[turn % len(KINDS)]
        else:
            bad = kind
        rubbish = frame.raw(KINDS[bad], is_binary=bad == "binary")
        return [rubbish] if self.replaces else [frame, rubbish]
