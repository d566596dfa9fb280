"""Cells of the calibration: the worlds that are run, beside what the rule was promised to do."""

from __future__ import annotations

from dataclasses import dataclass

from research.calibration.signals import World

# Days at which single looks are counted.
LOOKS = (60, 90, 180, 365)
# Limits that choose indeed where means of days hang together, and are not counted there.
UNDER_REGIMES = ("cooldown", "brake")


@dataclass(frozen=True)
class Cell:
    """A world, with the limits that are not worthless in it.

    `sheet` is the share of desk-years with a false verdict that was measured before the rule was
    built, None where nobody had simulated it. `coverage` says whether 93–97 % of single looks are
    promised here.
    """

    world: World
    sheet: float | None
    coverage: bool = True
    selective: tuple[str, ...] = ()


# Wild days are no wider there: widths are the trades' own.
HARD = {"hold_days": 2.8, "wild_scale": 1.0, "wide_scale": 2.0}


def _plain(name: str, rate: float, law: str, rho: float = 0.0, desk: float = 0.0) -> World:
    return World(name, rate, law=law, correlation=rho, desk_r=desk)


def _hard(name: str, rate: float, **traits: float | bool | int | tuple[int, int]) -> World:
    world = World(name, rate, bots=26, divisions=5, law="stops", bots_r=0.1, limits="hard")
    return World(**{**world.__dict__, **HARD, **traits})


CELLS = (
    Cell(_plain("few signals, normal", 3.6, "normal"), 0.0),
    Cell(_plain("few signals, skewed", 3.6, "skew", 0.3, -0.15), 0.0005),
    Cell(_plain("normal", 9.6, "normal"), 0.0),
    Cell(_plain("t(3), days together", 9.6, "t3", 0.3), 0.0),
    Cell(_plain("skewed, losing desk", 9.6, "skew", 0.0, -0.3), 0.001),
    Cell(_plain("skewed, days together", 9.6, "skew", 0.3), 0.002),
    Cell(_plain("harsh", 9.6, "harsh"), 0.0005, coverage=False),
    Cell(_plain("many signals, skewed", 24.0, "skew", 0.3, 0.15), 0.005),
    Cell(_plain("many signals, close days", 24.0, "skew", 0.6, -0.3), 0.0033),
    Cell(_plain("many signals, harsh", 24.0, "harsh"), 0.0, coverage=False),
    Cell(_hard("held for days", 12.0), 0.0),
    Cell(_hard("held longer", 12.0, hold_days=5.6), 0.0),
    Cell(_hard("events", 27.0, events=True), 0.0),
    Cell(_hard("few signals, many bots", 4.0), 0.0),
    # A limit that avoids the worse coins chooses well.
    Cell(_hard("coins differ", 12.0, coins_r=0.2), 0.0, selective=("by coin",)),
    Cell(
        _hard("drift", 12.0, common_sd=0.35, bot_regime_sd=0.25),
        0.0,
        selective=UNDER_REGIMES,
    ),
    Cell(
        _hard("drift, many signals", 27.0, common_sd=0.35, bot_regime_sd=0.25),
        0.0,
        selective=UNDER_REGIMES,
    ),
    Cell(_hard("decay", 27.0, decay=0.3), 0.0, selective=("brake",)),
    Cell(
        _hard("joint", 27.0, joint=True, events=True, common_sd=0.25),
        0.0,
        coverage=False,
        selective=UNDER_REGIMES,
    ),
    Cell(_hard("slots", 27.0, slots=8, hold_days=1.0), None),
    Cell(
        _hard("slots, drift", 27.0, slots=8, hold_days=1.0, common_sd=0.35, bot_regime_sd=0.25),
        None,
        selective=UNDER_REGIMES,
    ),
    Cell(
        _hard(
            "long regimes", 27.0, common_sd=0.35, bot_regime_sd=0.25, regime_days=(60, 180)
        ),
        None,
        selective=UNDER_REGIMES,
    ),
    Cell(
        _hard("three years", 12.0, days=1095, common_sd=0.35, bot_regime_sd=0.25),
        None,
        selective=UNDER_REGIMES,
    ),
    Cell(
        _hard(
            "three years, long regimes", 12.0, days=1095, common_sd=0.35, bot_regime_sd=0.25,
            regime_days=(60, 180),
        ),
        None,
        selective=UNDER_REGIMES,
    ),
)  # fmt: skip
