from __future__ import annotations

from tests.venue.local.exchange.scripted import ALICE, BOB, Bench
from venue.local.exchange.steps.value import affords, cross, free, whole, withdrawable

USD = 10**6


def long_one(usd: int = 6_000) -> Bench:
    bench = Bench(BOB)
    bench.exchange.deposit(ALICE, usd * USD, bench.now_ms)
    bench.rest(BOB, "BTC", "sell", "100000", "1")
    bench.take(ALICE, "BTC", "buy", "100000", "1")
    return bench


def test_closing_and_flipping_use_the_margin_that_they_free() -> None:
    bench = long_one()
    state = bench.exchange.state
    account = state.accounts[ALICE]
    assert free(state, account) == 955 * USD
    cases = [(-100_000, True), (-200_000, True), (-219_000, True), (-220_000, False),
             (19_000, True), (20_000, False)]  # fmt: skip
    assert [affords(state, account, "BTC", n, 1_000_000) for n, _ in cases] == [f for _, f in cases]


def test_a_price_worse_than_the_mark_costs_the_difference_too() -> None:
    bench = long_one()
    state = bench.exchange.state
    account = state.accounts[ALICE]
    assert affords(state, account, "BTC", 18_000, 1_000_000)
    assert not affords(state, account, "BTC", 18_000, 1_010_000)


def test_cross_and_whole_are_the_same_without_isolated_positions() -> None:
    bench = long_one(usd=50_000)
    state = bench.exchange.state
    account = state.accounts[ALICE]
    assert cross(state, account) == whole(state, account)
    assert withdrawable(state, account) == (50_000 - 45 - 10_000) * USD
