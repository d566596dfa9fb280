from __future__ import annotations

import pytest

from market.decision import Stance, Vote
from risk.disagreement import Disagreement, Settings
from tests.support.shadow import make_proposal, make_view


def checked(disagreement: float, bound: float = 0.7) -> tuple[str, float | None, float | None, str]:
    view = make_view()
    stances = [Stance("trend", 1.0, 0.5, 1.0, []), Stance("flow", 1.0, -0.25, 1.0, [])]
    view.vote = Vote(0.1, disagreement, stances)
    check = Disagreement(Settings(bound), "observe").check(make_proposal(), view)
    return check.outcome, check.value, check.threshold, check.reason


@pytest.mark.parametrize(
    ("value", "outcome"), [(0.0, "pass"), (0.7, "pass"), (0.701, "fail"), (1.0, "fail")]
)
def test_more_than_the_bound_fails(value: float, outcome: str) -> None:
    assert checked(value)[:3] == (outcome, value, 0.7)


def test_the_reason_names_the_sides() -> None:
    assert checked(0.9)[3] == "divisions pull apart: trend +0.50, flow -0.25"


def test_a_desk_that_has_said_nothing_does_not_disagree() -> None:
    check = Disagreement(Settings(), "observe").check(make_proposal(), make_view())
    assert (check.outcome, check.value) == ("pass", 0.0)


def test_a_bound_of_one_lets_everything_pass() -> None:
    assert checked(1.0, 1.0)[0] == "pass"


def test_it_begins_by_observing_and_may_be_enforced() -> None:
    assert Disagreement.default_mode == "observe" and Disagreement.may_enforce
