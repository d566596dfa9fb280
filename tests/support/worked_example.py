"""The worked example of the verdict: two bots of one division, twelve days, tiled for longer."""

from __future__ import annotations

from quant.inference.selection import BotDay

# A day each: judged, their R, blocked, their R.
X = (
    (4, -1.2, 2, -1.6), (5, 0.8, 1, -0.9), (3, -0.5, 0, 0.0), (6, 2.1, 2, -0.4),
    (4, -2.0, 1, -1.0), (5, 1.5, 2, 0.3), (7, -1.8, 3, -2.2), (3, 0.9, 1, 1.4),
    (4, 0.2, 1, -1.1), (6, -0.6, 2, -1.3), (5, 3.2, 1, 0.6), (4, -1.4, 2, -1.9),
)  # fmt: skip
Y = (
    (6, 1.1, 1, 0.7), (5, -0.4, 0, 0.0), (8, 2.6, 2, -1.2), (4, 0.3, 1, -0.8),
    (7, -3.1, 1, -1.0), (6, 1.9, 0, 0.0), (5, 0.7, 2, 0.9), (9, -1.5, 1, -1.2),
    (6, 2.2, 1, 0.1), (5, -2.3, 2, -2.1), (8, 1.4, 1, -0.5), (7, 0.6, 1, 1.3),
)  # fmt: skip
BEST, WORST = 4.6, 1.3


def bots_of(day: int) -> list[BotDay]:
    """Return the rows of both bots on a day, counted from 0."""
    y = Y[(day + 5 * (day // 12)) % 12]
    return [BotDay("x", "only", *X[day % 12]), BotDay("y", "only", *y)]


def value_of(day: int) -> float:
    """Return what the limit is worth on a day: what it blocked, turned over."""
    return -sum(row.blocked_r for row in bots_of(day))
