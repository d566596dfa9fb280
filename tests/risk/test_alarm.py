from __future__ import annotations

from bisect import insort

import pytest
from hypothesis import given
from hypothesis import strategies as st

from market.decision import Check, Mode
from market.instrument import MIN_NOTIONAL_E6
from market.lenses import SLOT_MS, History
from risk.alarm import Action, Rule, act, judge
from risk.gate import fold
from tests.support.shadow import SOL, Scripted, make_proposal

RULE = Rule(enter=2.0, leave=1.0, percentile=0.9, history_min=8)
FIGURES = st.lists(st.sampled_from([0.0, 0.5, 1.0, 1.5, 2.0, 2.5, 3.0, 9.0]), max_size=60)


def test_an_alarm_that_cuts_says_so_and_one_that_refuses_does_not() -> None:
    found = {}
    for action in ("cut", "block"):
        for mode in ("enforce", "observe"):
            f = Scripted("alarm", mode)  # type: ignore[arg-type]
            numbers = {"cut_to": 0.5, "value": 2.0, "threshold": 1.0, "reason": "wild"}
            check = act(f, make_proposal(), action=action, **numbers)  # type: ignore[arg-type]
            found[action, mode] = check.outcome, check.cuts
    assert found == {
        ("cut", "enforce"): ("pass", True),
        ("cut", "observe"): ("fail", False),
        ("block", "enforce"): ("fail", False),
        ("block", "observe"): ("fail", False),
    }


def slot_ms(number: int) -> int:
    return number * SLOT_MS


def judged(figures: list[float], rule: Rule = RULE) -> list[tuple[bool, float]]:
    """Return the judgement at each figure, one a slot, in the order in which they come."""
    history, said = History(), []
    for number, figure in enumerate(figures, 1):
        history.add(slot_ms(number), figure)
        said.append(judge(history, slot_ms(number), figure, rule))
    return said


def walked(figures: list[float], rule: Rule) -> bool:
    """Return whether the alarm is raised at the last figure by going through all of them."""
    seen: list[float] = []
    raised = False
    for figure in figures:
        threshold = rule.enter
        if len(seen) >= rule.history_min:
            place = min(int(rule.percentile * len(seen)), len(seen) - 1)
            threshold = max(rule.enter, seen[place])
        raised = figure >= rule.leave if raised else figure >= threshold
        insort(seen, figure)
    return raised


@given(FIGURES.filter(len), st.floats(0.5, 0.99), st.integers(1, 40))
def test_it_is_the_alarm_of_a_walk_from_the_beginning(
    figures: list[float], percentile: float, history_min: int
) -> None:
    rule = Rule(2.0, 1.0, percentile, history_min)
    assert judged(figures, rule)[-1][0] == walked(figures, rule)


@given(FIGURES, FIGURES)
def test_later_figures_never_change_what_was_judged(
    figures: list[float], later: list[float]
) -> None:
    assert judged(figures + later)[: len(figures)] == judged(figures)


def test_it_is_raised_at_enter_and_ends_below_leave() -> None:
    said = judged([0.0, 1.99, 2.0, 1.0, 1.99, 0.99, 1.99])
    assert [raised for raised, _ in said] == [False, False, True, True, True, False, False]
    assert [threshold for _, threshold in said] == [2.0, 2.0, 2.0, 1.0, 1.0, 2.0, 2.0]


def test_the_percentile_counts_only_once_there_is_history_enough() -> None:
    assert judged([9.0] * 7 + [0.0, 2.0])[7] == (False, 2.0)
    # Eight figures: the ninth is compared with the highest of them.
    assert judged([9.0] * 7 + [0.0, 2.0])[8] == (False, 9.0)
    assert judged([9.0] * 7 + [0.0, 9.0])[8] == (True, 9.0)
    # A calm past never lowers the threshold below the fixed level.
    assert judged([0.0] * 20 + [1.99])[-1] == (False, 2.0)


def test_the_newest_figure_is_no_part_of_its_own_past() -> None:
    history = History([0.0] * 8, 8)
    rule = Rule(2.0, 1.0, 0.99, 8)
    # Its slot has a figure already, which is left out; one of an older slot is not.
    history.add(slot_ms(9), 5.0)
    assert judge(history, slot_ms(9) + 60_000, 3.0, rule) == (True, 2.0)
    # By then the alarm of slot nine stands: it has been above `leave` ever since.
    assert judge(history, slot_ms(10), 3.0, rule) == (True, 1.0)
    assert judge(history, slot_ms(10), 0.5, rule) == (False, 5.0)


def test_levels_in_the_wrong_order_do_not_flicker() -> None:
    rule = Rule(enter=1.0, leave=2.0, percentile=0.9, history_min=99)
    said = judged([1.5, 1.5, 1.5, 0.9, 1.5], rule)
    assert [raised for raised, _ in said] == [True, True, True, False, True]


def test_the_first_figure_of_all_can_raise_it() -> None:
    assert judge(History(), slot_ms(1), 2.0, RULE) == (True, 2.0)
    assert judge(History(), slot_ms(1), 1.9, RULE) == (False, 2.0)


# What a raised alarm does.


def acted(
    action: Action, *, lots: int = 1_000, cut_to: float = 0.5, mode: Mode = "enforce"
) -> Check:
    """Return the check on a proposal of that many dollars."""
    return act(
        Scripted("a", mode),
        make_proposal(lots=lots),
        action=action,
        cut_to=cut_to,
        value=3.0,
        threshold=2.0,
        reason="too wild",
    )


def test_to_block_is_to_fail_with_the_reason() -> None:
    check = acted("block")
    assert (check.outcome, check.value, check.threshold) == ("fail", 3.0, 2.0)
    assert (check.reason, check.room_e6) == ("too wild", None)


def test_to_cut_is_to_leave_room_for_a_share() -> None:
    check = acted("cut", cut_to=0.25)
    assert (check.outcome, check.room_e6) == ("pass", 250_000_000)
    assert (check.value, check.threshold) == (3.0, 2.0)


def test_a_cut_is_a_clamp_of_the_gate() -> None:
    proposal = make_proposal(lots=1_000)
    checks = [Scripted("cap").passed(1.0, 2.0, 800_000_000), acted("cut", cut_to=0.3)]
    verdict = fold(checks, proposal, SOL)
    assert verdict.admitted and verdict.lots == 300
    assert [(c.before_lots, c.after_lots) for c in verdict.clamps] == [(1_000, 800), (800, 300)]
    # Room that a cap has left less of already cuts nothing more.
    verdict = fold([checks[1], Scripted("cap").passed(1.0, 2.0, 200_000_000)], proposal, SOL)
    assert [c.after_lots for c in verdict.clamps] == [300, 200]


def test_what_is_observed_is_not_cut_but_followed_whole() -> None:
    check = acted("cut", mode="observe")
    assert (check.outcome, check.mode, check.reason) == ("fail", "observe", "too wild")
    verdict = fold([check], make_proposal(lots=1_000), SOL)
    assert verdict.admitted and verdict.lots == 1_000 and not verdict.clamps


@pytest.mark.parametrize(
    ("lots", "outcome"), [(20, "pass"), (19, "fail"), (1, "fail"), (0, "fail")]
)
def test_a_cut_below_the_venues_minimum_refuses(lots: int, outcome: str) -> None:
    # A lot is a dollar, and the venue takes no order under ten.
    assert MIN_NOTIONAL_E6 == 10_000_000
    assert acted("cut", lots=lots).outcome == outcome


@given(st.integers(1, 5_000), st.floats(0.01, 0.99))
def test_a_cut_never_leaves_more_than_its_share_nor_an_order_too_small(
    lots: int, cut_to: float
) -> None:
    proposal = make_proposal(lots=lots)
    check = acted("cut", lots=lots, cut_to=cut_to)
    verdict = fold([check], proposal, SOL)
    if verdict.admitted:
        # 0.7 of 1,310 lots are 917, in floats a little less.
        assert 10 <= verdict.lots <= cut_to * lots * (1.0 + 1e-15)
    else:
        assert verdict.failing == ("a",) and cut_to * lots < 11
