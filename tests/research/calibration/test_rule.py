from __future__ import annotations

from datetime import date, timedelta

import numpy as np
import pytest

from quant.inference import anytime
from quant.inference.anytime import Sums
from quant.inference.selection import BotDay, Selection
from research.calibration.booking import book
from research.calibration.limits import HARD, PLAIN
from research.calibration.rule import (
    COIN,
    PROTECTIVE,
    RESTRICTIVE,
    UNDETERMINED,
    VALUE,
    DayRows,
    Running,
    c2_anytime,
    c2_single,
    choice,
    look,
    running,
    single,
)
from research.calibration.rule import anytime as anytime_of
from research.calibration.signals import World, draw
from shadow.report.fold import CLEAN, JudgedDay
from shadow.report.measured import Evidence, ValueDay
from shadow.report.terms import Terms
from shadow.report.verdict import decide
from tests.support.worked_example import bots_of

TERMS = Terms()
NAMES = {UNDETERMINED: "UNDETERMINED", PROTECTIVE: "PROTECTIVE", RESTRICTIVE: "RESTRICTIVE"}
NAMES |= {COIN: "EQUIVALENT coin", VALUE: "EQUIVALENT value"}
START = date(2026, 1, 1)
FEW = World("few", signals_a_day=6.0, days=200, bots=8, divisions=2, law="skew", missing=0.1)
HOLDS = World(
    "holds", 14.0, 200, 8, 2, law="stops", hold_days=2.8, joint=True, limits="hard", missing=0.1
)


def rows_of(world: World, histories: int, seed: int) -> DayRows:
    rng = np.random.default_rng(seed)
    limits = HARD if world.limits == "hard" else PLAIN
    return book(world, draw(world, histories, rng), limits, histories, rng).rows


def evidence(rows: DayRows, history: int, limit: int, through: int) -> Evidence:
    """Return the same rows as the report reads them, up to a day."""
    one = min(limit, rows.judged.shape[2] - 1)
    judged, value = [], []
    extreme = min(limit, rows.best.shape[2] - 1)
    for number in range(through + 1):
        day = (START + timedelta(number)).isoformat()
        for bot in range(rows.judged.shape[3]):
            at, here = (number, history, one, bot), (number, history, limit, bot)
            if rows.judged[at]:
                judged.append(
                    JudgedDay(
                        bot=f"bot {bot}",
                        division=f"division {rows.division[bot]}",
                        judged=int(rows.judged[at]),
                        judged_r=float(rows.judged_r[at]),
                        blocked=int(rows.blocked[here]),
                        blocked_r=float(rows.blocked_r[here]),
                        day=day,
                        sample=CLEAN,
                        best_r=float(rows.best[number, history, extreme]),
                        worst_r=float(rows.worst[number, history, extreme]),
                    )
                )
        if rows.run[number, history]:
            value.append(ValueDay(day, float(rows.value[number, history, limit])))
    return Evidence(judged, value, (START + timedelta(through)).isoformat(), bias_within=True)


@pytest.mark.parametrize(("world", "seed"), [(FEW, 1), (HOLDS, 2)])
def test_the_rule_of_many_is_the_rule_of_one(world: World, seed: int) -> None:
    rows = rows_of(world, 3, seed)
    found = look(rows, TERMS)
    best, worst = found.up, found.down
    ends = (
        (single(found.choice, TERMS), anytime_of(found.choice, TERMS.alpha_s, best, worst, TERMS)),
        (single(found.value, TERMS), anytime_of(found.value, TERMS.alpha_v, worst, best, TERMS)),
    )
    compared = 0
    for limit in range(rows.blocked.shape[2]):
        for history, day in ((0, 60), (1, 120), (2, 199)):
            at = (day, history, limit)
            ruling = decide("it", evidence(rows, history, limit, day))
            told = f"{ruling.verdict} {ruling.kind}".strip()
            assert told == NAMES[int(found.verdict[at])]
            assert ruling.selection.n_eff == pytest.approx(found.choice.days[at], rel=1e-9)
            for estimate, sums, both in zip(
                (ruling.selection, ruling.value), (found.choice, found.value), ends, strict=True
            ):
                if estimate.r is not None:
                    assert estimate.r == pytest.approx(sums.estimate[at], rel=1e-9, abs=1e-9)
                for told_of, (low, high) in zip(
                    (estimate.single, estimate.anytime), both, strict=True
                ):
                    if told_of is not None:
                        compared += 1
                        here = (low[at], high[at])
                        assert tuple(told_of) == pytest.approx(here, rel=1e-9, abs=1e-9)
    assert compared > 5


def test_every_sum_and_interval_is_that_of_one_series() -> None:
    rng = np.random.default_rng(3)
    u, h = rng.standard_normal(120), rng.random(120) * (rng.random(120) < 0.9)
    there = rng.random(120) < 0.9
    u, h = np.where(there, u, 0.0), np.where(there, h, 0.0)
    found = running(u[:, None, None], h[:, None, None])
    sums, last = Sums(), -2
    for day in np.flatnonzero(there):
        sums.add(u[day], h[day], adjacent=last == day - 1)
        last = day
    for name in Running.__dataclass_fields__:
        assert getattr(found, name)[-1, 0, 0] == pytest.approx(getattr(sums, name), rel=1e-12)
    for days in (1.5, 12.0, 53.7, 365.0):
        for alpha in (TERMS.alpha_s, TERMS.alpha_v, TERMS.alpha_eq):
            many = c2_anytime(np.array(days), alpha, TERMS)
            assert float(many) == pytest.approx(anytime.c2_anytime(days, alpha), rel=1e-12)
        many = c2_single(np.array(days))
        assert float(many) == pytest.approx(anytime.c2_single(days), rel=1e-9)


def test_rows_of_the_worked_example() -> None:
    days = [bots_of(day) for day in range(60)]

    def of(name: str) -> np.ndarray:
        return np.array([[[[getattr(b, name) for b in day]]] for day in days], dtype=np.float64)

    nothing = np.zeros((60, 1, 1))
    rows = DayRows(
        of("judged"), of("judged_r"), of("blocked"), of("blocked_r"), nothing, nothing, nothing,
        np.ones((60, 1), dtype=np.bool_), np.array([0, 0]),
    )  # fmt: skip
    found = choice(rows, TERMS)
    known = Selection()
    u = h = 0.0
    for number, day in enumerate(days):
        row = known.add(number, day)
        u, h = u + row.u, h + row.h
        assert found.u[number, 0, 0] == pytest.approx(u, abs=1e-9)
        assert found.h[number, 0, 0] == pytest.approx(h, abs=1e-9)
    assert (u, h) == pytest.approx((-63.678615, 114.209892), abs=6e-7)
    assert isinstance(days[0][0], BotDay)
