from __future__ import annotations

import random
from collections.abc import Callable
from math import inf, nan

import pytest
from msgspec import structs

from shadow.report.fold import REPAIRED
from shadow.report.measured import Evidence, ValueDay
from shadow.report.terms import Terms
from shadow.report.verdict import (
    COIN,
    EQUIVALENT,
    PROTECTIVE,
    RESTRICTIVE,
    UNDETERMINED,
    VALUE,
    Ruling,
    decide,
    look,
)
from tests.support.evidence import Signal, day_of, evidence_of, worked

SIX = {"abs": 6e-7, "rel": 0.0}


def ruled(signals: list[Signal], values: list[float] | None = None, **told: object) -> Ruling:
    return decide("limit", evidence_of(signals, values, **told))


def steady(
    days: int, *, blocked: float, passed: float, bots: int = 2, noise: float = 0.5
) -> list[Signal]:
    """Return signals of which a quarter is blocked, with means of their own."""
    dice = random.Random(11)
    return [
        Signal(day, f"b{bot}", dice.gauss(blocked if i == 0 else passed, noise), i == 0)
        for day in range(days)
        for bot in range(bots)
        for i in range(4)
    ]


# The worked example.


def test_twelve_days_of_the_worked_example_show_nothing_yet() -> None:
    found = decide("limit", worked(12))
    assert (found.verdict, found.kind) == (UNDETERMINED, "")
    assert found.reason == "too early: 10 of 20 trading days"
    assert found.sentence == "Too early: 10 of 20 trading days."
    hidden = (found.selection, found.slow, found.value)
    assert all(one.single is None for one in hidden)
    assert found.selection.anytime is found.value.anytime is None
    assert found.selection.limit_now == found.value.limit_now == inf


def test_sixty_days_of_the_worked_example_are_protective() -> None:
    found = decide("limit", worked(60))
    assert (found.verdict, found.kind, found.mixed) == (PROTECTIVE, "", False)
    s, v = found.selection, found.value
    assert (s.r, s.n_eff, s.limit_now) == pytest.approx((-0.557558, 53.729445, 0.395006), **SIX)
    assert s.single == pytest.approx((-0.691271, -0.416398), **SIX)
    assert s.anytime == pytest.approx((-0.858154, -0.127863), **SIX)
    assert (v.r, v.n_eff, v.limit_now) == pytest.approx((0.991667, 60, 0.868991), **SIX)
    assert v.single == pytest.approx((0.606641, 1.376692), **SIX)
    assert v.anytime == pytest.approx((0.219235, 1.653169), **SIX)
    assert found.slow.single == pytest.approx((-0.694899, -0.418797), **SIX)
    assert (s.days_to_go, v.days_to_go, found.days_to_go) == (0, 0, 0)
    assert found.sentence.startswith("What limit blocked would have earned 0.56 R less per trade")
    assert (found.booked.blocked, found.warnings) == (155, ())


def test_the_day_of_the_verdict_is_near_the_day_foretold() -> None:
    seen = {days: decide("limit", worked(days)) for days in range(24, 61, 4)}
    first = next(days for days, found in seen.items() if found.verdict == PROTECTIVE)
    early = seen[first - 8]
    assert early.days_to_go is not None
    assert 1 <= early.days_to_go <= 24
    waits = (early.selection.days_to_go, early.value.days_to_go)
    assert early.days_to_go == max(wait for wait in waits if wait is not None)
    by = day_of(2 * (first - 8) - 1)
    assert early.sentence.endswith(f"R by {by}.") or "what that is worth" in early.sentence


# One verdict after the other.


@pytest.mark.parametrize(
    ("blocked", "passed", "value", "verdict", "kind", "mixed"),
    [
        (-0.8, 0.3, 1.5, PROTECTIVE, "", False),
        (0.8, -0.3, -1.5, RESTRICTIVE, "", False),
        (0.1, 0.1, 0.0, EQUIVALENT, COIN, False),
        (-0.8, 0.3, 0.0, UNDETERMINED, "", False),
        (-0.8, 0.3, -1.5, UNDETERMINED, "", True),
        (0.8, -0.3, 1.5, UNDETERMINED, "", True),
    ],
)
def test_both_choice_and_value_must_speak(
    blocked: float, passed: float, value: float, verdict: str, kind: str, mixed: bool
) -> None:
    dice = random.Random(3)
    values = [dice.gauss(value, 1.0) for _ in range(120)]
    found = ruled(steady(120, blocked=blocked, passed=passed), values)
    assert (found.verdict, found.kind, found.mixed) == (verdict, kind, mixed)


def test_choice_alone_says_what_is_still_unknown() -> None:
    dice = random.Random(3)
    values = [dice.gauss(0.0, 3.0) for _ in range(120)]
    found = ruled(steady(120, blocked=-0.8, passed=0.3), values)
    assert found.reason == "its choice is decided, what that is worth is not"
    assert "What it blocked is worse than what it let through" in found.sentence
    assert f"{found.value.limit_now:.2f} R a day could not be seen" in found.sentence


def test_a_coin_that_saves_money_is_told_to_trade_smaller() -> None:
    found = ruled(steady(200, blocked=-0.4, passed=-0.4))
    assert (found.verdict, found.kind) == (EQUIVALENT, COIN)
    assert "It saves 0.7" in found.sentence or "It saves 0.8" in found.sentence
    assert "trading smaller would do the same" in found.sentence


def test_a_limit_without_worth_is_equivalent_in_value_whatever_it_chooses() -> None:
    """Where it blocks so seldom choice is not shown; sixty days are enough for value."""
    signals = [Signal(d, "a", 0.5, i < 15 and d % 30 == 0) for d in range(90) for i in range(16)]
    values = [0.02 if d % 2 else -0.02 for d in range(90)]
    found = ruled(signals, values)
    assert (found.verdict, found.kind) == (EQUIVALENT, VALUE)
    assert found.selection.anytime is None
    assert found.value.anytime is not None
    assert found.sentence == "With or without limit the desk earns the same to within 0.25 R a day."
    # The simulator's bias is no hindrance to it; fewer days or blocks are.
    assert ruled(signals, values, bias_within=False).kind == VALUE
    assert ruled(signals, values[:59]).verdict == UNDETERMINED
    few = [one._replace(blocked=one.blocked and one.day < 60) for one in signals]
    assert sum(one.blocked for one in few) == 30
    assert ruled(few, values).kind == VALUE
    few = [one._replace(blocked=one.blocked and 0 < one.day < 60) for one in signals]
    assert ruled(few, values).verdict == UNDETERMINED


def test_margins_are_those_of_the_series() -> None:
    signals = steady(120, blocked=0.1, passed=0.1)
    values = [0.0] * 119 + [0.001]
    narrow = Terms(margin_s_r=0.05, margin_v_r=0.001)
    assert ruled(signals, values).kind == COIN
    assert ruled(signals, values, terms=Terms(margin_s_r=0.05)).kind == VALUE
    assert ruled(signals, values, terms=narrow).verdict == UNDETERMINED
    assert "to within 0.40 R" in ruled(signals, values, terms=Terms(margin_s_r=0.4)).sentence


# The gate.


def test_nothing_is_shown_before_twenty_effective_days() -> None:
    found = {
        days: ruled(steady(days, blocked=-5.0, passed=5.0, noise=0.01)) for days in range(18, 30)
    }
    shown = [days for days, one in found.items() if one.selection.anytime is not None]
    assert shown == [days for days, one in found.items() if one.selection.n_eff >= 20.0]
    assert 20 < shown[0] <= 23
    assert all(one.verdict == UNDETERMINED for days, one in found.items() if days < shown[0])
    before = found[shown[0] - 1]
    assert before.selection.days_to_go in (1, 2)
    assert before.selection.r is before.slow.r is None


def test_blocks_on_few_days_are_few_days() -> None:
    """A limit that shuts the desk for whole days knows what days with blocks tell."""
    dice = random.Random(9)
    signals = [
        Signal(d, "a", dice.gauss(0.0, 1.0), d % 3 == 0) for d in range(55) for _ in range(12)
    ]
    found = ruled(signals)
    assert found.selection.n_eff > 20.0
    assert found.reason == "too early: 19 of 20 trading days with blocks"
    assert found.selection.anytime is None


def test_fewer_than_thirty_blocked_signals_are_too_few() -> None:
    signals = [
        Signal(d, "a", 0.3 * (i % 3), i == 0 and d < 40) for d in range(10, 60) for i in range(6)
    ]
    found = ruled(signals)
    assert found.booked.blocked == 30
    assert found.reason != "too early: 30 of 30 blocked signals"
    found = ruled(signals, terms=Terms(blocked_min=31, n_eff_min=15.0))
    assert found.reason == "too early: 30 of 31 blocked signals"
    assert found.days_to_go is None or found.days_to_go > 0


def test_no_verdict_while_the_simulators_bias_may_be_large() -> None:
    found = decide("limit", worked(60, bias_within=False))
    assert found.verdict == UNDETERMINED
    assert found.sentence == "No verdict: the simulator's bias is not known to be small."
    assert found.selection.anytime is not None


# Edges.


@pytest.mark.parametrize("days", [0, 1, 100])
def test_a_limit_that_never_blocked_has_nothing_to_say(days: int) -> None:
    signals = [Signal(d, "a", 1.0, False) for d in range(days) for _ in range(5)]
    found = ruled(signals, [0.0] * days, through=day_of(max(days - 1, 0)))
    assert (found.verdict, found.days_to_go) == (UNDETERMINED, None)
    assert found.sentence == "It has not blocked anything yet."
    assert found.selection.single is found.selection.anytime is found.value.anytime is None


def test_a_limit_of_whose_blocks_none_counts_yet_is_not_told_that_it_blocked_nothing() -> None:
    found = ruled([], [0.0], through=day_of(0), stopped=12)
    assert found.sentence == "None of its own blocks has closed yet."


def test_what_is_not_booked_yet_is_provisional() -> None:
    signals = [Signal(d, "a", 1.0, d > 10) for d in range(20)]
    found = ruled(signals, [0.0] * 5, through=day_of(4))
    assert found.reason == "the 9 signals it blocked are not booked yet"
    assert (found.provisional.judged, found.provisional.blocked_r) == (15, 9.0)
    assert found.booked.judged == 5


def test_equal_days_show_no_interval_of_one_look() -> None:
    signals = [Signal(d, "a", -1.0 if i == 0 else 0.0, i == 0) for d in range(60) for i in range(4)]
    found = ruled(signals, [1.0] * 60)
    assert found.value.single is None
    assert found.value.anytime is not None
    assert found.value.anytime.low > 0.0


def test_one_huge_day_makes_no_verdict() -> None:
    signals = steady(90, blocked=0.0, passed=0.0)
    signals += [Signal(89, "b0", -1000.0, True)]
    found = ruled(signals)
    assert found.verdict == UNDETERMINED
    assert found.selection.anytime is None or found.selection.anytime.high > 0.0


def test_rows_that_hold_no_numbers_are_refused_and_counted() -> None:
    evidence = worked(60)
    broken = structs.replace(evidence.judged[7], judged_r=nan)
    found = decide(
        "limit",
        structs.replace(
            evidence,
            judged=[*evidence.judged, broken],
            value=[*evidence.value, ValueDay(day_of(60), nan)],
        ),
    )
    assert found.refused == 1
    found = decide("limit", structs.replace(evidence, judged=[*evidence.judged, broken]))
    assert (found.refused, found.verdict) == (1, PROTECTIVE)


def test_the_number_of_the_series_stands_on_it() -> None:
    found = decide("limit", worked(60, series_number=3))
    assert found.series_number == 3
    assert found.warnings[0].startswith("series 3 of this limit")
    assert decide("limit", worked(60)).warnings == ()


def test_a_window_is_one_look_and_no_verdict() -> None:
    evidence = worked(120)
    window = look(evidence, day_of(60))
    choice, value = window.selection, window.value
    whole = decide("limit", evidence)
    assert choice.single is not None
    assert whole.selection.single is not None
    assert value.n_eff == 60
    width = [bounds.high - bounds.low for bounds in (choice.single, whole.selection.single)]
    assert width[0] > width[1]
    assert window.slow.r is not None and window.slow.r != choice.r
    assert (window.booked.blocked, window.days) == (look(evidence, "").booked.blocked / 2, 60)
    assert look(evidence, day_of(110)).selection.single is None


def test_a_limit_that_falls_silent_keeps_its_verdict_and_its_pace_slows() -> None:
    evidence = worked(40)
    later = decide("limit", structs.replace(evidence, through=day_of(79)))
    now = decide("limit", evidence)
    assert now.selection.r == later.selection.r
    assert later.selection.days == 80
    assert later.selection.days_to_go >= now.selection.days_to_go  # type: ignore[operator]


# Warnings.


def test_days_that_are_not_independent_are_said() -> None:
    values = [2.0 if d // 15 % 2 else -2.0 for d in range(120)]
    found = ruled(steady(120, blocked=0.0, passed=0.0), values)
    assert [text for text in found.warnings if text.startswith("days are not independent: value")]
    assert not ruled(steady(120, blocked=0.0, passed=0.0)).warnings


def test_a_winner_far_beyond_the_median_is_said() -> None:
    signals = [*steady(60, blocked=0.0, passed=0.0), Signal(59, "b0", 15.1, False)]
    assert "15 R where the median is 1.00 R" in ruled(signals, median_r=1.0).warnings[0]
    assert ruled(signals, median_r=1.1).warnings == ()
    assert ruled(signals).warnings == ()


# Trades that were repaired.


def repaired(evidence: Evidence, pick: Callable[[str], bool]) -> Evidence:
    judged = [
        structs.replace(row, sample=REPAIRED) if pick(row.day) else row for row in evidence.judged
    ]
    return structs.replace(evidence, judged=judged)


def test_repaired_trades_may_agree_with_a_verdict_but_not_make_it() -> None:
    evidence = worked(120)
    some = repaired(evidence, lambda day: day < day_of(20))
    assert decide("limit", some).verdict == PROTECTIVE
    most = repaired(evidence, lambda day: day >= day_of(30))
    found = decide("limit", most)
    assert found.verdict == UNDETERMINED
    assert found.reason == (
        "with repaired trades and trades with gaps it reads PROTECTIVE, without them UNDETERMINED"
    )
    assert found.sentence == f"No verdict: {found.reason}."
    # The figures are of all of them.
    assert found.selection == decide("limit", evidence).selection


def test_repaired_days_of_value_count_as_well() -> None:
    evidence = worked(60)
    value = [structs.replace(row, repaired=1) for row in evidence.value]
    found = decide("limit", structs.replace(evidence, value=value))
    assert (found.verdict, "without them UNDETERMINED" in found.reason) == (UNDETERMINED, True)


# What comparing with the trades admitted on the same days gets wrong: PROTECTIVE for the bots, the
# one twin and the delay, RESTRICTIVE for the cooldown, and a sixth of its effect in observe.


def test_a_limit_that_blocks_the_poorer_bot_more_often_is_not_protective() -> None:
    """Simpson: within each bot it is a coin; the bots together look like choice."""
    dice = random.Random(2)
    signals = [
        Signal(day, bot, dice.gauss(mean, 1.0), dice.random() < rate)
        for day in range(180)
        for bot, rate, mean in (("good", 0.1, 0.4), ("poor", 0.6, -0.6))
        for _ in range(5)
    ]
    found = ruled(signals)
    assert (found.verdict, found.kind) == (EQUIVALENT, COIN)
    assert found.value.anytime is not None
    assert found.value.anytime.low > 0.0
    assert "trading smaller would do the same" in found.sentence


def test_one_twin_is_no_comparison() -> None:
    """Twenty-five blocked days, and a single signal that was let through."""
    dice = random.Random(4)
    signals = [Signal(d, "a", dice.gauss(-0.6, 0.5), True) for d in range(25) for _ in range(2)]
    found = ruled([*signals, Signal(3, "a", 2.0, False)])
    assert found.verdict == UNDETERMINED
    assert found.selection.n_eff < 5.0
    assert found.no_counterpart == 1.0


def test_a_cooldown_is_not_held_against_the_losers_that_set_it_off() -> None:
    """After a stop-out the next signal is blocked: days with blocks are days with losers."""
    dice = random.Random(5)
    signals = []
    for day in range(250):
        first, second = (-1.0 if dice.random() < 0.5 else 1.8 for _ in range(2))
        signals += [Signal(day, "a", first, False), Signal(day, "a", second, first < 0.0)]
    found = ruled(signals)
    assert found.verdict == UNDETERMINED
    assert found.selection.single is not None
    assert found.selection.single.low < 0.0 < found.selection.single.high
    assert abs(found.selection.r or 9.0) < 0.25


def test_an_observed_limit_is_held_against_what_it_passes_alone() -> None:
    """It fails most signals, all of which trade: among all trades its choice would drown."""
    dice = random.Random(6)
    signals = []
    for day in range(60):
        for _ in range(12):
            fails = dice.random() < 0.85
            signals.append(Signal(day, "a", dice.gauss(-0.25 if fails else 0.75, 1.0), fails))
    found = ruled(signals)
    assert found.verdict == PROTECTIVE
    assert found.selection.r == pytest.approx(-1.0, abs=0.25)


def test_a_limit_that_only_delays_is_no_protection() -> None:
    """The same trade a little later and a hair better: no choice, and worth next to nothing."""
    dice = random.Random(8)
    signals = []
    values = [0.0] * 200
    for day in range(200):
        for _ in range(4):
            delayed = dice.random() < 0.25
            signals.append(Signal(day, "a", dice.gauss(0.15, 1.0), delayed))
            values[day] += dice.gauss(0.03, 0.05) if delayed else 0.0
    found = ruled(signals, values)
    assert found.verdict == EQUIVALENT
    assert found.sentence.startswith("limit chooses no better") or found.kind == VALUE


# All limits of a desk, every day.


def test_random_limits_get_no_verdict_though_one_looks_every_day() -> None:
    """Ten desks of four worthless limits, 150 daily looks each."""
    for seed in range(10):
        dice = random.Random(seed)
        limits: list[list[Signal]] = [[] for _ in range(4)]
        for day in range(150):
            market = dice.gauss(-0.2, 0.4)
            for bot in ("a", "b"):
                for _ in range(3):
                    r = market + (5.0 if dice.random() < 0.08 else dice.gauss(-0.3, 0.7))
                    for rate, signals in zip((0.05, 0.15, 0.3, 0.5), limits, strict=True):
                        signals.append(Signal(day, bot, r, dice.random() < rate))
        for signals in limits:
            evidence = evidence_of(signals)
            for days in range(25, 150, 5):
                found = decide("limit", structs.replace(evidence, through=day_of(days)))
                assert found.verdict in (UNDETERMINED, EQUIVALENT)
