from __future__ import annotations

from tests.venue.local.exchange.scripted import ALICE, BOB, Bench, limit
from venue.local.exchange.state.exchange_state import BACKSTOP
from venue.local.exchange.state.rules import Rules
from venue.local.exchange.views import answers


def long(size: str = "1", usd: int = 6_000, rules: Rules | None = None) -> Bench:
    """Return a bench on which Alice is long with little money behind it."""
    bench = Bench(BOB, usd=10_000_000, rules=rules)
    bench.exchange.deposit(ALICE, usd * 10**6, bench.now_ms)
    bench.rest(BOB, "BTC", "sell", "100000", size)
    bench.take(ALICE, "BTC", "buy", "100000", size)
    bench.market.set_book("BTC", [("90000", "100")], [])
    bench.pass_ms(75)
    bench.news()
    return bench


def to_mark(bench: Bench, px: str) -> None:
    bench.market.set_mark("BTC", px)
    bench.pass_ms(1_100)


def fill_notes(bench: Bench) -> list[dict]:
    return [n.data for n in bench.notes("fill") if n.user == ALICE]


def test_at_the_price_the_account_is_shown_it_is_liquidated_and_not_before() -> None:
    bench = long()
    seen = answers.answer(bench.exchange, "clearinghouseState", {"user": ALICE}, bench.now_ms)
    px = float(seen["assetPositions"][0]["position"]["liquidationPx"])
    # (100000 − (6000 − 45)) / (1 − 1/80)
    assert abs(px - 94_045 / (1 - 1 / 80)) < 1e-6
    to_mark(bench, f"{int(px) + 1}")
    assert bench.lots(ALICE, "BTC") == 100_000
    bench.market.set_book("BTC", [(f"{int(px)}", "100")], [])
    to_mark(bench, f"{int(px)}")
    assert bench.lots(ALICE, "BTC") == 0


def test_a_liquidation_is_told_sends_to_the_book_and_cancels_the_orders() -> None:
    bench = long()
    oid = bench.rest(ALICE, "ETH", "buy", "3000", "0.1")
    bench.market.set_book("BTC", [("95000", "100")], [])
    bench.news()
    to_mark(bench, "95100")
    notes = [n for n in bench.news() if getattr(n, "user", "") == ALICE]
    assert [n.kind for n in notes] == ["order", "cancel", "liquidation", "fill", "order"]
    row = notes[2].data
    assert set(row) == {
        "lid", "liquidator", "liquidated_user", "liquidated_ntl_pos", "liquidated_account_value",
    }  # fmt: skip
    assert notes[3].data["liquidation"] == {
        "liquidatedUser": ALICE,
        "markPx": "95100.0",
        "method": "market",
    }
    assert bench.status(ALICE, oid) == "liquidatedCanceled"


def test_of_a_large_position_a_fifth_goes_first_and_all_within_the_pause() -> None:
    bench = long(size="10", usd=60_000)
    bench.market.set_book("BTC", [("95150", "1")], [])
    to_mark(bench, "95150")
    assert [f["sz"] for f in fill_notes(bench)] == ["1.0"]
    bench = long(size="10", usd=60_000)
    bench.market.set_book("BTC", [("95150", "100")], [])
    to_mark(bench, "95150")
    assert bench.size(ALICE, "BTC") == "8.0"
    # The rest has margin enough until the mark falls again; within the pause all of it goes.
    bench.market.set_book("BTC", [("94900", "100")], [])
    to_mark(bench, "94600")
    assert bench.lots(ALICE, "BTC") == 0


def test_below_two_thirds_of_the_maintenance_margin_the_backstop_takes_all() -> None:
    bench = long()
    to_mark(bench, "94700")
    (fill,) = fill_notes(bench)
    assert fill["liquidation"]["method"] == "backstop" and fill["px"] == "94700.0"
    assert fill["fee"] == "0.0"
    assert bench.cash(ALICE) == 0
    vault = bench.exchange.state.accounts[BACKSTOP]
    assert vault.lots("BTC") == 100_000
    # What was left of the margin stays behind the position: 6000 − 45 − 5300.
    assert vault.raw_e6 + 100_000 * 947_000 == 655 * 10**6


def test_a_loss_beyond_the_margin_is_borne_by_the_backstop() -> None:
    bench = long()
    to_mark(bench, "80000")
    assert bench.cash(ALICE) == 0
    vault = bench.exchange.state.accounts[BACKSTOP]
    assert vault.cash_e6 == (6_000 - 45 - 20_000) * 10**6


def test_an_isolated_position_goes_alone() -> None:
    bench = Bench(ALICE, BOB)
    bench.act(ALICE, {"type": "updateLeverage", "asset": 0, "isCross": False, "leverage": 20})
    bench.rest(BOB, "BTC", "sell", "100000", "1")
    bench.take(ALICE, "BTC", "buy", "100000", "1")
    bench.rest(ALICE, "ETH", "buy", "3000", "1")
    before = bench.exchange.state.accounts[ALICE].raw_e6
    to_mark(bench, "95500")
    assert bench.lots(ALICE, "BTC") == 0
    assert bench.exchange.state.accounts[ALICE].raw_e6 == before
    assert len(bench.exchange.state.accounts[ALICE].open) == 1
    assert bench.place(ALICE, limit("ETH", "buy", "3000", "1"))
