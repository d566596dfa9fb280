"""Planted effects: how soon they are found, how often one reads as none, whether a verdict lapses.

A fifth of the signals is blocked, and what is blocked is worse by the effect; the passed signals of
the desk earn nothing on average.
"""

from __future__ import annotations

from dataclasses import dataclass

from research.calibration.limits import Limit, planted
from research.calibration.signals import World

SHARE = 0.20
# The planted effect that reads EQUIVALENT by mistake is as large as the margin.
AT_MARGIN = "-0.3 R"
SKEWED, NORMAL = "skew", "normal"


@dataclass(frozen=True)
class Planted:
    """A desk with limits whose effect is known; `sheet_days` by limit, 80 % decided by then."""

    world: World
    limits: tuple[Limit, ...]
    sheet_days: tuple[int | None, ...]

    @property
    def blocked_a_day(self) -> float:
        """Signals blocked a day."""
        return self.world.signals_a_day * SHARE


def _planted(law: str, blocked: int, days: int, effects: dict[float, int | None]) -> Planted:
    world = World(f"{blocked} a day, {law}", blocked / SHARE, days, law=law, wild_scale=1.0)
    return Planted(world, planted(tuple(effects), SHARE), tuple(effects.values()))


PLANTED = (
    _planted(NORMAL, 1, 420, {-0.5: 230}),
    _planted(NORMAL, 4, 365, {-0.3: 153, -0.5: 78, 0.5: None}),
    _planted(NORMAL, 12, 365, {-0.2: 110, -0.3: 70, -0.5: 45, 0.3: None}),
    _planted(SKEWED, 1, 650, {-0.5: 381}),
    _planted(SKEWED, 4, 450, {-0.3: 251, -0.5: 116, 0.5: None}),
    _planted(SKEWED, 12, 365, {-0.2: 190, -0.3: 100, -0.5: 54, 0.3: None}),
)  # fmt: skip

# A limit that chooses well for half a year and badly for the other half.
TURNING = World("turning", 40.0, 365)
TURNS = (Limit("turns", planted((0.0,), SHARE)[0].rule, effect_r=-0.6, turns=True),)
