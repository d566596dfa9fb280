"""A plain limit to hold others against: it blocks the highest values of one figure, as often.

For each limit its threshold on a day is the quantile of earlier days' values that matches the rate
at which that limit blocked on earlier days. What it knows of a day it knows from the days before
alone, so nothing of the outcomes is in it. A limit worth its parameters chooses better.
"""

from __future__ import annotations

from collections.abc import Mapping
from math import floor, isfinite
from typing import NamedTuple

from msgspec import Struct, field

# Values are counted in steps; beyond the ends they count as the ends.
STEP = 0.05
REACH = 10.0
SEEN_MIN = 30
NEVER = 10**9


class Rate(Struct):
    """How often a limit judged and blocked on earlier days, and on the newest, which is `new`.

    The plain limit beside it blocks from the step `lowest` on.
    """

    judged: int = 0
    blocked: int = 0
    new_judged: int = 0
    new_blocked: int = 0
    lowest: int = NEVER


class Answers(NamedTuple):
    """For which limits the plain one answered, and for which of them it blocked."""

    judged: tuple[int, ...]
    blocked: tuple[int, ...]


NO_ANSWERS = Answers((), ())


class Matched(Struct):
    """Counts of earlier days' values by step, those of the newest `day`, and limits by number."""

    day: int = 0
    steps: dict[int, int] = field(default_factory=dict)
    new: dict[int, int] = field(default_factory=dict)
    rates: dict[int, Rate] = field(default_factory=dict)

    def judge(self, day: int, value: float, blocked: Mapping[int, bool]) -> Answers:
        """Return what it says to a value that limits judged, given whether each blocked it.

        `day` is an ordinal that never goes back. A value that is no number is not judged, and
        nothing is beside a limit of which too little was seen.
        """
        if not isfinite(value):
            return NO_ANSWERS
        if day > self.day:
            self._end_day(day)
        step = floor(max(-REACH, min(value, REACH)) / STEP)
        self.new[step] = self.new.get(step, 0) + 1
        judged, above = [], []
        for number, hit in blocked.items():
            rate = self.rates.get(number)
            if rate is None:
                rate = self.rates[number] = Rate()
            rate.new_judged += 1
            rate.new_blocked += hit
            if rate.judged >= SEEN_MIN:
                judged.append(number)
                if step >= rate.lowest:
                    above.append(number)
        return Answers(tuple(judged), tuple(above))

    def _end_day(self, day: int) -> None:
        for step, count in self.new.items():
            self.steps[step] = self.steps.get(step, 0) + count
        self.day, self.new = day, {}
        downward = sorted(self.steps.items(), reverse=True)
        seen = sum(self.steps.values())
        for rate in self.rates.values():
            rate.judged += rate.new_judged
            rate.blocked += rate.new_blocked
            rate.new_judged = rate.new_blocked = 0
            rate.lowest = _lowest(downward, seen * rate.blocked / rate.judged)


def _lowest(downward: list[tuple[int, int]], room: float) -> int:
    """Return the step from which on so many of the values lie, as nearly as steps allow."""
    lowest = NEVER
    for step, count in downward:
        # The step that would go over is taken when that comes nearer.
        if room <= 0.0 or count > 2.0 * room:
            break
        room -= count
        lowest = step
    return lowest
