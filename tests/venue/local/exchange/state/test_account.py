from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from venue.local.exchange.state.account import Account, Leverage, Position
from venue.local.exchange.state.rules import Rules

trades = st.lists(
    st.tuples(st.integers(-500, 500).filter(bool), st.integers(1, 10**6)), min_size=1, max_size=30
)


@given(trades)
def test_profit_realised_and_cost_left_are_what_was_paid(taken: list[tuple[int, int]]) -> None:
    position = Position("BTC", Leverage(True, 20))
    closed = sum(position.take(signed, px) for signed, px in taken)
    paid = sum(signed * px for signed, px in taken)
    assert closed - position.cost_e6 == -paid
    assert position.lots == sum(signed for signed, _ in taken)
    assert position.lots or not position.cost_e6


def test_funding_since_the_last_change_begins_anew_with_a_fill() -> None:
    position = Position("BTC", Leverage(True, 20))
    position.take(10, 100)
    position.pay(7)
    position.take(-4, 100)
    position.pay(2)
    funding = (position.funding_e6, position.funding_open_e6, position.funding_change_e6)
    assert funding == (9, 9, 2)


def test_a_coin_is_cross_at_the_usual_leverage_until_set() -> None:
    account = Account("0xa", Rules())
    assert account.leverage("BTC", 40) == Leverage(True, 20)
    assert account.leverage("DOGE", 10) == Leverage(True, 10)
