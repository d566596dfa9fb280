from __future__ import annotations

import pytest

from market.decision import Check
from risk.position import Position, Settings
from tests.support.shadow import make_proposal, make_view

E6 = 10**6


def check(held_usd: int, *, lots: int = 1_000, equity_usd: float = 10_000.0) -> Check:
    """Judge a proposal of a dollar a lot under a cap of a quarter of the equity."""
    view = make_view(equity_usd=equity_usd)
    view.desk.expose(coin="SOL", division="flow", side=-1, notional_e6=held_usd * E6)
    view.desk.expose(coin="ETH", division="trend", side=1, notional_e6=9_000 * E6)
    return Position(Settings(coin_cap_share=0.25), "enforce").check(make_proposal(lots=lots), view)


def test_notional_on_the_coin_counts_whoever_holds_it_and_on_which_side() -> None:
    found = check(1_500)
    assert (found.outcome, found.value, found.threshold) == ("pass", 2_500.0, 2_500.0)
    assert found.room_e6 is None


@pytest.mark.parametrize(
    ("held", "outcome", "room"),
    [(1_501, "pass", 999 * E6), (2_490, "pass", 10 * E6), (2_491, "fail", None)],
)
def test_what_fits_under_the_cap_is_taken(held: int, outcome: str, room: int | None) -> None:
    found = check(held)
    assert (found.outcome, found.room_e6) == (outcome, room)
    assert (found.value, found.threshold) == (held + 1_000.0, 2_500.0)


def test_other_coins_do_not_count() -> None:
    assert check(0).value == 1_000.0


def test_the_cap_is_a_share_of_the_equity_as_it_is_now() -> None:
    assert check(0, equity_usd=4_000.0).room_e6 is None
    assert check(0, equity_usd=3_999.0).room_e6 == 999_750_000


def test_without_equity_there_is_no_room() -> None:
    view = make_view()
    view.desk.cash_e6 = -5 * E6
    found = Position(Settings(coin_cap_share=0.25), "enforce").check(make_proposal(), view)
    assert (found.outcome, found.threshold) == ("fail", 0.0)


def test_the_share_is_a_setting() -> None:
    f = Position(Settings(coin_cap_share=0.05), "enforce")
    assert f.check(make_proposal(), make_view()).room_e6 == 500 * E6
