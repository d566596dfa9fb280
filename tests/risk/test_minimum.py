from __future__ import annotations

import pytest

from risk.filter import NoSettings
from risk.minimum import Minimum
from tests.support.shadow import make_signal, make_view


@pytest.mark.parametrize(
    ("lots", "outcome"), [(0, "fail"), (1, "fail"), (9, "fail"), (10, "pass"), (11, "pass")]
)
def test_an_order_must_be_worth_ten_dollars(lots: int, outcome: str) -> None:
    found = Minimum(NoSettings(), "enforce").check(make_signal(lots=lots), make_view())
    assert (found.outcome, found.value, found.threshold) == (outcome, float(lots), 10.0)


def test_a_micro_dollar_less_fails() -> None:
    signal = make_signal(lots=10)
    signal.notional_e6 -= 1
    assert Minimum(NoSettings(), "enforce").check(signal, make_view()).outcome == "fail"
