from __future__ import annotations

from math import inf

from shadow.report import sentences


def test_protective_says_less_earned_and_better_off() -> None:
    assert sentences.protective("regime", -0.561, 0.992) == (
        "What regime blocked would have earned 0.56 R less per trade than what the same bots were"
        " let through, and the desk is 0.99 R a day better off with it; this would hold even if"
        " its next blocked signal were the best you have ever had."
    )


def test_restrictive_says_what_it_costs() -> None:
    assert sentences.restrictive("cap", 0.4, -0.05) == (
        "cap turns away your better signals (+0.40 R each) and costs the desk 0.050 R a day."
    )


def test_a_coin_may_still_save_or_cost_money() -> None:
    said = (
        "control chooses no better and no worse than a coin would, to within 0.30 R per blocked"
        " signal."
    )
    assert sentences.like_a_coin("control", 0.3, None) == said
    assert sentences.like_a_coin("control", 0.3, 0.7) == (
        said + " It saves 0.70 R a day only because it makes the desk lose less often; trading"
        " smaller would do the same."
    )
    assert " It costs 0.70 R a day only because it makes the desk earn less often" in (
        sentences.like_a_coin("control", 0.3, -0.7)
    )


def test_worth_nothing_names_the_margin() -> None:
    assert sentences.worth_nothing("spread", 0.25) == (
        "With or without spread the desk earns the same to within 0.25 R a day."
    )


def test_choice_and_value_that_disagree_have_sentences_of_their_own() -> None:
    assert sentences.mixed("lull", -0.3, -0.5) == (
        "lull picks the weaker signals, but even these earn: it costs the desk 0.50 R a day."
    )
    assert sentences.mixed("lull", 0.3, 0.5) == (
        "lull saves money only because the desk loses; it blocks the better ones."
    )


def test_undetermined_says_what_could_have_been_seen_and_never_no_effect() -> None:
    assert sentences.undetermined(53.7, 60, 0.395, 0.2534, "2026-04-30") == (
        "54 effective days of 60; so far an effect below 0.40 R per blocked signal could not be"
        " seen. At this pace 0.25 R by 2026-04-30."
    )
    assert sentences.undetermined(21.0, 40, inf, 0.9, "2026-04-30") == (
        "21 effective days of 40; so far no effect, however large, could be seen. At this pace"
        " 0.90 R by 2026-04-30."
    )
    assert sentences.undetermined(21.0, 40, inf, inf, "2026-04-30").endswith("could be seen.")


def test_what_a_decided_choice_is_worth_may_be_unknown() -> None:
    assert sentences.worth_unknown(-0.4, 0.8) == (
        " What it blocked is worse than what it let through; what that is worth to the desk is not"
        " known: an effect below 0.80 R a day could not be seen."
    )
    assert sentences.worth_unknown(0.4, inf).endswith("is not known yet.")


def test_warnings_are_plain() -> None:
    assert sentences.another_series(2) == (
        "series 2 of this limit: each has a chance of its own to be wrong, up to 5 %"
    )
    assert sentences.dependent("choice", 0.612) == (
        "days are not independent: choice goes on from one day to the next (0.61)"
    )
    assert sentences.wild(27.3, 1.04) == (
        "the best trade made 27 R where the median is 1.04 R: the one-look interval may be too"
        " narrow"
    )
