"""Watcher of branches: who is told which of them took a signal, and why the others did not."""

from __future__ import annotations

from typing import Protocol


class Watcher(Protocol):
    """One that asks to be told; branches are given as masks. Nobody pays for one that is absent."""

    def heard(self, ready: int) -> None:
        """Learn for which branches a signal may be an entry; on the others its slot is busy."""

    def refused(self, name: str, branches: int) -> None:
        """Learn which branches a filter refuses the signal; the first that does is the only one."""

    def taken(self, number: int) -> None:
        """Learn that branches took the signal, and the number that their trades of it share."""
