"""Figures of a calibration: rates with their bounds, and which promises they keep."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from msgspec import Struct
from scipy.special import betaincinv

from research.calibration.cells import LOOKS, Cell
from research.calibration.limits import CONTROL
from research.calibration.power import AT_MARGIN, Planted
from research.calibration.rule import PROTECTIVE, Bools, Floats
from research.calibration.study import Found, limits_of
from research.calibration.tally import NEVER, Series, Tally

FALSE_MAX, CONTROL_MIN, COVERAGE = 0.02, 0.99, (0.93, 0.97)
FOUND_SHARE, EFFECT = 0.8, -0.3
DELAY_DAYS = 14
TABLE_HISTORIES = 240
# A limit counts in a coverage when so many of its histories pass the gate.
SHOWN_MIN = 0.5
# Value a day is no constant where rates or means move with the days.
MOVING = ("ramp", "step", "on and off", "fills")


class Coverage(Struct, frozen=True):
    """Share of single looks at 95 % that hold the truth: mean over limits, and the lowest one.

    `error` is the standard error of the mean, by histories.
    """

    cell: str
    of: str
    day: int
    mean: float
    error: float
    lowest: float
    lowest_limit: str
    limits: int
    promised: bool


class Miss(Struct, frozen=True):
    """Share of years in which an interval for any day (α 0.05) missed the truth on some day."""

    cell: str
    of: str
    mean: float
    highest: float
    highest_limit: str


class FalseVerdicts(Struct, frozen=True):
    """Desk-years with any verdict on a worthless limit; `upper` bounds are one-sided, 95 %."""

    cell: str
    signals_a_day: float
    law: str
    days: int
    limits: int
    desk_years: int
    any: int
    share: float
    upper: float
    choice_alone: float
    choice_alone_upper: float
    sheet: float | None


class Power(Struct, frozen=True):
    """Days until 80 % of histories were decided rightly, None beyond `horizon`; 95 % bounds."""

    blocked_a_day: float
    effect_r: float
    law: str
    histories: int
    horizon: int
    decided: float
    days: int | None
    days_low: int | None
    days_high: int | None
    sheet_days: int | None


class Equivalent(Struct, frozen=True):
    """Share that read EQUIVALENT by a day, of a limit that is worthless or planted."""

    cell: str
    limit: str
    truth_r: float
    by_day: dict[str, float]


class Control(Struct, frozen=True):
    """Share of years in which the coin stayed UNDETERMINED or EQUIVALENT; `lower` is 95 %."""

    cell: str
    share: float
    lower: float


class Lapse(Struct, frozen=True):
    """Share of limits that were PROTECTIVE in the half year in which they were, and at the end."""

    then: float
    at_the_end: float


class WholeDay(Struct, frozen=True):
    """Coverage of single looks at a series whose days hang together."""

    law: str
    correlation: float
    by_day: dict[str, float]
    sheet: dict[str, float]


class Promise(Struct, frozen=True):
    """A promise, whether it is kept (None: too few histories to say) and what was worst."""

    promise: str
    kept: bool | None
    worst: str


class Figures(Struct, frozen=True):
    """Everything the calibration found."""

    histories: int
    days: int
    seed: int
    coverage: list[Coverage]
    whole_day: list[WholeDay]
    anytime_miss: list[Miss]
    false_verdicts: list[FalseVerdicts]
    power: list[Power]
    equivalent: list[Equivalent]
    control_undetermined: list[Control]
    lapse: Lapse
    promises: list[Promise]


def upper_bound(hits: int, of: int, level: float = 0.95) -> float:
    """Return the one-sided bound of Clopper & Pearson (1934) on a share."""
    return 1.0 if hits >= of else float(betaincinv(hits + 1.0, of - hits, level))


def lower_bound(hits: int, of: int, level: float = 0.95) -> float:
    """Return the one-sided lower bound on a share."""
    return 1.0 - upper_bound(of - hits, of, level)


def figures(found: Found, histories: int, days: int, seed: int) -> Figures:
    """Return what a study comes to."""
    cells = found.cells
    coverage = [row for cell, seen in cells for row in _coverage(cell, seen)]
    false = [_false(cell, seen) for cell, seen in cells]
    power = [row for one, seen in found.planted for row in _power(one, seen)]
    control = [_control(cell, seen) for cell, seen in cells]
    names = [str(day) for day in LOOKS]
    whole = [
        WholeDay(
            cell.law,
            cell.correlation,
            dict(zip(names, by_day, strict=True)),
            dict(zip(names, cell.sheet, strict=True)),
        )
        for cell, by_day in found.whole_days
    ]
    turning = found.turning
    lapse = Lapse(
        float((turning.protective < NEVER).mean()), float((turning.last == PROTECTIVE).mean())
    )
    return Figures(
        histories, days, seed, coverage, whole,
        [row for cell, seen in cells for row in _misses(cell, seen)],
        false, power,
        [*(row for c, seen in cells for row in _equal(c, seen)), *_at_margin(found.planted)],
        control, lapse, _promises(coverage, false, power, control),
    )  # fmt: skip


def _names(cell: Cell) -> list[str]:
    return [limit.name for limit in limits_of(cell.world.limits)]


def _worthless(cell: Cell, *, beside: Sequence[str] = ()) -> list[int]:
    """Return the places of limits that choose nothing there."""
    left_out = {*cell.selective, *beside}
    return [k for k, name in enumerate(_names(cell)) if name not in left_out]


def _steady(cell: Cell) -> bool:
    world = cell.world
    return not (world.common_sd or world.bot_regime_sd or world.decay)


def _coverage(cell: Cell, seen: Tally) -> list[Coverage]:
    truth = np.zeros((1, seen.value_truth.shape[1]))
    rows = _covered(cell, "S", seen.choice, truth, _worthless(cell, beside=["fills"]))
    if _steady(cell):
        truth = seen.value_truth.mean(axis=0, keepdims=True)
        rows += _covered(cell, "V", seen.value, truth, _worthless(cell, beside=MOVING))
    return rows


def _covered(
    cell: Cell, of: str, series: Series, truth: Floats, limits: list[int]
) -> list[Coverage]:
    rows, names = [], _names(cell)
    for low, high, day in zip(series.low, series.high, LOOKS, strict=False):
        shown = np.isfinite(low)
        inside = shown & (low <= truth) & (high >= truth)
        counted = [k for k in limits if shown[:, k].mean() >= SHOWN_MIN]
        shares = {k: float(inside[:, k].sum() / shown[:, k].sum()) for k in counted}
        if shares:
            worst = min(shares, key=lambda k: shares[k])
            mean = sum(shares.values()) / len(shares)
            rows.append(
                Coverage(
                    cell.world.name, of, day, mean, _error(inside, shown, counted),
                    shares[worst], names[worst], len(shares), cell.coverage,
                )
            )  # fmt: skip
    return rows


def _error(inside: Bools, shown: Bools, counted: list[int]) -> float:
    """Return the standard error of a coverage; limits of one history hang together."""
    inside, shown = inside[:, counted], shown[:, counted]
    share = inside.sum() / shown.sum()
    beside = inside.sum(axis=1) - share * shown.sum(axis=1)
    return float(np.sqrt((beside**2).sum()) / shown.sum())


def _misses(cell: Cell, seen: Tally) -> list[Miss]:
    rows, names = [], _names(cell)
    value_truth = seen.value_truth.mean(axis=0, keepdims=True)
    asked = [("S", seen.choice, np.zeros_like(value_truth), _worthless(cell, beside=["fills"]))]
    if _steady(cell):
        asked.append(("V", seen.value, value_truth, _worthless(cell, beside=MOVING)))
    for of, series, truth, limits in asked:
        missed = (series.highest_low > truth) | (series.lowest_high < truth)
        shares = missed.mean(axis=0)[limits]
        worst = int(shares.argmax())
        name = names[limits[worst]]
        rows.append(Miss(cell.world.name, of, float(shares.mean()), float(shares[worst]), name))
    return rows


def _false(cell: Cell, seen: Tally) -> FalseVerdicts:
    limits = _worthless(cell)
    verdicts = np.minimum(seen.protective, seen.restrictive)[:, limits]
    n, hits = len(verdicts), int((verdicts.min(axis=1) < NEVER).sum())
    of_choice = int((seen.choice_decided[:, limits].min(axis=1) < NEVER).sum())
    world = cell.world
    return FalseVerdicts(
        world.name, world.signals_a_day, world.law, world.days, len(limits), n, hits, hits / n,
        upper_bound(hits, n), of_choice / n, upper_bound(of_choice, n), cell.sheet,
    )  # fmt: skip


def _power(one: Planted, seen: Tally) -> list[Power]:
    from scipy.stats import binom  # noqa: PLC0415 - takes half a second, and only this needs it

    rows = []
    for k, (limit, sheet) in enumerate(zip(one.limits, one.sheet_days, strict=True)):
        right = seen.protective if limit.effect_r < 0.0 else seen.restrictive
        days = np.sort(right[:, k])
        n = len(days)
        ranks = [np.ceil(FOUND_SHARE * n), *binom.ppf((0.025, 0.975), n, FOUND_SHARE)]
        at = [int(days[min(max(int(rank), 1), n) - 1]) for rank in ranks]
        middle, low, high = (day if day < NEVER else None for day in at)
        rows.append(
            Power(
                one.blocked_a_day, limit.effect_r, one.world.law, n, one.world.days,
                float((days < NEVER).mean()), middle, low, high, sheet,
            )
        )  # fmt: skip
    return rows


def _equal(cell: Cell, seen: Tally) -> list[Equivalent]:
    by_day = {
        str(day): float(found[:, 0].mean()) for day, found in zip(LOOKS, seen.equal, strict=False)
    }
    return [Equivalent(cell.world.name, CONTROL.name, 0.0, by_day)]


def _at_margin(planted: Sequence[tuple[Planted, Tally]]) -> list[Equivalent]:
    rows = []
    for one, seen in planted:
        for k, limit in enumerate(one.limits):
            if limit.name == AT_MARGIN:
                share = float((seen.like_a_coin[:, k] < NEVER).mean())
                by_day = {str(one.world.days): share}
                rows.append(Equivalent(one.world.name, limit.name, limit.effect_r, by_day))
    return rows


def _control(cell: Cell, seen: Tally) -> Control:
    quiet = np.minimum(seen.protective, seen.restrictive)[:, 0] == NEVER
    n, hits = len(quiet), int(quiet.sum())
    return Control(cell.world.name, hits / n, lower_bound(hits, n))


def _promises(
    coverage: list[Coverage], false: list[FalseVerdicts], power: list[Power], control: list[Control]
) -> list[Promise]:
    worst = max(false, key=lambda row: row.upper)
    # Between the share and its bound lies what more histories would tell.
    kept = True if worst.upper <= FALSE_MAX else False if worst.share > FALSE_MAX else None
    looks = [row for row in coverage if row.promised and row.of == "S"]
    off = max(looks, key=_beyond, default=None)
    planted = [row for row in power if row.effect_r == EFFECT and row.sheet_days is not None]
    late = max(planted, key=_lateness)
    least = min(control, key=lambda row: row.share)
    told = f"{off.cell}, day {off.day}: {off.mean:.1%} ± {off.error:.1%}" if off else "none shown"
    return [
        Promise(
            f"any false verdict in a desk-year: upper bound at most {FALSE_MAX:.0%}",
            kept,
            f"{worst.cell}: {worst.any} of {worst.desk_years}, at most {worst.upper:.2%}",
        ),
        Promise(
            f"single looks at S hold the truth in {COVERAGE[0]:.0%} to {COVERAGE[1]:.0%}",
            None if off is None else _beyond(off) <= 0.0,
            told,
        ),
        Promise(
            f"the coin stays UNDETERMINED or EQUIVALENT in at least {CONTROL_MIN:.0%} of years",
            least.share >= CONTROL_MIN,
            f"{least.cell}: {least.share:.1%}",
        ),
        Promise(
            f"0.3 R is found within the days of the table and {DELAY_DAYS} of booking",
            _lateness(late) <= 0.0,
            f"{late.blocked_a_day:g} a day, {late.law}: {late.days or 'over ' + str(late.horizon)}"
            f" days ({late.sheet_days} in the table)",
        ),
    ]


def _lateness(row: Power) -> float:
    """Return by how many days more than chance explains an effect is found late.

    Both figures are quantiles of a sample; that of the table came from 240 histories.
    """
    if row.days is None or row.days_low is None or row.days_high is None:
        return float("inf")
    half = (row.days_high - row.days_low) / 2.0
    chance = half * float(np.sqrt(1.0 + row.histories / TABLE_HISTORIES))
    return row.days - (row.sheet_days or 0) - DELAY_DAYS - chance


def _beyond(row: Coverage) -> float:
    """Return how far a coverage lies outside what is promised, beyond two standard errors."""
    return max(COVERAGE[0] - row.mean, row.mean - COVERAGE[1]) - 2.0 * row.error
