"""Differences of two desks that heard the same: trade by trade, and why.

What two desks made differs only by trades that one of them lacks, and by those they have in
another size. Each is put down to the first thing that kept the desk from it. The sum of all is
the difference of what the desks made, to the micro-dollar.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Literal, get_args

from msgspec import Struct, field

from daemon.backtest.partings import BUSY

Cause = Literal["admitted", "other_cap", "cooldown", "drawdown", "busy_slot", "size", "other"]
CAUSES: tuple[Cause, ...] = get_args(Cause)
# Limits that are causes of their own.
OWN: dict[str, Cause] = {"cooldown": "cooldown", "drawdown": "drawdown"}


class Holding(Struct):
    """What a desk made of a signal, open trades at their last mark (micro-USDC)."""

    lots: int
    net_e6: int
    is_open: bool = False


class Part(Struct):
    """One cause: what the desk with the limit gains by it, and how much of that is still open.

    `only_with` and `only_without` count the trades that one desk alone has.
    """

    value_e6: int = 0
    open_e6: int = 0
    only_with: int = 0
    only_without: int = 0

    def add(self, mine: Holding | None, other: Holding | None) -> None:
        """Add a signal of which the desk with the limit made the first, the other the second."""
        for sign, held in ((1, mine), (-1, other)):
            if held is not None:
                self.value_e6 += sign * held.net_e6
                self.open_e6 += sign * held.net_e6 * held.is_open
        self.only_with += other is None
        self.only_without += mine is None


class Differences(Struct):
    """Parts by cause; those of other caps by the filter too."""

    parts: dict[Cause, Part] = field(default_factory=lambda: {cause: Part() for cause in CAUSES})
    other_caps: dict[str, Part] = field(default_factory=dict)

    @property
    def value_e6(self) -> int:
        """Return what all come to."""
        return sum(part.value_e6 for part in self.parts.values())


# Why the desk with the limit, or the one without it, did not take a signal by its number.
Why = Callable[[int], str]


def differences(
    limit: str,
    mine: Mapping[int, Holding],
    other: Mapping[int, Holding],
    why_not_mine: Why,
    why_not_other: Why,
    rules: frozenset[str],
) -> Differences:
    """Return where a desk with a limit, the first, and the same without it differ."""
    found = Differences()
    for number in sorted(mine.keys() | other.keys()):
        a, b = mine.get(number), other.get(number)
        if a is not None and b is not None:
            cause: Cause = "other" if a.lots == b.lots else "size"
            found.parts[cause].add(a, b)
            continue
        reason = why_not_mine(number) if a is None else why_not_other(number)
        cause = _cause(reason, limit if a is None else "", rules)
        found.parts[cause].add(a, b)
        if cause == "other_cap":
            found.other_caps.setdefault(reason, Part()).add(a, b)
    return found


def _cause(reason: str, limit: str, rules: frozenset[str]) -> Cause:
    """Return the cause that a reason is of; `limit` is what the desk that lacks the trade has."""
    if reason == BUSY:
        return "busy_slot"
    if not reason or reason in rules:
        return "other"
    if reason == limit:
        return "admitted"
    return OWN.get(reason, "other_cap")
