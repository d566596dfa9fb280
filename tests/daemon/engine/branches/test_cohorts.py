from __future__ import annotations

import pytest

from daemon.engine.branches.cohorts import Cohorts
from daemon.engine.branches.side import Side
from daemon.engine.branches.variant import Variant
from market.desk import Desk


@pytest.fixture
def sides() -> list[Side]:
    found = [Side(i, Variant("nothing"), {}, lambda: None, lambda _: 0) for i in range(4)]
    for side in found:
        side.view.desk = Desk.opened_with(1_000, 7)
    return found


def test_whose_desks_are_the_same_are_of_one_cohort(sides: list[Side]) -> None:
    sides[2].desk.cash_e6 += 1
    assert Cohorts().known(sides, {}) == [0b1011, 0b0100]


def test_who_holds_another_trade_is_of_another_though_the_money_is_the_same(
    sides: list[Side],
) -> None:
    assert Cohorts().known(sides, {5: 0b1111, 9: 0b0011}) == [0b0011, 0b1100]


def test_who_did_another_thing_parts_and_stays_apart_until_all_is_forgotten(
    sides: list[Side],
) -> None:
    cohorts = Cohorts()
    cohorts.known(sides, {})
    cohorts.part([0b0001, 0b0110])
    assert sorted(cohorts.known(sides, {})) == [0b0001, 0b0110, 0b1000]
    cohorts.part([])
    cohorts.part([0b0100])
    assert sorted(cohorts.known(sides, {})) == [0b0001, 0b0010, 0b0100, 0b1000]
    cohorts.forget()
    assert cohorts.known(sides, {}) == [0b1111]
