from __future__ import annotations

from tests.venue.local.exchange.scripted import ALICE, BOB, Bench
from venue.local.exchange.views import answers


def state_of(bench: Bench, user: str = ALICE) -> dict:
    return answers.answer(bench.exchange, "clearinghouseState", {"user": user}, bench.now_ms)


def test_value_is_raw_money_plus_signed_notional() -> None:
    bench = Bench()
    bench.rest(BOB, "BTC", "sell", "100000", "1")
    bench.take(ALICE, "BTC", "buy", "100000", "1")
    bench.market.set_mark("BTC", "101000")
    bench.pass_ms(1_100)
    seen = state_of(bench)
    assert seen["marginSummary"] == {
        "accountValue": "1000955.0",
        "totalNtlPos": "101000.0",
        "totalRawUsd": "899955.0",
        "totalMarginUsed": "5050.0",
    }
    assert seen["crossMaintenanceMarginUsed"] == "1262.5"
    # A tenth of the notional stays.
    assert seen["withdrawable"] == "990855.0"
    short = state_of(bench, BOB)
    assert short["marginSummary"]["totalRawUsd"] == "1099985.0"
    (row,) = short["assetPositions"]
    assert row["type"] == "oneWay" and row["position"]["szi"] == "-1.0"
    assert row["position"]["unrealizedPnl"] == "-1000.0"
    assert row["position"]["returnOnEquity"] == "-0.2"


def test_an_isolated_position_shows_its_own_money_and_price() -> None:
    bench = Bench()
    bench.act(ALICE, {"type": "updateLeverage", "asset": 0, "isCross": False, "leverage": 10})
    bench.rest(BOB, "BTC", "sell", "100000", "1")
    bench.take(ALICE, "BTC", "buy", "100000", "1")
    seen = state_of(bench)
    position = seen["assetPositions"][0]["position"]
    assert position["leverage"] == {"type": "isolated", "value": 10, "rawUsd": "-90000.0"}
    assert position["marginUsed"] == "10000.0"
    # 90,000 / (1 − 1/80)
    assert position["liquidationPx"] == "91139.24050633"
    assert seen["crossMarginSummary"]["accountValue"] == "989955.0"
    assert seen["marginSummary"]["accountValue"] == "999955.0"


def test_a_flat_account_shows_no_positions() -> None:
    assert state_of(Bench())["assetPositions"] == []


def test_what_may_be_traded_is_free_money_times_leverage_and_the_other_way_twice_the_position() -> (
    None
):
    bench = Bench(ALICE, BOB, usd=10_000)
    bench.rest(BOB, "BTC", "sell", "100000", "1")
    bench.take(ALICE, "BTC", "buy", "100000", "1")
    asked = {"user": ALICE, "coin": "BTC"}
    seen = answers.answer(bench.exchange, "activeAssetData", asked, bench.now_ms)
    assert seen["leverage"] == {"type": "cross", "value": 20}
    assert seen["availableToTrade"] == ["4955.0", "14955.0"]
    assert seen["maxTradeSzs"] == ["0.991", "2.991"]
