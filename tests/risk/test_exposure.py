from __future__ import annotations

import pytest

from market.decision import Check
from risk.exposure import Exposure, Settings
from tests.support.shadow import make_proposal, make_view

E6 = 10**6
BUY, SELL = 1, -1


def check(long_usd: int, short_usd: int, side: int = BUY, **settings: float) -> Check:
    """Judge a thousand dollars beside what is held, on an equity of ten thousand."""
    view = make_view()
    view.desk.expose(coin="ETH", division="flow", side=BUY, notional_e6=long_usd * E6)
    view.desk.expose(coin="BTC", division="flow", side=SELL, notional_e6=short_usd * E6)
    caps = {"gross_cap_share": 2.0, "net_cap_share": 1.0, **settings}
    return Exposure(Settings(**caps), "enforce").check(make_proposal(side=side), view)


def test_the_net_cap_rules_a_one_sided_desk() -> None:
    # Net 9,500 of 10,000 leaves 500; gross 9,500 of 20,000 leaves plenty.
    found = check(9_500, 0)
    assert (found.outcome, found.room_e6) == ("pass", 500 * E6)
    assert (found.value, found.threshold) == (10_500.0, 10_000.0)


def test_the_gross_cap_rules_a_balanced_desk() -> None:
    # Gross 19,800 of 20,000 leaves 200; net is 200 of 10,000.
    found = check(10_000, 9_800)
    assert (found.outcome, found.room_e6) == ("pass", 200 * E6)
    assert (found.value, found.threshold) == (20_800.0, 20_000.0)


def test_the_side_that_reduces_the_net_has_the_more_room() -> None:
    assert check(9_999, 0, BUY).outcome == "fail"
    found = check(9_999, 0, SELL)
    assert (found.outcome, found.room_e6) == ("pass", None)


def test_a_short_desk_is_judged_alike() -> None:
    assert check(0, 9_500, SELL).room_e6 == 500 * E6
    assert check(0, 9_500, BUY).room_e6 is None


def test_reducing_the_net_is_still_bound_by_the_gross_cap() -> None:
    found = check(15_000, 4_995, SELL)
    assert (found.outcome, found.threshold) == ("fail", 20_000.0)


@pytest.mark.parametrize(
    ("held", "outcome", "room"),
    [
        (9_000, "pass", None),
        (9_001, "pass", 999 * E6),
        (9_990, "pass", 10 * E6),
        (9_991, "fail", None),
    ],
)
def test_what_fits_under_the_cap_is_taken(held: int, outcome: str, room: int | None) -> None:
    found = check(held, 0)
    assert (found.outcome, found.room_e6) == (outcome, room)


def test_both_shares_are_settings() -> None:
    assert check(0, 0, net_cap_share=0.05).room_e6 == 500 * E6
    assert check(0, 0, gross_cap_share=0.02).room_e6 == 200 * E6


def test_without_equity_there_is_no_room() -> None:
    view = make_view()
    view.desk.cash_e6 = -1
    assert (
        Exposure(Settings(gross_cap_share=2.0, net_cap_share=1.0), "enforce")
        .check(make_proposal(), view)
        .outcome
        == "fail"
    )


def test_both_caps_grow_with_the_number_of_coins() -> None:
    view = make_view()
    view.coins = {str(n): view.coins["SOL"] for n in range(128)}
    settings = Settings(gross_cap_share=2.0, net_cap_share=1.0)
    found = Exposure(settings, "enforce").check(make_proposal(), view)
    assert found.threshold == pytest.approx(8 * 1.0 * view.desk.equity_e6 / 1e6)
