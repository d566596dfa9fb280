from __future__ import annotations

from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from tests.venue.local.exchange.scripted import (
    ALICE,
    BOB,
    CAROL,
    DAWN_MS,
    HOUR_MS,
    START_MS,
    Bench,
    cancel,
    limit,
    stop,
)
from venue.local.exchange.state.refusal import MALFORMED
from venue.local.exchange.views import answers

KINDS = (
    "order", "cancel", "cancelByCloid", "modify", "batchModify", "scheduleCancel", "updateLeverage",
    "updateIsolatedMargin", "topUpIsolatedOnlyMargin", "usdSend", "withdraw3", "usdClassTransfer",
    "vaultTransfer", "reserveRequestWeight", "approveBuilderFee", "noop", "twapOrder", "twapCancel",
    "nonsense",
)  # fmt: skip
NAMES = (
    "type", "orders", "cancels", "modifies", "a", "b", "p", "s", "r", "t", "c", "o", "oid", "order",
    "limit", "tif", "trigger", "isMarket", "triggerPx", "tpsl", "grouping", "builder", "f", "asset",
    "cloid", "time", "isCross", "leverage", "isBuy", "ntli", "twap", "m", "destination", "amount",
    "toPerp", "weight", "maxFeeRate", "vaultAddress", "isDeposit", "usd",
)  # fmt: skip
scalars = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-(2**70), 2**70),
    st.sampled_from((0, 1, 3, 4, 99)),
    st.floats(allow_nan=True),
    st.text(max_size=5),
    st.sampled_from(("1", "0", "100000", "-1", "1e5", "nan", ".", "0.00001", "9" * 39, "٣", ALICE,
                     "0x" + "1" * 32, "Gtc", "Ioc", "sl", "na", "normalTpsl", "1%", "0.01%")),
)  # fmt: skip
values = st.recursive(
    scalars,
    lambda inner: st.one_of(
        st.lists(inner, max_size=3), st.dictionaries(st.sampled_from(NAMES), inner, max_size=6)
    ),
    max_leaves=12,
)


@settings(max_examples=150, deadline=None)
@given(st.sampled_from(KINDS), st.dictionaries(st.sampled_from(NAMES), values, max_size=8))
def test_no_action_however_wild_raises(kind: str, fields: dict[str, Any]) -> None:
    bench = Bench(ALICE)
    reply = bench.act(ALICE, {**fields, "type": kind})
    assert reply["status"] in ("ok", "err") and "response" in reply


PARTS: list[dict[str, Any]] = [
    {"type": "order", "orders": [limit("BTC", "buy", "99000", "0.01", cloid="0x" + "1" * 32)],
     "grouping": "na"},
    {"type": "order", "grouping": "positionTpsl",
     "orders": [stop("BTC", "sell", "90000", "0.01", "91000")]},
    {"type": "modify", "oid": 90_000_000_001, "order": limit("BTC", "buy", "98000", "0.01")},
    {"type": "batchModify",
     "modifies": [{"oid": "0x" + "1" * 32, "order": limit("BTC", "buy", "98000", "0.01")}]},
    {"type": "cancel", "cancels": [{"a": 0, "o": 90_000_000_001}]},
    {"type": "cancelByCloid", "cancels": [{"asset": 0, "cloid": "0x" + "1" * 32}]},
    {"type": "scheduleCancel", "time": START_MS + 9_000},
    {"type": "updateLeverage", "asset": 0, "isCross": False, "leverage": 3},
    {"type": "updateIsolatedMargin", "asset": 0, "isBuy": True, "ntli": 5},
    {"type": "twapOrder",
     "twap": {"a": 0, "b": True, "s": "0.1", "r": False, "m": 5, "t": False}},
    {"type": "usdSend", "destination": BOB, "amount": "1.5", "time": 1},
    {"type": "approveBuilderFee", "maxFeeRate": "0.01%", "builder": BOB, "nonce": 1},
]  # fmt: skip


def places(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """Return the paths to everything inside a value."""
    found = [path] if path else []
    if isinstance(value, dict):
        inner = value.items()
    else:
        inner = enumerate(value) if isinstance(value, list) else ()  # type: ignore[assignment]
    for key, each in inner:
        found += places(each, (*path, key))
    return found


@settings(max_examples=150, deadline=None)
@given(st.data())
def test_a_real_action_with_one_part_changed_raises_nothing(data: st.DataObject) -> None:
    import copy  # noqa: PLC0415

    action = copy.deepcopy(data.draw(st.sampled_from(PARTS)))
    *path, last = data.draw(st.sampled_from(places(action)))
    inside: Any = action
    for key in path:
        inside = inside[key]
    if data.draw(st.booleans()) and isinstance(inside, dict):
        del inside[last]
    else:
        inside[last] = data.draw(values)
    bench = Bench(ALICE)
    bench.market.set_book("BTC", [("99990", "1")], [("100010", "1")])
    bench.place(ALICE, limit("BTC", "buy", "99000", "0.01", cloid="0x" + "1" * 32))
    reply = bench.act(ALICE, action)
    assert reply["status"] in ("ok", "err")
    bench.pass_ms(60_000)


def test_an_unknown_action_and_a_stranger_are_told_so() -> None:
    bench = Bench(ALICE)
    assert bench.act(ALICE, {"type": "fly"}) == {"status": "err", "response": MALFORMED}
    words = f"Must deposit before performing actions. User: {BOB}"
    assert bench.act(BOB, {"type": "noop"}) == {"status": "err", "response": words}
    assert bench.exchange.has(ALICE) and not bench.exchange.has(BOB)


def test_a_batch_over_the_weight_limit_is_refused_whole() -> None:
    bench = Bench(ALICE)
    row = {"a": 0, "o": 1}
    assert bench.act(ALICE, {"type": "cancel", "cancels": [row] * 200})["status"] == "ok"
    assert bench.exchange.requests_used(ALICE) == 200
    reply = bench.act(ALICE, {"type": "cancel", "cancels": [row] * 201})
    assert reply == {"status": "err", "response": "Signed action over weight limit of 200."}
    assert bench.exchange.requests_used(ALICE) == 200


def test_each_dollar_traded_is_a_request_more() -> None:
    bench = Bench()
    assert bench.exchange.requests_cap(ALICE) == 10_000
    bench.rest(BOB, "BTC", "sell", "100000", "0.5")
    bench.take(ALICE, "BTC", "buy", "100000", "0.5")
    assert bench.exchange.requests_cap(ALICE) == bench.exchange.requests_cap(BOB) == 60_000
    assert bench.exchange.volume_e6(ALICE) == 50_000_000_000
    assert bench.act(ALICE, {"type": "reserveRequestWeight", "weight": 100})["status"] == "ok"
    assert bench.exchange.requests_cap(ALICE) == 60_100


def test_after_an_upgrade_only_post_only_orders_are_taken() -> None:
    bench = Bench()
    bench.exchange.only_post_only(bench.now_ms + 1_000)
    words = "Only post-only orders allowed immediately after a network upgrade asset=0"
    assert bench.refused(ALICE, limit("BTC", "buy", "99000", "1")) == words
    bench.rest(ALICE, "BTC", "buy", "99000", "1", tif="Alo")
    bench.pass_ms(1_000)
    bench.rest(ALICE, "BTC", "buy", "99000", "1")


def test_time_never_runs_back() -> None:
    bench = Bench()
    bench.exchange.advance(bench.now_ms - 5_000)
    assert bench.exchange.state.now_ms == bench.now_ms


def test_a_long_pause_leaves_out_no_hour_of_funding() -> None:
    bench = Bench(ALICE, BOB)
    bench.rest(BOB, "BTC", "sell", "100000", "1")
    bench.take(ALICE, "BTC", "buy", "100000", "1")
    for hour in range(11, 16):
        bench.market.settle("BTC", DAWN_MS + hour * HOUR_MS + 40, "0.0001")
    before = bench.cash(ALICE)
    bench.exchange.advance(DAWN_MS + 15 * HOUR_MS + 200)
    assert before - bench.cash(ALICE) == 5 * 10_000_000


def test_a_trade_by_hand_to_the_micro_dollar() -> None:
    """Open 0.12345 BTC at 100,001 as taker, pay an hour of funding, close it as maker at 101,003.

    Buy: 100001 × 0.12345 = 12345.12345; fee 4.5 bps = 5.5553055525, cut to 5.555305.
    Funding: 0.12345 × 100250 × 0.0000125 = 0.154698281.., so 0.154698.
    Sell: 101003 × 0.12345 = 12468.82035, profit 123.6969; fee 1.5 bps = 1.8703230525.
    """
    bench = Bench(ALICE, usd=5_000)
    bench.market.set_book("BTC", [("99999", "3")], [("100001", "3")])
    assert bench.take(ALICE, "BTC", "buy", "100500", "0.12345") == {
        "totalSz": "0.12345",
        "avgPx": "100001.0",
        "oid": 90_000_000_001,
    }
    assert bench.cash(ALICE) == 5_000_000_000 - 5_555_305
    # Cross, 40x: l = 1/80; (12345 · 100001 − 4994.444695e6) / (12345 · (1 − 1/80)).
    seen = answers.answer(bench.exchange, "clearinghouseState", {"user": ALICE}, bench.now_ms)
    position = seen["assetPositions"][0]["position"]
    equity = 4_994_444_695 - 123_450
    expected = (12_345 * 1_000_000 - equity) / (12_345 * (1 - 1 / 80)) / 10
    assert position["liquidationPx"] == f"{expected:.8f}".rstrip("0")
    bench.market.set_book("BTC", [], [])
    bench.market.set_mark("BTC", "100300", oracle="100250")
    bench.market.settle("BTC", DAWN_MS + 11 * HOUR_MS + 40, "0.0000125")
    bench.pass_ms(HOUR_MS)
    assert bench.cash(ALICE) == 5_000_000_000 - 5_555_305 - 154_698
    bench.rest(ALICE, "BTC", "sell", "101003", "0.12345", reduce_only=True)
    bench.market.add_print("BTC", bench.now_ms + 75, 1, "101004", "9")
    bench.pass_ms(150)
    paid = 5_555_305 + 154_698 + 1_870_323
    assert bench.cash(ALICE) == 5_000_000_000 - paid + 123_696_900
    fills = answers.answer(bench.exchange, "userFills", {"user": ALICE}, bench.now_ms)
    assert [(f["px"], f["fee"], f["closedPnl"], f["dir"], f["crossed"]) for f in fills] == [
        ("101003.0", "1.870323", "123.6969", "Close Long", False),
        ("100001.0", "5.555305", "0.0", "Open Long", True),
    ]
    funding = answers.answer(
        bench.exchange, "userFunding", {"user": ALICE, "startTime": 0}, bench.now_ms
    )
    assert [row["delta"]["usdc"] for row in funding] == ["-0.154698"]


def test_what_happened_is_told_once_and_in_order() -> None:
    bench = Bench()
    oid = bench.rest(BOB, "BTC", "sell", "100000", "1")
    bench.take(ALICE, "BTC", "buy", "100000", "0.4")
    bench.act(BOB, cancel("BTC", oid))
    told = [
        (getattr(n, "kind", "print"), getattr(n, "user", "")[:3], n.data.get("status"))
        if hasattr(n, "data")
        else "print"
        for n in bench.news()
    ]
    assert told == [
        ("order", "0xb", "open"),
        "print",
        ("fill", "0xa", None),
        ("fill", "0xb", None),
        ("order", "0xa", "filled"),
        ("order", "0xb", "canceled"),
    ]
    assert bench.news() == []
    assert bench.exchange.state.accounts.keys() == {ALICE, BOB, CAROL}
