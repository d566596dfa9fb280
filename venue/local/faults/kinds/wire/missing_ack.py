"""Fault: lost acknowledgements of subscriptions that took effect."""

from __future__ import annotations

from venue.local.faults.fault import Fault, Moment
from venue.local.faults.outgoing import ACKNOWLEDGEMENT, Outgoing


class MissingAck(Fault, frozen=True):
    """Missing acknowledgements.

    Acknowledgements get lost; `channel` and `coin` are those of the subscription.
    """

    name = "missing_ack"
    does = "loses the acknowledgements of subscriptions"
    spoils_answers = True

    def concerns(self, frame: Outgoing) -> bool:
        """Say whether a frame is an acknowledgement that gets lost."""
        return frame.payload.startswith(_START) and super().concerns(frame)

    def frames(self, frame: Outgoing, moment: Moment) -> list[Outgoing]:
        """Lose a frame."""
        return []


_START = b'{"channel":"' + ACKNOWLEDGEMENT.encode() + b'"'
