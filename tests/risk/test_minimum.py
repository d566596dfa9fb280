from __future__ import annotations

import pytest

from risk.filter import NoSettings
from risk.minimum import Minimum
from tests.support.shadow import make_proposal, make_view


@pytest.mark.parametrize(
    ("lots", "outcome"), [(0, "fail"), (1, "fail"), (9, "fail"), (10, "pass"), (11, "pass")]
)
def test_an_order_must_be_worth_ten_dollars(lots: int, outcome: str) -> None:
    found = Minimum(NoSettings(), "enforce").check(make_proposal(lots=lots), make_view())
    assert (found.outcome, found.value, found.threshold) == (outcome, float(lots), 10.0)


def test_a_micro_dollar_less_fails() -> None:
    proposal = make_proposal(lots=10)
    proposal.notional_e6 -= 1
    assert Minimum(NoSettings(), "enforce").check(proposal, make_view()).outcome == "fail"
