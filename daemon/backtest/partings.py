"""Partings: why some branches did not take a signal that others took."""

from __future__ import annotations

BUSY = "busy"


class Partings:
    """Watcher of branches that keeps, by the number of a signal, who did not take it and why."""

    def __init__(self) -> None:
        self._known: dict[int, dict[str, int]] = {}
        self._now: dict[str, int] = {}

    def heard(self, ready: int) -> None:
        """Begin with a signal; on all but the ready branches its slot is busy."""
        self._now = {BUSY: ~ready}

    def refused(self, name: str, branches: int) -> None:
        """Note that a filter refuses some."""
        self._now[name] = self._now.get(name, 0) | branches

    def taken(self, number: int) -> None:
        """Keep what was noted, for somebody took the signal."""
        self._known[number] = self._now

    def why(self, number: int, bit: int) -> str:
        """Return what kept a branch from a signal: a filter, that its slot was busy, or ""."""
        for name, branches in self._known.get(number, {}).items():
            if branches & bit:
                return name
        return ""
