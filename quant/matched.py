"""A plain limit to hold another against: it blocks the highest values of one figure, as often.

Its threshold on a day is the quantile of earlier days' values that matches the rate at which the
other limit blocked on earlier days. What it knows of a day it knows from the days before alone, so
nothing of the outcomes is in it. A limit worth its parameters chooses better than this one does.
"""

from __future__ import annotations

from math import floor, isfinite

from msgspec import Struct, field

# Values are counted in steps; beyond the ends they count as the ends.
STEP = 0.02
REACH = 10.0
SEEN_MIN = 30
NEVER = 10**9


class Matched(Struct):
    """Counts of earlier days' values, by step, and of what the other limit judged and blocked.

    `new`, `new_judged` and `new_blocked` are of `day`, the newest, which does not count yet. It
    blocks from the step `lowest` on; beyond every step while the other has blocked nothing.
    """

    steps: dict[int, int] = field(default_factory=dict)
    judged: int = 0
    blocked: int = 0
    day: int = 0
    new: list[int] = field(default_factory=list)
    new_judged: int = 0
    new_blocked: int = 0
    lowest: int = NEVER

    def judge(self, day: int, value: float, *, blocked: bool) -> bool | None:
        """Return whether it blocks a value that the other limit judged; None while it cannot tell.

        `day` is an ordinal that never goes back; a value that is no number is not judged.
        """
        if not isfinite(value):
            return None
        if day > self.day:
            self._end_day(day)
        step = floor(max(-REACH, min(value, REACH)) / STEP)
        self.new.append(step)
        self.new_judged += 1
        self.new_blocked += blocked
        return step >= self.lowest if self.judged >= SEEN_MIN else None

    def _threshold(self) -> int:
        room = self.blocked
        lowest = NEVER
        for step in sorted(self.steps, reverse=True):
            count = self.steps[step]
            # The step that would go over is taken when that comes nearer to the rate.
            if room <= 0 or count > 2 * room:
                break
            room -= count
            lowest = step
        return lowest

    def _end_day(self, day: int) -> None:
        for step in self.new:
            self.steps[step] = self.steps.get(step, 0) + 1
        self.judged += self.new_judged
        self.blocked += self.new_blocked
        self.day, self.new, self.new_judged, self.new_blocked = day, [], 0, 0
        self.lowest = self._threshold()
