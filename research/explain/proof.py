"""Account of what was checked on the way from a figure to what it rests on."""

from __future__ import annotations

from typing import Any

from msgspec import Struct, field

NEAR = 1e-9


class Difference(Struct, frozen=True):
    """What a row says of something, and what the rows below it make."""

    link: str
    of: str
    says: Any
    made: Any


class Proof(Struct):
    """Links that were checked, by their name, those that do not hold, and what was not checked."""

    checked: dict[str, int] = field(default_factory=dict)
    differs: list[Difference] = field(default_factory=list)
    unchecked: list[str] = field(default_factory=list)

    def equal(self, link: str, of: str, says: Any, made: Any, near: float = NEAR) -> None:
        """Check one link: whole numbers, words and None must be the same, others nearly so."""
        self.checked[link] = self.checked.get(link, 0) + 1
        if not same(says, made, near):
            self.differs.append(Difference(link, of, says, made))

    def skip(self, why: str) -> None:
        """Say once that something could not be checked."""
        if why not in self.unchecked:
            self.unchecked.append(why)


def same(says: Any, made: Any, near: float) -> bool:
    """Say whether two values are the same but for the last digits of sums."""
    if isinstance(says, float) or isinstance(made, float):
        if says is None or made is None:
            return False
        return bool(abs(says - made) <= near * (1.0 + abs(made)))
    return bool(says == made)
