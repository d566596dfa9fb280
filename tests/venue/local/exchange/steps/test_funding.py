from __future__ import annotations

from tests.venue.local.exchange.scripted import ALICE, BOB, DAWN_MS, HOUR_MS, Bench

NOON_MS = DAWN_MS + 11 * HOUR_MS


def long_one() -> Bench:
    bench = Bench(ALICE, BOB)
    bench.rest(BOB, "BTC", "sell", "100000", "1")
    bench.take(ALICE, "BTC", "buy", "100000", "1")
    bench.news()
    return bench


def test_longs_pay_shorts_on_the_oracle_when_the_settlement_lands() -> None:
    bench = long_one()
    bench.market.set_mark("BTC", "100000", oracle="99000")
    bench.market.settle("BTC", NOON_MS + 80, "0.0001")
    bench.exchange.advance(NOON_MS + 79)
    assert bench.notes("funding") == []
    bench.exchange.advance(NOON_MS + 300)
    told = bench.notes("funding")
    assert [(n.user, n.data["usdc"]) for n in told] == [(ALICE, "-9.9"), (BOB, "9.9")]
    assert told[0].data == {
        "time": told[0].time_ms,
        "coin": "BTC",
        "usdc": "-9.9",
        "szi": "1.0",
        "fundingRate": "0.0001",
        "nSamples": None,
    }
    bench.exchange.advance(NOON_MS + HOUR_MS - 1_000)
    assert bench.notes("funding") == []


def test_what_was_paid_stands_in_the_accounts_with_its_sign() -> None:
    bench = long_one()
    bench.market.set_mark("BTC", "100000", oracle="99000")
    bench.market.settle("BTC", NOON_MS + 80, "0.0001")
    bench.exchange.advance(NOON_MS + 300)
    accounts = bench.exchange.state.accounts
    assert accounts[ALICE].funded_e6 == -9_900_000
    assert accounts[BOB].funded_e6 == 9_900_000


def test_a_negative_rate_pays_the_longs() -> None:
    bench = long_one()
    bench.market.settle("BTC", NOON_MS + 80, "-0.0000333333")
    before = bench.cash(ALICE)
    bench.exchange.advance(NOON_MS + 300)
    assert bench.cash(ALICE) - before == 3_333_330


def test_without_a_settlement_the_running_rate_is_charged_after_a_while() -> None:
    bench = long_one()
    bench.market.rates["BTC"] = "0.0002"
    bench.exchange.advance(NOON_MS + 4_000)
    assert bench.notes("funding") == []
    bench.exchange.advance(NOON_MS + 6_000)
    assert [n.data["usdc"] for n in bench.notes("funding")] == ["-20.0", "20.0"]
    bench.exchange.advance(NOON_MS + 60_000)
    assert bench.notes("funding") == []
    bench.exchange.advance(NOON_MS + HOUR_MS + 6_000)
    assert len(bench.notes("funding")) == 2


def test_who_holds_nothing_pays_nothing_and_a_position_opened_after_the_hour_waits() -> None:
    bench = Bench(ALICE, BOB)
    bench.market.settle("BTC", NOON_MS + 80, "0.0001")
    bench.exchange.advance(NOON_MS + 1_000)
    bench.now_ms = NOON_MS + 1_000
    bench.rest(BOB, "BTC", "sell", "100000", "1")
    bench.take(ALICE, "BTC", "buy", "100000", "1")
    bench.exchange.advance(NOON_MS + 20_000)
    assert bench.notes("funding") == []


def test_an_isolated_position_pays_from_its_own_margin() -> None:
    bench = Bench(ALICE, BOB)
    bench.act(ALICE, {"type": "updateLeverage", "asset": 0, "isCross": False, "leverage": 10})
    bench.rest(BOB, "BTC", "sell", "100000", "1")
    bench.take(ALICE, "BTC", "buy", "100000", "1")
    bench.market.settle("BTC", NOON_MS + 80, "0.0001")
    account = bench.exchange.state.accounts[ALICE]
    before = account.raw_e6, account.positions["BTC"].raw_e6
    bench.exchange.advance(NOON_MS + 300)
    after = account.raw_e6, account.positions["BTC"].raw_e6
    assert (after[0] - before[0], after[1] - before[1]) == (0, -10_000_000)
