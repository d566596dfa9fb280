"""Intervals drawn as bars on one axis, so that rows can be compared at a glance."""

from __future__ import annotations

from collections.abc import Iterable
from math import ceil, log10

from msgspec import Struct

CELLS = 25
ZERO, THIN, THICK, DOT = "┊", "─", "━", "●"
ENDS, BEYOND = "├┤", "‹›"


class Bar(Struct, frozen=True):
    """An estimate in USD a day; the thick part is true for one look, the thin for any day."""

    at: float
    low: float
    high: float
    any_low: float | None = None
    any_high: float | None = None

    @property
    def reach(self) -> float:
        """Return how far from zero it goes."""
        ends = (self.low, self.high, self.any_low, self.any_high, self.at)
        return max(abs(end) for end in ends if end is not None)


class Axis(Struct, frozen=True):
    """An axis from −`end` to `end`, with zero in its middle."""

    end: float

    def place(self, value: float) -> int:
        """Return the cell of a value, one beyond an end where it is not on the axis."""
        half = CELLS // 2
        return min(max(half + round(value / self.end * half), -1), CELLS)

    def head(self) -> str:
        """Return the numbers above the axis: both ends, and zero over its line."""
        low, high, half = _short(-self.end), _short(self.end), CELLS // 2
        return f"{low}{'0'.rjust(half + 1 - len(low))}{high.rjust(CELLS - half - 1)}"

    def draw(self, bar: Bar | None) -> str:
        """Return a bar in its cells; the zero line alone where nothing is shown yet."""
        cells = [" "] * CELLS
        cells[CELLS // 2] = ZERO
        if bar is None:
            return "".join(cells)
        if bar.any_low is not None and bar.any_high is not None:
            self._fill(cells, bar.any_low, bar.any_high, THIN)
        self._fill(cells, bar.low, bar.high, THICK)
        for end, sign in zip((bar.any_low, bar.any_high), ENDS, strict=True):
            if end is not None and 0 <= self.place(end) < CELLS:
                cells[self.place(end)] = sign
        lowest = bar.low if bar.any_low is None else bar.any_low
        highest = bar.high if bar.any_high is None else bar.any_high
        if self.place(lowest) < 0:
            cells[0] = BEYOND[0]
        if self.place(highest) >= CELLS:
            cells[-1] = BEYOND[1]
        if 0 <= self.place(bar.at) < CELLS:
            cells[self.place(bar.at)] = DOT
        return "".join(cells)

    def _fill(self, cells: list[str], low: float, high: float, sign: str) -> None:
        first, last = max(self.place(low), 0), min(self.place(high), CELLS - 1)
        cells[first : last + 1] = [sign] * (last + 1 - first)


def axis_of(decided: Iterable[Bar], others: Iterable[Bar]) -> Axis:
    """Return an axis that holds what is decided, or everything where nothing is.

    Its end is 1, 2, 4 or 8 times a power of ten, so that it stays as it is from day to day.
    """
    reach = max((bar.reach for bar in (list(decided) or list(others))), default=1.0)
    power = 10.0 ** ceil(log10(max(reach, 1e-6)) - 1)
    return Axis(next(step * power for step in (1, 2, 4, 8, 10) if step * power >= reach))


def _short(value: float) -> str:
    return f"{value:+,.10g}".replace("-", "−")
