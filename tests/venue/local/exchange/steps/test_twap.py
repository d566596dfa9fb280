from __future__ import annotations

from tests.venue.local.exchange.scripted import ALICE, BOB, Bench

SLICE_MS = 30_000


def start(bench: Bench, size: str = "1.1", minutes: int = 5, **more: object) -> dict:
    twap = {"a": 0, "b": True, "s": size, "r": False, "m": minutes, "t": False, **more}
    reply = bench.act(ALICE, {"type": "twapOrder", "twap": twap})
    assert reply["response"]["type"] == "twapOrder"
    return reply["response"]["data"]["status"]


def deep() -> Bench:
    bench = Bench()
    bench.market.set_book("BTC", [("99990", "100")], [("100010", "100")])
    return bench


def test_equal_slices_are_sent_every_thirty_seconds_until_all_is_bought() -> None:
    bench = deep()
    assert start(bench) == {"running": {"twapId": 1}}
    assert bench.size(ALICE, "BTC") == "0.1"
    for number in range(2, 12):
        bench.pass_ms(SLICE_MS)
        assert bench.size(ALICE, "BTC") == f"{number / 10}"
    fills = bench.notes("fill")
    assert {f.data["twapId"] for f in fills} == {1}
    assert {f.data["hash"] for f in fills} == {"0x" + "0" * 64}
    bench.pass_ms(SLICE_MS)
    assert bench.size(ALICE, "BTC") == "1.1" and not bench.exchange.twaps.running


def test_what_could_not_be_bought_is_made_up_for_at_most_threefold() -> None:
    bench = deep()
    bench.market.set_book("BTC", [], [("104000", "100")])
    start(bench)
    for _ in range(5):
        bench.pass_ms(SLICE_MS)
    # Beyond three per cent of the mark.
    assert bench.lots(ALICE, "BTC") == 0
    bench.market.set_book("BTC", [], [("100010", "100")])
    bench.pass_ms(SLICE_MS)
    assert bench.size(ALICE, "BTC") == "0.3"


def test_its_beginning_and_end_are_told() -> None:
    bench = deep()
    start(bench)
    bench.act(ALICE, {"type": "twapCancel", "a": 0, "t": 1})
    told = [n.data for n in bench.notes("twap")]
    assert [t["status"] for t in told] == [{"status": "activated"}, {"status": "terminated"}]
    assert told[1]["state"]["executedSz"] == "0.1"
    bench.pass_ms(SLICE_MS)
    assert bench.size(ALICE, "BTC") == "0.1"


def test_a_reducing_one_ends_with_the_position() -> None:
    bench = deep()
    bench.rest(BOB, "BTC", "buy", "100000", "1")
    bench.take(ALICE, "BTC", "sell", "100000", "0.15")
    assert "running" in start(bench, r=True)
    for _ in range(3):
        bench.pass_ms(SLICE_MS)
    assert bench.lots(ALICE, "BTC") == 0 and not bench.exchange.twaps.running
