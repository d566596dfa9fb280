from __future__ import annotations

import pytest

from tests.venue.local.exchange.scripted import ALICE, BOB, Bench


def leverage(bench: Bench, value: int, *, cross: bool = True, asset: int = 0) -> dict:
    action = {"type": "updateLeverage", "asset": asset, "isCross": cross, "leverage": value}
    return bench.act(ALICE, action)


def long_one(*, cross: bool) -> Bench:
    bench = Bench(ALICE, BOB, usd=10_000)
    leverage(bench, 20, cross=cross)
    bench.rest(BOB, "BTC", "sell", "100000", "1")
    bench.take(ALICE, "BTC", "buy", "100000", "1")
    return bench


@pytest.mark.parametrize("value", [0, 41])
def test_leverage_lies_between_one_and_the_coins_most(value: int) -> None:
    assert leverage(Bench(), value)["response"] == "Invalid leverage value asset=0"


def test_with_a_position_its_kind_stays_but_its_value_may_change_as_far_as_margin_goes() -> None:
    bench = long_one(cross=True)
    assert leverage(bench, 20, cross=False)["response"] == (
        "Cannot switch leverage type with open position."
    )
    assert leverage(bench, 40)["status"] == leverage(bench, 11)["status"] == "ok"
    assert leverage(bench, 9)["response"].startswith("Insufficient margin")
    assert bench.exchange.state.accounts[ALICE].positions["BTC"].leverage.value == 11


def test_a_lower_isolated_leverage_binds_more_margin() -> None:
    bench = long_one(cross=False)
    account = bench.exchange.state.accounts[ALICE]
    before = account.raw_e6
    assert leverage(bench, 16, cross=False)["status"] == "ok"
    assert before - account.raw_e6 == (6_250 - 5_000) * 10**6
    assert leverage(bench, 40, cross=False)["status"] == "ok"
    assert before - account.raw_e6 == 1_250 * 10**6


def margin(bench: Bench, usd: int) -> dict:
    ntli = usd * 10**6
    return bench.act(
        ALICE, {"type": "updateIsolatedMargin", "asset": 0, "isBuy": True, "ntli": ntli}
    )


def test_isolated_margin_moves_in_and_back_but_not_below_what_is_needed() -> None:
    bench = long_one(cross=False)
    position = bench.exchange.state.accounts[ALICE].positions["BTC"]
    before = position.raw_e6
    assert margin(bench, 4_900)["status"] == "ok" and margin(bench, 900)["status"] == "err"
    assert position.raw_e6 - before == 4_900 * 10**6
    assert margin(bench, -1)["status"] == "err"
    assert (
        bench.act(ALICE, {"type": "topUpIsolatedOnlyMargin", "asset": 0, "leverage": "15.5"})[
            "status"
        ]
        == "ok"
    )
    assert position.raw_e6 - before == 4_900 * 10**6


def test_a_cross_position_has_no_margin_of_its_own() -> None:
    assert margin(long_one(cross=True), 5)["response"] == ("Position does not use isolated margin.")
    assert margin(Bench(), 5)["response"] == "Position does not use isolated margin."
