from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from daemon.engine.branches.holdings import Holdings
from market.coin import Coin
from market.decision import ExitPlan
from market.money import MOST_E6
from shadow.ledger.trade import Trade, TradeState
from tests.support.shadow import T0, make_coin, put_book


def trade(trade_id: int, lots: int = 1_000, side: int = 1) -> Trade:
    made = Trade(
        trade_id=trade_id, kind=0, cause="admit", signal_id=1, bot="a", division="flow",
        coin="SOL", side=side, lots=lots, decided_ns=0, due_ns=0, expires_ns=0,
        decision_mid=100.0, plan=ExitPlan(stop_px=90.0, horizon_ns=10**9), stop_px=90.0,
    )  # fmt: skip
    made.state, made.filled_lots = TradeState.OPEN, lots
    made.entry_px, made.entry_notional_e6, made.fees_e6 = 100.0, lots * 1_000_000, 450
    return made


def at(mid: float) -> Coin:
    coin = make_coin()
    put_book(coin, mid, T0)
    coin.book.mid = mid
    return coin


def holdings(coin: Coin, *held: tuple[Trade, int]) -> Holdings:
    made = Holdings({"SOL": coin}, 4)
    for one, mask in held:
        made.hold(one, mask)
    return made


MIDS = st.one_of(
    st.integers(1, 10**7).map(lambda ticks: ticks / 1e4),
    st.floats(1e-3, 1e3, allow_nan=False),
)
HELD = st.lists(
    st.tuples(
        st.sampled_from([1, 700, 10**12, 10**15]), st.sampled_from([-1, 1]), st.integers(1, 15)
    ),
    max_size=5,
)


@settings(max_examples=60)
@given(mids=st.lists(MIDS, min_size=1, max_size=3), held=HELD, blind=st.booleans())
def test_each_branch_is_worth_what_its_trades_are_one_by_one(
    mids: list[float], held: list[tuple[int, int, int]], blind: bool
) -> None:
    """Whether the price is whole in ticks or not, and beyond what one trade may hold."""
    coin = at(mids[0])
    trades = [(trade(n, lots, side), mask) for n, (lots, side, mask) in enumerate(held)]
    made = holdings(coin, *trades)
    for mid in mids:
        coin.book.mid, coin.book.ok = mid, True
        made.value()
        if blind:
            coin.book.ok = False
            made.value()
        assert made.totals_e6 == [
            sum(t.mark_e6(mid, coin.instrument) for t, mask in trades if mask >> branch & 1)
            for branch in range(4)
        ]
        assert {t.mark_px for t, _ in trades} <= {mid}


def test_the_largest_sizes_of_the_property_are_beyond_what_a_trade_may_hold() -> None:
    coin = at(900.0)
    assert trade(1, 10**15).mark_e6(900.0, coin.instrument) == MOST_E6 - 10**21 - 450


def test_what_was_paid_or_sold_meanwhile_counts_though_the_mid_stands() -> None:
    coin, one = at(101.0), trade(64)
    made = holdings(coin, (one, 0b11))
    assert made.value()
    before = made.totals_e6[0]
    assert not made.value(), "nothing has changed"
    one.funding_e6 = 30
    made.changed(one)
    assert made.value() and made.totals_e6 == [before - 30, before - 30, 0, 0]
    one.exit_lots, one.exit_notional_e6 = 400, 40_400_000
    made.changed(one)
    made.value()
    assert made.totals_e6[1] == one.mark_e6(101.0, coin.instrument)


def test_what_has_ended_is_worth_nothing_and_its_holders_stay_known() -> None:
    coin, one, other = at(101.0), trade(64), trade(65)
    made = holdings(coin, (one, 0b11), (other, 0b110))
    made.value()
    made.ended(one)
    assert made.value() and made.totals_e6 == [
        0, *[other.mark_e6(101.0, coin.instrument)] * 2, 0
    ]  # fmt: skip
    assert made.holders == {64: 0b11, 65: 0b110}


def test_an_entry_on_its_way_is_held_and_worth_nothing_before_it_is_bought() -> None:
    coin, one = at(101.0), trade(64)
    one.state = TradeState.PENDING
    made = holdings(coin, (one, 0b1))
    made.value()
    assert made.totals_e6 == [0] * 4 and made.holders == {64: 1}
    one.state = TradeState.OPEN
    made.bought(one)
    made.value()
    assert made.totals_e6[0] == one.mark_e6(101.0, coin.instrument)
