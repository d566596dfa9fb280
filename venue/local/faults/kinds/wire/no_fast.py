"""Fault: a server that does not know fast books, as older ones and other providers' do not."""

from __future__ import annotations

from typing import Any, Literal

from venue.hyperliquid.streams import L2_BOOK
from venue.local.faults.fault import Fault, Moment
from venue.local.faults.outgoing import ERROR, Outgoing
from venue.local.market.frames import frame as framed


class NoFast(Fault, frozen=True):
    """No fast books.

    Either the option is read past, so the echo is that of the slow book and no fast one comes, or
    the request is answered with an error frame.
    """

    name = "no_fast"
    does = "does not know the fast kind of book"
    channels = frozenset((L2_BOOK,))
    spoils_answers = True

    answer: Literal["ignore", "error"] = "ignore"

    def frames(self, frame: Outgoing, moment: Moment) -> list[Outgoing]:
        """Answer as if `fast` were no word; send no fast book."""
        data: Any = frame.data
        if not isinstance(data, dict):
            return [frame]
        if not frame.is_answer:
            return [] if data.get("fast") is True else [frame]
        asked = data.get("subscription")
        if not isinstance(asked, dict) or asked.get("fast") is not True:
            return [frame]
        if self.answer == "error":
            request = framed("", {**data, "subscription": asked})
            text = "Error parsing JSON into valid websocket request: "
            return [frame.raw(framed(ERROR, text + _inner(request)))]
        echo = {**data, "subscription": {**asked, "fast": False}}
        return [frame.raw(framed("subscriptionResponse", echo))]


def _inner(message: bytes) -> str:
    """Return the data of a message as it is written."""
    return message.decode().partition('"data":')[2][:-1]
