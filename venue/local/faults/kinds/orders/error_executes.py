"""Fault: an error reply to an action that took effect."""

from __future__ import annotations

from typing import Literal

from venue.local.faults.asked import BAD_GATEWAY, EXCHANGE, HTML, Asked, Reply
from venue.local.faults.fault import Fault, Moment
from venue.local.faults.outgoing import POST, Outgoing, is_action

ERROR = {"status": "err", "response": "Internal error: action timed out"}


class ErrorExecutes(Fault, frozen=True):
    """Error reply to an executed action.

    `reply` is "status_err" (200, status err), "http_500" (null) or "http_502" (HTML).
    """

    name = "error_executes"
    does = "lets actions happen and answers with an error"
    requests = frozenset((EXCHANGE,))
    channels = frozenset((POST,))
    spoils_answers = True

    reply: Literal["status_err", "http_500", "http_502"] = "status_err"

    def after(self, asked: Asked, reply: Reply, moment: Moment) -> Reply:
        """Answer with an error instead."""
        if self.reply == "http_502":
            return Reply(502, BAD_GATEWAY, HTML)
        return Reply(500, b"null") if self.reply == "http_500" else reply.saying(ERROR)

    def frames(self, frame: Outgoing, moment: Moment) -> list[Outgoing]:
        """Answer an action that was posted on the socket with an error instead."""
        if not is_action(frame):
            return [frame]
        response = {**frame.data["response"], "payload": ERROR}
        return [frame.saying({**frame.data, "response": response})]
