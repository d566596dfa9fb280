"""Signs of the live screen, in Unicode or in ASCII where the terminal shows nothing else.

Taken is solid, blocked is hollow; a state has a shape, so that no meaning hangs on colour alone.
"""

from __future__ import annotations

from msgspec import Struct

from daemon.screen.terminal import shows


class Glyphs(Struct, frozen=True):
    """One sign each; `bars` are the levels of a line, lowest first."""

    good: str
    warn: str
    bad: str
    long: str
    short: str
    blocked_long: str
    blocked_short: str
    closed: str
    phantom: str
    observing: str
    rule: str
    more: str
    minus: str
    bars: str


UNICODE = Glyphs("●", "▲", "■", "▲", "▼", "△", "▽", "○", "◌", "°", "─", "⋯", "−", "▁▂▃▄▅▆▇█")
ASCII = Glyphs("*", "!", "#", "L", "S", "l", "s", "o", "~", "'", "-", "...", "-", "_.:-=+*#")


def glyphs() -> Glyphs:
    """Return the signs that standard output can show."""
    every = "".join(getattr(UNICODE, name) for name in UNICODE.__struct_fields__)
    return UNICODE if shows(every) else ASCII


def sparkline(values: list[float], width: int, bars: str) -> str:
    """Return values as one line of bars, newest at the right; each bar is the last of its share.

    Fewer values than bars leave the line shorter: nothing is drawn where nothing was measured.
    """
    if not values or width <= 0:
        return ""
    shown = min(width, len(values))
    picked = [values[(at + 1) * len(values) // shown - 1] for at in range(shown)]
    low, high = min(picked), max(picked)
    if high == low:
        return bars[0] * shown
    step = (len(bars) - 1) / (high - low)
    return "".join(bars[round((value - low) * step)] for value in picked)
