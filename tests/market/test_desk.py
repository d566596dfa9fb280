from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from market.desk import Desk, DeskView

START_E6 = 10_000_000_000

trades = st.lists(
    st.tuples(
        st.sampled_from(["BTC", "ETH"]),
        st.sampled_from(["trend", "flow"]),
        st.sampled_from([1, -1]),
        st.integers(1, 10**9),
    ),
    max_size=12,
)


def test_a_fresh_account_stands_at_its_peak_without_exposure() -> None:
    desk = Desk.opened_with(START_E6, seed=7)
    assert desk.equity_e6 == desk.cash_e6 == desk.peak_e6 == desk.day_start_e6 == START_E6
    assert (desk.gross_e6, desk.net_e6, desk.by_coin, desk.by_division) == (0, 0, {}, {})
    assert (desk.latched, desk.halts, desk.seed) == ("", {}, 7)


def test_equity_is_cash_and_the_open_marks() -> None:
    desk = Desk.opened_with(START_E6, seed=1)
    desk.cash_e6 -= 5
    desk.open_e6 = -7
    assert desk.equity_e6 == START_E6 - 12


@given(trades)
def test_exposures_are_the_sums_of_what_is_open(opened: list[tuple[str, str, int, int]]) -> None:
    desk = Desk.opened_with(START_E6, seed=1)
    for coin, division, side, notional in opened:
        desk.expose(coin=coin, division=division, side=side, notional_e6=notional)
    assert desk.gross_e6 == sum(t[3] for t in opened)
    assert desk.net_e6 == sum(t[2] * t[3] for t in opened)
    for name, held in desk.by_coin.items():
        assert held == sum(t[3] for t in opened if t[0] == name)
    for name, held in desk.by_division.items():
        assert held == sum(t[3] for t in opened if t[1] == name)
    assert abs(desk.net_e6) <= desk.gross_e6


@given(trades)
def test_what_was_exposed_can_be_taken_away_again(
    opened: list[tuple[str, str, int, int]],
) -> None:
    desk = Desk.opened_with(START_E6, seed=1)
    for sign in (1, -1):
        for coin, division, side, notional in opened:
            desk.expose(coin=coin, division=division, side=side, notional_e6=sign * notional)
    assert (desk.gross_e6, desk.net_e6) == (0, 0)
    assert not any(desk.by_coin.values())
    assert not any(desk.by_division.values())


def test_accounts_share_nothing() -> None:
    first, second = Desk.opened_with(1, 1), Desk.opened_with(1, 1)
    first.halts["operator"] = "why"
    first.stopped["bot|BTC"] = 1
    assert second.halts == second.stopped == {}
    assert DeskView(first, {}).desk is first
