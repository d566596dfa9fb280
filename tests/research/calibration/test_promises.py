"""What the rule promises, in small; every break of the rule must break a promise."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache

import numpy as np
import pytest

from quant.inference.selection import SEEN_MIN
from research.calibration import rule, whole_days
from research.calibration.booking import Booked, book
from research.calibration.cells import CELLS
from research.calibration.limits import HARD, PLAIN, Limit
from research.calibration.power import TURNING, TURNS
from research.calibration.rule import DayRows, Floats, Known, Looks, Running
from research.calibration.signals import World, draw
from shadow.report.terms import Terms

TERMS = Terms()
BY_BOT = World("by bot", 24.0, 180, bots_r=0.4)
HARSH = World("harsh", 9.6, law="harsh", desk_r=-0.3)
COOLDOWN = World("cooldown", 36.0, 365, wild_scale=1.0)
DECAY = next(cell.world for cell in CELLS if cell.world.name == "decay")
TOGETHER = whole_days.Cell("normal", 0.6, ())


def of(limits: tuple[Limit, ...], *names: str) -> tuple[Limit, ...]:
    return tuple(limit for limit in limits if not names or limit.name in names)


@cache
def made(world: World, limits: tuple[Limit, ...], histories: int) -> Booked:
    rng = np.random.default_rng(5)
    return book(world, draw(world, histories, rng), limits, histories, rng)


def looks(world: World, limits: tuple[Limit, ...], histories: int) -> Looks:
    return rule.look(made(world, limits, histories).rows, TERMS)


def spoken(found: Looks) -> float:
    """Return the share of histories in which any limit had a verdict, but for EQUIVALENT."""
    said = (found.verdict == rule.PROTECTIVE) | (found.verdict == rule.RESTRICTIVE)
    return float(said.any(axis=(0, 2)).mean())


def covered(found: Looks) -> float:
    """Return the share of single looks at choice, on the last day, that hold zero."""
    last = Running(*(getattr(found.choice, key)[-1] for key in Running.__dataclass_fields__))
    low, high = rule.single(last, TERMS)
    return float(((low <= 0.0) & (high >= 0.0)).mean())


def bots_that_differ_are_no_choice() -> bool:
    return spoken(looks(BY_BOT, of(PLAIN, "by bot, falling", "two worst bots"), 6)) == 0.0


def rare_winners_decide_nothing() -> bool:
    found = looks(HARSH, of(PLAIN), 20)
    return float((found.shown & (found.choice_sign != 0)).any(axis=(0, 2)).mean()) <= 0.05


def days_that_hang_together_are_covered() -> bool:
    rng = np.random.default_rng(5)
    return float(whole_days.covered(TOGETHER, 150, (180, 365), rng, TERMS).min()) >= 0.9


def losers_that_set_a_limit_off_are_no_yardstick() -> bool:
    return covered(looks(COOLDOWN, of(PLAIN, "cooldown", "cooldown, four bots"), 12)) >= 0.85


def a_verdict_lapses_with_what_it_rests_on() -> bool:
    found = looks(TURNING, TURNS, 8)
    protective = found.verdict == rule.PROTECTIVE
    assert protective.any(axis=0).mean() >= 0.9
    return float(protective[-1].mean()) <= 0.1


def means_and_rates_that_drift_together_are_no_choice() -> bool:
    return covered(looks(DECAY, of(HARD, "step", "ramp"), 16)) >= 0.85


def pooled(rows: DayRows, terms: Terms) -> Known:
    """Take the past of all bots for that of each."""
    totals = [
        rule.before(x).sum(axis=-1, keepdims=True)
        for x in (rows.judged, rows.judged_r, rows.blocked)
    ]
    judged, judged_r, blocked = (np.repeat(x, len(rows.division), axis=-1) for x in totals)
    base = np.maximum(judged, 1.0)
    return Known(blocked / base, judged_r / base, judged >= SEEN_MIN)


def without_guard(rows: DayRows) -> tuple[Floats, Floats]:
    return np.zeros_like(rows.best), np.zeros_like(rows.worst)


def kappa_of_one(sums: Running, terms: Terms) -> Floats:
    return np.ones_like(sums.u)


def same_day(totals: Floats) -> Floats:
    return totals


def never_lapsing(
    sums: Running, alpha: float, up: Floats, down: Floats, terms: Terms
) -> tuple[Floats, Floats]:
    """Return the intersection of all intervals so far."""
    kc2 = rule.inflation(sums, terms) * rule.c2_anytime(sums.days, alpha, terms)
    low, high = rule.interval(sums, kc2, up, down)
    return np.maximum.accumulate(low, axis=0), np.minimum.accumulate(high, axis=0)


def without_odds(rows: DayRows, found: Known, terms: Terms) -> Floats:
    return np.ones(rows.blocked.shape[:-1])


@pytest.mark.parametrize(
    ("promise", "place", "broken"),
    [
        (bots_that_differ_are_no_choice, "known", pooled),
        (rare_winners_decide_nothing, "guards", without_guard),
        (days_that_hang_together_are_covered, "inflation", kappa_of_one),
        (losers_that_set_a_limit_off_are_no_yardstick, "before", same_day),
        (a_verdict_lapses_with_what_it_rests_on, "anytime", never_lapsing),
        (means_and_rates_that_drift_together_are_no_choice, "odds", without_odds),
    ],
)
def test_a_rule_that_is_broken_breaks_its_promise(
    promise: Callable[[], bool],
    place: str,
    broken: Callable[..., object],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    assert promise()
    monkeypatch.setattr(rule, place, broken)
    assert not promise()
