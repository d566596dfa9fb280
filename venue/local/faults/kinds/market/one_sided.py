"""Fault: one-sided books, as thin testnet coins have them."""

from __future__ import annotations

from typing import Any, Literal

from venue.hyperliquid.streams import BBO, L2, L2_BOOK
from venue.local.faults.asked import Asked, Reply
from venue.local.faults.fault import Fault, Moment
from venue.local.faults.outgoing import Outgoing


class OneSided(Fault, frozen=True):
    """One-sided books.

    Books, best prices and /info l2Book without their `side`; "both" empties them. The stream of
    deltas falls silent.
    """

    name = "one_sided"
    does = "sends books without bids, without asks or without both"
    channels = frozenset((L2_BOOK, L2, BBO))
    requests = frozenset((L2_BOOK,))

    side: Literal["bids", "asks", "both"] = "asks"

    def frames(self, frame: Outgoing, moment: Moment) -> list[Outgoing]:
        """Empty the side of a book or a best price."""
        if frame.channel == L2:
            return []
        data = self._emptied(frame.data)
        return [frame if data is None else frame.saying(data)]

    def after(self, asked: Asked, reply: Reply, moment: Moment) -> Reply:
        """Empty the side of a book that was asked for."""
        data = self._emptied(reply.data())
        return reply if data is None else reply.saying(data)

    def _emptied(self, data: Any) -> dict[str, Any] | None:
        if not isinstance(data, dict):
            return None
        gone = {"bids": (True, False), "asks": (False, True), "both": (True, True)}[self.side]
        out = {str(name): value for name, value in data.items() if name != "spread"}
        for name, nothing in (("levels", []), ("bbo", None)):
            if name in out:
                sides = zip(out[name], gone, strict=True)
                out[name] = [nothing if is_gone else side for side, is_gone in sides]
        return out
