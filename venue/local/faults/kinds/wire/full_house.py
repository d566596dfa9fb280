"""Fault: an address that has no subscription left."""

from __future__ import annotations

from venue.local.faults.fault import Fault, Moment
from venue.local.faults.outgoing import ACKNOWLEDGEMENT, ERROR, Outgoing
from venue.local.market.frames import frame as framed

TEXT = "Cannot subscribe to more than 1000 channels."


class FullHouse(Fault, frozen=True):
    """Full house.

    Requests of `coin` and `channel` are answered with the venue's complaint about its limit, which
    names no stream, and nothing comes of them.
    """

    name = "full_house"
    does = "refuses subscriptions beyond a limit, in words that name no stream"
    spoils_answers = True

    def concerns(self, frame: Outgoing) -> bool:
        """Say whether a frame is an acknowledgement, or of the stream that was asked for."""
        is_ack = frame.payload.startswith(_START)
        return (is_ack or not frame.is_answer) and super().concerns(frame)

    def frames(self, frame: Outgoing, moment: Moment) -> list[Outgoing]:
        """Complain instead of acknowledging; send nothing else."""
        return [frame.raw(framed(ERROR, TEXT))] if frame.is_answer else []


_START = b'{"channel":"' + ACKNOWLEDGEMENT.encode() + b'"'
