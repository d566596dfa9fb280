from __future__ import annotations

from typing import Any

import pytest

from venue.local.gate.budget import (
    AddressBudget,
    IpBudget,
    action_weight,
    answer_weight,
    batch_size,
    question_weight,
)

ME = "0x" + "1" * 40


class Steady:
    def __init__(self) -> None:
        self.s = 1_000.0

    def __call__(self) -> float:
        return self.s


def test_a_minute_holds_so_much_and_then_forgets() -> None:
    clock = Steady()
    budget = IpBudget(1_200, clock)
    for _ in range(60):
        assert budget.take("1.1.1.1", 20)
        clock.s += 0.1
    assert not budget.take("1.1.1.1", 2)
    assert budget.take("2.2.2.2", 20)
    # The first question leaves the minute, and only it.
    clock.s = 1_060.0
    assert budget.take("1.1.1.1", 20)
    assert not budget.take("1.1.1.1", 20)
    clock.s = 1_200.0
    assert budget.take("1.1.1.1", 1_200)


def test_rows_are_charged_after_the_fact() -> None:
    clock = Steady()
    budget = IpBudget(100, clock)
    assert budget.take("x", 20)
    budget.charge("x", 84)
    assert not budget.take("x", 2)
    clock.s += 60.0
    assert budget.take("x", 2)


@pytest.mark.parametrize(
    ("question", "weight"),
    [
        ({"type": "l2Book"}, 2),
        ({"type": "clearinghouseState"}, 2),
        ({"type": "userRole"}, 60),
        ({"type": "meta"}, 20),
        ({"type": "noSuchThing"}, 20),
        ({"type": []}, 20),
        (None, 20),
    ],
)
def test_the_weight_of_a_question(question: Any, weight: int) -> None:
    assert question_weight(question) == weight


@pytest.mark.parametrize(
    ("kind", "rows", "weight"),
    [
        ("candleSnapshot", 5_000, 83),
        ("userFills", 19, 0),
        ("userFills", 2_000, 100),
        ("fundingHistory", 500, 25),
        ("meta", 2_000, 0),
    ],
)
def test_the_weight_of_an_answer(kind: str, rows: int, weight: int) -> None:
    assert answer_weight({"type": kind}, [0] * rows) == weight
    assert answer_weight({"type": kind}, None) == 0


def test_a_batch_is_one_for_the_address_of_the_wire_and_many_for_the_account() -> None:
    batch = {"type": "order", "orders": [0] * 85}
    assert batch_size(batch) == 85
    assert action_weight({"action": batch}) == 3
    assert action_weight({"action": {"type": "noop"}}) == 1
    assert batch_size({"type": "batchModify", "modifies": [0] * 3}) == 3
    assert batch_size({"type": "cancelByCloid", "cancels": [0] * 2}) == 2
    assert batch_size({"type": "order", "orders": "many"}) == 1
    assert action_weight("nothing") == 1


class Counts:
    def __init__(self, used: int, cap: int) -> None:
        self.used, self.cap = used, cap

    def requests_used(self, user: str) -> int:
        return self.used

    def requests_cap(self, user: str) -> int:
        return self.cap

    def volume_e6(self, user: str) -> int:
        return 437_920_000


def test_over_the_limit_one_passes_every_ten_seconds_and_refusals_cost_nothing() -> None:
    counts = Counts(9_999, 10_000)
    budget = AddressBudget(counts)
    order = {"type": "order", "orders": [{}]}
    assert budget.refusal(ME, order, 0) is None
    counts.used = 10_436
    assert budget.refusal(ME, order, 1_000) is None
    assert budget.refusal(ME, order, 10_999) == (
        "Too many cumulative requests sent (10437 > 10000) for cumulative volume traded $437.92. "
        "Place taker orders to free up 1 request per USDC traded."
    )
    assert budget.refusal(ME, order, 11_000) is None
    assert budget.refusal(ME, order, 11_001) is not None


def test_a_batch_counts_what_it_holds_and_cancels_have_more_room() -> None:
    counts = Counts(9_990, 10_000)
    budget = AddressBudget(counts)
    budget.refusal(ME, {"type": "order", "orders": [{}] * 20}, 0)
    assert budget.refusal(ME, {"type": "order", "orders": [{}] * 20}, 1) is not None
    counts.used = 19_999
    assert budget.refusal(ME, {"type": "cancel", "cancels": [{}]}, 2) is None
    assert budget.refusal(ME, {"type": "cancel", "cancels": [{}] * 2}, 3) is not None
    # Headroom can always be bought.
    assert budget.refusal(ME, {"type": "reserveRequestWeight", "weight": 1}, 4) is None
