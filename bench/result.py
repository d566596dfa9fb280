"""Result of a measurement: figures, the goals they are held against, what both sides did."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(frozen=True)
class Figure:
    """One number. `must` and `stretch` are goals; `lower` says that less is better.

    `rounds` holds the values of the single rounds when `value` is their median.
    """

    what: str
    value: float
    unit: str = ""
    must: float | None = None
    stretch: float | None = None
    lower: bool = False
    rounds: tuple[float, ...] = ()

    def text(self) -> str:
        """Return the value with its unit, and the range of the rounds."""
        unit = self.unit if self.unit in ("", "x", "%") else f" {self.unit}"
        text = f"{number(self.value)}{unit}"
        if len(self.rounds) > 1:
            text += f" ({number(min(self.rounds))} to {number(max(self.rounds))})"
        return text

    def verdict(self) -> str:
        """Say whether the goal is met, or by how much it is missed; "" without a goal."""
        if self.must is None:
            return ""
        sign = "<=" if self.lower else ">="
        unit = self.unit if self.unit == "x" else f" {self.unit}"
        goal = f"must {sign} {self.must:g}{unit}".rstrip()
        if self.stretch is not None:
            goal += f", stretch {sign} {self.stretch:g}"
        if not self.met:
            short = abs(self.value - self.must) / self.must
            return f"{goal}: MISSED by {short:.0%}"
        if self.stretch is not None and self._reaches(self.stretch):
            return f"{goal}: stretch met"
        return f"{goal}: met"

    @property
    def met(self) -> bool:
        """Say whether what must be reached is reached; a figure without a goal always is."""
        return self.must is None or self._reaches(self.must)

    def _reaches(self, goal: float) -> bool:
        return self.value <= goal if self.lower else self.value >= goal


@dataclass
class Result:
    """One measurement. `counts` show that the sides compared did the same work."""

    title: str
    goal: str = ""
    figures: list[Figure] = field(default_factory=list)
    counts: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    def value(self, what: str) -> float:
        """Return the figure of that name."""
        return next(f.value for f in self.figures if f.what == what)


def number(value: float) -> str:
    """Return a number with three significant digits, thousands apart."""
    if abs(value) >= 100:
        return f"{value:,.0f}"
    return f"{value:.3g}"
