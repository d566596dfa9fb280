"""Slots of all branches by episode key, as masks.

Of an episode a branch needs to know only whether its slot is taken and whether it is armed
(`shadow.ledger.episodes`); most of what bots say is a repeat for every branch, and costs nothing.
"""

from __future__ import annotations

from msgspec import Struct

from shadow.ledger.episodes import KeyState


class Slots(Struct):
    """The memory of one key: when the bot last spoke, whose slot is taken, and who is armed."""

    spoke_ns: int = 0
    taken: int = 0
    armed: int = 0

    @classmethod
    def of(cls, key: KeyState, everyone: int) -> Slots:
        """Return what every branch has in common with the desk when it is forked."""
        return cls(key.spoke_ns, everyone if key.real_id else 0, everyone if key.real_armed else 0)

    def hear(self, now_ns: int, rearm_ns: int, everyone: int) -> int:
        """Note that the bot spoke; return the branches for which that may be an entry."""
        silent = now_ns - self.spoke_ns > rearm_ns
        self.spoke_ns = now_ns
        if silent:
            self.armed |= everyone & ~self.taken
        return self.armed & ~self.taken

    def close(self, mask: int) -> None:
        """Free the slots of branches whose trade has ended."""
        self.taken &= ~mask
        self.armed &= ~mask
