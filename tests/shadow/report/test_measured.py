from __future__ import annotations

from math import inf, nan

import pytest
from msgspec import structs

from quant.inference.anytime import Guard
from quant.inference.selection import no_counterpart
from shadow.report.fold import CLEAN, REPAIRED, JudgedDay
from shadow.report.measured import Evidence, ValueDay, measure
from tests.support.evidence import Signal, day_of, evidence_of, worked


def test_the_worked_example_measured() -> None:
    found = measure(worked(60))
    assert found.choice.booked.blocked == 155
    assert found.choice.blocked_days == pytest.approx(51.445396, abs=6e-7)
    assert (found.days, found.value_days, found.refused, found.repaired) == (60, 60, 0, 0)
    assert (found.guard, found.value_guard) == (Guard(up=4.6, down=1.3), Guard(up=1.3, down=4.6))
    assert found.choice.selection.estimate == pytest.approx(-0.557558, abs=6e-7)
    assert found.choice.slow.estimate == pytest.approx(-0.560584, abs=6e-7)
    assert found.value.estimate == pytest.approx(0.991667, abs=6e-7)


def test_the_order_in_which_rows_come_does_not_matter() -> None:
    evidence = worked(40)
    turned = structs.replace(evidence, judged=evidence.judged[::-1], value=evidence.value[::-1])
    one, other = measure(evidence), measure(turned)
    assert other.choice.selection.u == pytest.approx(one.choice.selection.u)
    assert (other.value, other.choice.blocked_days) == (one.value, one.choice.blocked_days)


def test_nothing_of_days_to_come_is_in_the_sums() -> None:
    """A trade is booked 14 days after it opened at the earliest: later rows are provisional."""
    evidence = worked(40)
    found = measure(structs.replace(evidence, through=day_of(29)))
    before = measure(worked(30))
    assert (found.choice.selection, found.value, found.choice.booked) == (
        before.choice.selection, before.value, before.choice.booked,
    )  # fmt: skip
    assert (found.days, found.value_days) == (30, 30)
    assert (
        found.provisional.blocked
        == measure(evidence).choice.booked.blocked - before.choice.booked.blocked
        > 0
    )


def test_a_lost_day_has_no_row_and_ends_what_days_have_to_do_with_each_other() -> None:
    evidence = worked(40)
    judged = [row for row in evidence.judged if row.day != day_of(20)]
    value = [row for row in evidence.value if row.day != day_of(20)]
    found = measure(structs.replace(evidence, judged=judged, value=value))
    assert found.value.h == 39
    whole = measure(evidence)
    by_day = {row.day: row.r or 0.0 for row in evidence.value}
    gone = by_day[day_of(20)] * (by_day[day_of(19)] + by_day[day_of(21)])
    assert found.value.lag_uu == pytest.approx(whole.value.lag_uu - gone)
    assert found.value.lag_hh == whole.value.lag_hh - 2


def test_idle_days_count_for_value_and_weigh_nothing_in_selection() -> None:
    signals = [Signal(day, "a", 1.0, day % 4 == 0) for day in range(0, 60, 2) for _ in range(3)]
    found = measure(evidence_of(signals, [0.0] * 59))
    assert found.value.days == 59
    assert found.choice.selection.days < 30


def test_both_samples_of_a_bot_are_one_bots_day() -> None:
    signals = [Signal(d, "a", float(i - 1), i == 0) for d in range(30) for i in range(4)]
    split = [one._replace(sample=REPAIRED) if i % 3 == 0 else one for i, one in enumerate(signals)]
    whole, both = measure(evidence_of(signals)), measure(evidence_of(split))
    assert both.choice.selection == whole.choice.selection
    assert both.choice.booked == whole.choice.booked
    assert (
        (both.choice.best, both.choice.worst)
        == (whole.choice.best, whole.choice.worst)
        == (2.0, 1.0)
    )
    assert both.repaired == 40
    clean = measure(evidence_of(split), clean=True)
    assert clean.choice.booked.judged == 80
    assert clean.repaired == 0


def test_without_repaired_trades_their_days_are_no_days_of_value() -> None:
    value = [ValueDay(day_of(d), 1.0, repaired=int(d == 4)) for d in range(10)]
    evidence = Evidence([], value, day_of(9), bias_within=True)
    assert measure(evidence).value.h == 10
    clean = measure(evidence, clean=True)
    assert (clean.value.h, clean.value.lag_hh) == (9, 7)


@pytest.mark.parametrize("field", ["judged_r", "blocked_r", "best_r", "worst_r"])
@pytest.mark.parametrize("value", [nan, inf])
def test_a_row_that_holds_no_number_is_refused_and_counted(field: str, value: float) -> None:
    evidence = worked(20)
    row = structs.replace(evidence.judged[-1], **{field: value})
    broken = structs.replace(evidence, judged=[*evidence.judged[:-1], row])
    without = structs.replace(evidence, judged=evidence.judged[:-1])
    found = measure(broken)
    assert found.refused == 1
    assert found.choice.selection == measure(without).choice.selection


def test_a_value_that_is_no_number_is_refused_and_one_unknown_is_no_row() -> None:
    value = [ValueDay(day_of(0), 1.0), ValueDay(day_of(1), nan), ValueDay(day_of(2), None)]
    found = measure(Evidence([], value, day_of(9), bias_within=True))
    assert (found.value.h, found.refused, found.value_days) == (1, 1, 10)


def test_a_window_keeps_rates_and_means_of_the_whole_series() -> None:
    evidence = worked(60)
    late = measure(evidence, since=day_of(30))
    early = measure(structs.replace(evidence, through=day_of(29)))
    whole = measure(evidence)
    assert late.choice.selection.u == pytest.approx(
        whole.choice.selection.u - early.choice.selection.u
    )
    assert late.choice.selection.h == pytest.approx(
        whole.choice.selection.h - early.choice.selection.h
    )
    assert late.value.u == pytest.approx(whole.value.u - early.value.u)
    assert (late.days, late.value_days) == (30, 30)


def test_bots_that_are_always_blocked_are_told_apart() -> None:
    row = JudgedDay(
        "a", "d", 20, 0.0, 20, 0.0, day=day_of(0), sample=CLEAN, best_r=1.0, worst_r=0.0
    )
    other = JudgedDay(
        "b", "d", 20, 0.0, 5, 0.0, day=day_of(0), sample=CLEAN, best_r=1.0, worst_r=0.0
    )
    found = measure(Evidence([row, other], [], day_of(0), bias_within=True))
    assert no_counterpart(found.choice.known.bots.values()) == 0.8
