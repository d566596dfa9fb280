"""Table of lens readings, in words and rows."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from daemon.sheet.series import Seen

LIST_SHOWN = 6
SERIES_COLUMNS = ("lens", "value", "null rank", "reference", "says")

Row = tuple[str, ...]


def series_rows(found: list[Seen], asks: Mapping[str, str]) -> list[Row]:
    """Return rows of `SERIES_COLUMNS`: what was asked beside the value, or why there is none."""
    return [
        (
            seen.reading.lens,
            figure(seen.reading.value),
            share(seen.null_rank),
            figure(seen.reference),
            "; ".join(seen.reading.flags) or asks[seen.reading.lens],
        )
        for seen in found
    ]


def measure_lines(measures: Mapping[str, Any]) -> list[str]:
    """Return a line for each further measure; long lists are cut, and say how long they are."""
    width = max((len(name) for name in measures), default=0)
    return [f"  {name.ljust(width)}  {_short(value)}" for name, value in measures.items()]


def _short(value: Any) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if value is None or isinstance(value, int | float):
        return figure(value)
    if isinstance(value, list | tuple):
        shown = ", ".join(_short(v) for v in value[:LIST_SHOWN])
        more = f", … ({len(value)})" if len(value) > LIST_SHOWN else ""
        return f"[{shown}{more}]"
    return str(value)


def figure(value: float | None, digits: int = 6) -> str:
    """Return a number to so many digits, a dash for none."""
    return "–" if value is None else f"{value:.{digits}g}"


def share(value: float | None) -> str:
    """Return a rank to three digits, a dash for none."""
    return "–" if value is None else f"{value:.3f}"


def age(ms: int) -> str:
    """Return a time span for a person: 40 s, 12 min, 5 h, 3 d."""
    seconds = ms / 1000.0
    for unit, size, limit in (("s", 1.0, 120.0), ("min", 60.0, 7200.0), ("h", 3600.0, 172_800.0)):
        if seconds < limit:
            return f"{seconds / size:.0f} {unit}"
    return f"{seconds / 86_400.0:.0f} d"
