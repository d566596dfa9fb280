from __future__ import annotations

import pytest

from market.decision import Check
from risk.division import Division, Settings
from tests.support.shadow import make_proposal, make_view

E6 = 10**6


def check(held_usd: int, *, division: str = "trend") -> Check:
    """Judge a thousand dollars of a division under a cap of six thousand."""
    view = make_view()
    view.desk.expose(coin="ETH", division="trend", side=-1, notional_e6=held_usd * E6)
    proposal = make_proposal(division=division)
    return Division(Settings(division_cap_share=0.6), "enforce").check(proposal, view)


@pytest.mark.parametrize(
    ("held", "outcome", "room"),
    [
        (0, "pass", None),
        (5_000, "pass", None),
        (5_001, "pass", 999 * E6),
        (5_990, "pass", 10 * E6),
        (5_991, "fail", None),
        (7_000, "fail", None),
    ],
)
def test_what_fits_under_the_divisions_cap_is_taken(
    held: int, outcome: str, room: int | None
) -> None:
    found = check(held)
    assert (found.outcome, found.room_e6) == (outcome, room)
    assert (found.value, found.threshold) == (held + 1_000.0, 6_000.0)


def test_other_divisions_do_not_count() -> None:
    assert check(5_999, division="flow").value == 1_000.0


def test_the_share_is_a_setting() -> None:
    f = Division(Settings(division_cap_share=0.01), "enforce")
    found = f.check(make_proposal(), make_view())
    assert (found.room_e6, found.threshold) == (100 * E6, 100.0)


def test_the_cap_grows_with_the_number_of_coins() -> None:
    view = make_view()
    view.coins = {str(n): view.coins["SOL"] for n in range(32)}
    found = Division(Settings(division_cap_share=0.5), "enforce").check(make_proposal(), view)
    assert found.threshold == pytest.approx(2 * 0.5 * view.desk.equity_e6 / 1e6)
