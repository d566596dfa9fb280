from __future__ import annotations

from tests.venue.local.exchange.scripted import ALICE, Bench, limit, stop


def test_one_status_an_order_in_their_order() -> None:
    bench = Bench()
    bench.market.set_book("BTC", [], [("100000", "1")])
    resting, filled, bad = bench.place(
        ALICE,
        limit("BTC", "buy", "99000", "1"),
        limit("BTC", "buy", "100000", "1"),
        limit("BTC", "buy", "99000", "0"),
    )
    assert list(resting) == ["resting"] and list(filled) == ["filled"]
    assert bad == {"error": "Order has zero size. asset=0"}


def test_an_empty_batch_and_an_unknown_grouping_are_refused() -> None:
    bench = Bench()
    for action in (
        {"type": "order", "orders": [], "grouping": "na"},
        {"type": "order", "orders": [limit("BTC", "buy", "99000", "1")], "grouping": "x"},
    ):
        assert bench.act(ALICE, action)["status"] == "err"


def test_a_priority_counts_as_no_grouping() -> None:
    action = {"type": "order", "orders": [limit("BTC", "buy", "99000", "1")], "grouping": {"p": 5}}
    (status,) = Bench().statuses(ALICE, action)
    assert "resting" in status


def test_a_child_must_close_what_its_parent_opens() -> None:
    bench = Bench()
    family = [limit("BTC", "buy", "99000", "1"), stop("BTC", "buy", "103000", "1", "102000")]
    first, child = bench.place(ALICE, *family, grouping="normalTpsl")
    assert "resting" in first and child == {"error": "Invalid TP/SL price. asset=0"}
    wrong = [limit("BTC", "buy", "99000", "1"), stop("BTC", "sell", "98000", "1", "99500")]
    _, child = bench.place(ALICE, *wrong, grouping="normalTpsl")
    assert child == {"error": "Invalid TP/SL price. asset=0"}


def test_an_unapproved_builder_is_refused() -> None:
    action = {
        "type": "order",
        "orders": [limit("BTC", "buy", "99000", "1")],
        "grouping": "na",
        "builder": {"b": "0x" + "9" * 40, "f": 10},
    }
    assert Bench().act(ALICE, action)["response"] == "Builder fee has not been approved."
