"""Cohorts: branches whose desks are the same, so that what depends on the desk is judged once.

All are of one cohort when they are forked. They part where a limit that is in force on some alone
lets them decide, or latch, otherwise; from then on nothing brings them together again but a fork.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import msgspec

from daemon.engine.branches.side import Side


class Cohorts:
    """Masks of branches that cannot be told apart by their desks."""

    def __init__(self) -> None:
        self.masks: list[int] = []

    def forget(self) -> None:
        """Let everyone be compared anew before the next decision."""
        self.masks = []

    def known(self, sides: Iterable[Side], holders: Mapping[int, int]) -> list[int]:
        """Return the cohorts; `holders` says by trade who holds it."""
        if not self.masks:
            found: dict[tuple[bytes, frozenset[int]], int] = {}
            for side in sides:
                held = frozenset(i for i, mask in holders.items() if mask & side.bit)
                kind = msgspec.msgpack.encode(side.desk), held
                found[kind] = found.get(kind, 0) | side.bit
            self.masks = list(found.values())
        return self.masks

    def part(self, apart: Iterable[int]) -> None:
        """Part branches that did something from those that did not, or did another thing."""
        for mask in apart:
            self.masks = [
                part for cohort in self.masks for part in (cohort & mask, cohort & ~mask) if part
            ]
