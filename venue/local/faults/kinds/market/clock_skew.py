"""Fault: a venue clock that is wrong."""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta

from venue.local.faults.asked import Asked, Reply
from venue.local.faults.fault import Fault, Moment
from venue.local.faults.outgoing import Outgoing, shifted

QUESTIONS = frozenset(
    (
        "exchangeStatus",
        "l2Book",
        "recentTrades",
        "clearinghouseState",
        "openOrders",
        "frontendOpenOrders",
        "orderStatus",
        "historicalOrders",
        "userFills",
        "userFillsByTime",
    )
)


class ClockSkew(Fault, frozen=True):
    """Clock skew: times in frames and replies are `skew_ms` off, positive: in the future."""

    name = "clock_skew"
    does = "shifts the times in frames and replies"
    requests = QUESTIONS

    skew_ms: Annotated[int, Meta(ge=-(10**9), le=10**9, description="negative: the past")] = 90_000

    def frames(self, frame: Outgoing, moment: Moment) -> list[Outgoing]:
        """Shift the times in a frame."""
        return [frame.saying(shifted(frame.data, self.skew_ms))]

    def after(self, asked: Asked, reply: Reply, moment: Moment) -> Reply:
        """Shift the times in a reply."""
        data = reply.data()
        return reply if data is None else reply.saying(shifted(data, self.skew_ms))
