"""Fault: a lost reply to an action that took effect.

The fate of the order is unknown to its sender, who must find it out and not send it again blind.
"""

from __future__ import annotations

from typing import Annotated

import msgspec

from venue.local.faults.asked import EXCHANGE, Asked, Reply
from venue.local.faults.fault import Fault, Milliseconds, Moment, described
from venue.local.faults.outgoing import POST, Outgoing, is_action


class TimeoutExecutes(Fault, frozen=True):
    """Timeout of an executed action.

    The venue acts, the client waits; after `hold_ms` the connection breaks.
    """

    name = "timeout_executes"
    does = "lets actions happen and loses the reply"
    requests = frozenset((EXCHANGE,))
    channels = frozenset((POST,))
    spoils_answers = True

    hold_ms: Annotated[Milliseconds, described("until the connection breaks")] = 60_000

    def after(self, asked: Asked, reply: Reply, moment: Moment) -> Reply:
        """Lose the reply."""
        return msgspec.structs.replace(reply, hold_ms=self.hold_ms, is_lost=True)

    def frames(self, frame: Outgoing, moment: Moment) -> list[Outgoing]:
        """Lose the reply to an action that was posted on the socket."""
        return [] if is_action(frame) else [frame]
