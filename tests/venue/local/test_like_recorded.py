"""Our messages beside recorded ones of the venue: same names in the same order, same types.

One test for each channel and each kind of request of which a recording exists. What a recording is
too old or too trimmed to show is said beside it.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest

from tests.venue.local.ours import Busy, market_answer, market_frames
from tests.venue.local.recorded_messages import (
    cassette,
    fixture,
    on_testnet,
    session,
    table,
    trading,
    vault_rows,
)
from tests.venue.local.serving import HOUR_MS, NOW_MS, Clock, hear, recordings, say, serving
from tests.venue.local.shapes import DECIMAL, HEX, Shape, differences, kind_of
from venue.local.exchange.state.fees import fee_e6
from venue.local.exchange.steps.rows import direction
from venue.local.world.world import World

FILL_MORE = frozenset(("cloid", "liquidation", "builderFee", "feeTrialEscrow"))


def learned(examples: list[Any]) -> Shape:
    shape = Shape()
    for example in examples:
        shape.learn(example)
    return shape


def alike(ours: list[Any], theirs: list[Any], **options: Any) -> None:
    """Assert that our messages are like recorded ones."""
    assert ours, "we have none to compare"
    assert theirs, "none was recorded"
    found = differences(learned(ours), learned(theirs), **options)
    assert not found, "\n".join(found)


def channel(name: str) -> list[Any]:
    return [message for message in session() if message["channel"] == name]


@pytest.fixture(scope="module", autouse=True)
def _recorded() -> None:
    recordings()


# The market.


@pytest.fixture(scope="module")
def heard(world: World) -> dict[str, list[Any]]:
    return market_frames(world)


CHANNELS: dict[str, tuple[Callable[[], list[Any]], dict[str, Any]]] = {
    "l2Book": (lambda: trading("l2_book"), {}),
    "l2Book fast": (lambda: on_testnet("l2Book_fast"), {}),
    "bbo": (lambda: trading("bbo") + on_testnet("bbo"), {}),
    "trades": (lambda: trading("trades") + on_testnet("trades_replay"), {}),
    "activeAssetCtx": (lambda: trading("active_asset_ctx"), {}),
    "allMids": (lambda: [fixture("ws_allmids.json")], {}),
}


@pytest.mark.parametrize("name", CHANNELS)
def test_a_channel_of_the_market(name: str, heard: dict[str, list[Any]]) -> None:
    recorded, options = CHANNELS[name]
    ours = heard[name]
    if name == "allMids":
        # Names are coins, so only the values can be compared.
        ours, theirs = ([list(m["data"]["mids"].values()) for m in ms] for ms in (ours, recorded()))
        alike(ours, theirs)
        return
    alike(ours, recorded(), **options)


@pytest.mark.parametrize("name", ["l2Book", "trades"])
def test_a_channel_of_the_older_session(name: str, heard: dict[str, list[Any]]) -> None:
    alike(heard[name], channel(name), ordered=False)


def test_a_grouped_book_adds_the_spread(heard: dict[str, list[Any]]) -> None:
    alike(heard["l2Book grouped"], trading("l2_book"), more=frozenset(("data.spread",)))
    assert all(kind_of(message["data"]["spread"]) == DECIMAL for message in heard["l2Book grouped"])


def test_a_candle_is_that_of_info(heard: dict[str, list[Any]]) -> None:
    """No frame was recorded; clients say that it is one candle as /info has it."""
    rows = cassette("get_candles_snapshot")[1]
    alike([message["data"] for message in heard["candle"]], rows, ordered=False)


def test_the_contexts_of_all_coins(world: World) -> None:
    ctxs = fixture("ws_all_dexs_asset_ctxs.json")["data"]["ctxs"][0][1]
    ours = [world.context(coin, NOW_MS) for coin in world.instruments]
    alike(ours, ctxs)


QUESTIONS: dict[str, tuple[dict[str, Any], Callable[[], list[Any]], dict[str, Any]]] = {
    "meta": (
        {},
        lambda: trading("get_meta_ack") + on_testnet("meta_subset"),
        {"more": frozenset(("marginTables",)), "ordered": False},
    ),
    "meta of 2023": (
        {"type": "meta"},
        lambda: [cassette("get_info")[1]],
        {
            "more": frozenset(("marginTables", "collateralToken", "universe.marginTableId")),
            "ordered": False,
        },
    ),
    "l2Book": (
        {"coin": "BTC"},
        # The sample of another client was cut down to prices and sizes.
        lambda: [cassette("get_l2_snapshot")[1]],
        {"ordered": False},
    ),
    "recentTrades": (
        {"coin": "BTC"},
        lambda: [message["data"] for message in trading("trades")],
        {},
    ),
    "candleSnapshot": (
        {"req": {"coin": "BTC", "interval": "1h", "startTime": NOW_MS - 9 * HOUR_MS}},
        lambda: [cassette("get_candles_snapshot")[1]],
        {"ordered": False},
    ),
    "fundingHistory": (
        {"coin": "BTC", "startTime": NOW_MS - 9 * HOUR_MS},
        lambda: [cassette("get_funding_history_None")[1], fixture("http_funding_history.json")],
        {"ordered": False},
    ),
}


@pytest.mark.parametrize("name", QUESTIONS)
def test_an_answer_about_the_market(name: str, world: World) -> None:
    fields, recorded, options = QUESTIONS[name]
    answer = market_answer(world, {"type": name, **fields})
    alike([answer], recorded(), **options)


def test_mids_are_decimal_text(world: World) -> None:
    ours = market_answer(world, {"type": "allMids"}).values()
    theirs = cassette("get_all_mids")[1].values()
    assert {kind_of(mid) for mid in ours} == {kind_of(mid) for mid in theirs} == {DECIMAL}


def test_the_first_dex_has_no_name(world: World) -> None:
    (path,) = recordings().glob("hyperliquid_frames_trading/get_perp_dexs_ack.json")
    assert path.read_text().startswith("[null,{")
    assert market_answer(world, {"type": "perpDexs"}) == [None]


# What is said on a socket beside data.


def test_acknowledgements_pongs_and_errors_word_for_word(world: World) -> None:
    (ack,), (pong,) = trading("subscription_response"), trading("pong")
    errors = trading("error") + on_testnet("error")

    async def run() -> None:
        async with serving(world, clock=Clock()) as venue, venue.connect() as ws:
            await say(ws, {"method": "subscribe", "subscription": ack["data"]["subscription"]})
            assert await hear(ws, "subscriptionResponse") == ack
            await say(ws, {"method": "ping"})
            assert await hear(ws, "pong") == pong
            for error in errors:
                await say(ws, error["data"].split("websocket request: ", 1)[1])
                assert await hear(ws, "error") == error

    asyncio.run(run())


# Accounts.


@pytest.fixture(scope="module")
def busy(world: World) -> Busy:
    return Busy(world)


def in_fills(path: str) -> frozenset[str]:
    return frozenset(f"{path}.{name}".lstrip(".") for name in FILL_MORE)


STREAMS: dict[str, tuple[Callable[[], list[Any]], dict[str, Any]]] = {
    "orderUpdates": (
        lambda: trading("order_updates") + on_testnet("orderUpdates"),
        {"more": frozenset(("data.order.cloid", "data.order.reduceOnly"))},
    ),
    "userFills": (
        lambda: trading("user_fills") + on_testnet("userFills_empty"),
        {"more": in_fills("data.fills") | {"data.isSnapshot"}},
    ),
    "userEvents": (
        lambda: trading("user", "fills")[-1:] + trading("user", "funding")[:1],
        {"more": in_fills("data.fills")},
    ),
    "userFundings": (
        lambda: trading("user_fundings"),
        {"more": frozenset(("data.isSnapshot",))},
    ),
}


@pytest.mark.parametrize("name", STREAMS)
def test_a_stream_of_an_account(name: str, busy: Busy) -> None:
    recorded, options = STREAMS[name]
    alike(busy.frames[name], recorded(), **options)


def test_every_status_of_an_order_that_was_recorded_is_told(busy: Busy) -> None:
    def statuses(messages: list[Any]) -> set[str]:
        return {row["status"] for message in messages for row in message["data"]}

    assert statuses(trading("order_updates")) <= statuses(busy.frames["orderUpdates"])


ANSWERS: dict[str, tuple[str, dict[str, Any], Callable[[], list[Any]], dict[str, Any]]] = {
    "clearinghouseState": (
        "clearinghouseState",
        {},
        lambda: trading("get_clearing_house_state_ack") + on_testnet("clearinghouseState"),
        {
            # Only an isolated position has it; none was recorded.
            "more": frozenset(("assetPositions.position.leverage.rawUsd",)),
            # Recorded only where there is none; the older cassette has both.
            "filled": {"assetPositions.position.liquidationPx": DECIMAL},
        },
    ),
    "openOrders": (
        "openOrders",
        {},
        lambda: trading("get_open_orders_ack") + on_testnet("openOrders"),
        {"more": frozenset(("cloid", "reduceOnly"))},
    ),
    "frontendOpenOrders": (
        "frontendOpenOrders",
        {},
        lambda: [cassette("get_frontend_open_orders")[1]],
        {"more": frozenset(("cloid", "children.cloid")), "ordered": False},
    ),
    "historicalOrders": (
        "historicalOrders",
        {},
        lambda: [cassette("historical_orders")[1]],
        # Recorded of an account that sends neither triggers nor cloids.
        {"nullable": frozenset(("order.tif",)), "filled": {"order.cloid": HEX}},
    ),
    "userFills": ("userFills", {}, lambda: trading("get_user_fills_ack"), {"more": in_fills("")}),
    "userFillsByTime": (
        "userFillsByTime",
        {"startTime": 0},
        lambda: [fixture("http_user_fills_dust_conversion.json")],
        {"more": in_fills("")},
    ),
    "userFunding": (
        "userFunding",
        {"startTime": 0},
        lambda: [cassette("user_funding_history_without_end_time")[1]],
        {"ordered": False, "nullable": frozenset(("delta.nSamples",))},
    ),
    "userNonFundingLedgerUpdates": (
        "userNonFundingLedgerUpdates",
        {"startTime": 0},
        lambda: [cassette("user_non_funding_ledger_updates_without_end_time")[1]],
        {},
    ),
    "userRateLimit": (
        "userRateLimit",
        {},
        lambda: [cassette("user_rate_limit")[1]],
        # Newer than the recording.
        {"more": frozenset(("nRequestsSurplus",))},
    ),
    "spotClearinghouseState": (
        "spotClearinghouseState",
        {},
        lambda: trading("get_spot_clearing_house_state_ack"),
        {},
    ),
    "userTwapSliceFills": (
        "userTwapSliceFills",
        {},
        lambda: [cassette("user_twap_slice_fills")[1]],
        {},
    ),
    "portfolio": ("portfolio", {}, lambda: [cassette("portfolio")[1]], {}),
    "userRole": ("userRole", {}, lambda: [cassette("user_role")[1]], {}),
}


@pytest.mark.parametrize("name", ANSWERS)
def test_an_answer_about_an_account(name: str, busy: Busy) -> None:
    kind, fields, recorded, options = ANSWERS[name]
    alike([busy.answer(kind, **fields)], recorded(), **options)


def test_a_child_order_waits_for_its_price(busy: Busy) -> None:
    def conditions(orders: list[Any]) -> set[str]:
        return {child["triggerCondition"].split(" ")[0] for o in orders for child in o["children"]}

    assert conditions(busy.replies["several open"][0]) <= conditions(
        cassette("get_frontend_open_orders")[1]
    )


# Replies to actions, word for word but for numbers.

REPLIES: dict[str, Callable[[], Any]] = {
    "resting": lambda: trading("create_order_ack", "success_created")[0],
    "filled": lambda: trading("create_order_ack", "success_filled")[0],
    "cancel": lambda: trading("cancel_order_ack", "success")[0],
    "cancel gone": lambda: trading("cancel_order_ack", "already_canceled_or_filled")[0],
    "too small": lambda: trading("create_order_ack", "failure_quantity")[0],
    "no margin": lambda: trading("create_order_ack", "insufficient_margin")[0],
    "no match": lambda: trading("create_order_ack", "ioc_failed")[0],
    "far price": lambda: trading("create_order_ack", "failure_price")[0],
    "too large": lambda: trading("action_order", "failure_2026")[0]["data"]["response"]["payload"],
}


@pytest.mark.parametrize("name", REPLIES)
def test_a_reply_to_an_action(name: str, busy: Busy) -> None:
    alike(busy.replies[name][:1], [REPLIES[name]()])
    ours, theirs = errors_in(busy.replies[name][0]), errors_in(REPLIES[name]())
    assert [worded(text) for text in ours] == [worded(text) for text in theirs]


def errors_in(reply: Any) -> list[str]:
    statuses = reply["response"]["data"]["statuses"]
    return [
        status["error"] for status in statuses if isinstance(status, dict) and "error" in status
    ]


def worded(text: str) -> str:
    """Return an error without what depends on the order and the rules: asset, share, most."""
    return re.sub(r"(asset=|Max is \$)?\d+(?=[%.]|$)", r"\1n", text.replace("$10.", "$ten."))


# Fills and funding of real accounts.

ACCOUNT = "hyperliquid_userfills_account"


def vault_fills() -> list[Any]:
    """Return recorded fills of perpetuals: (px, sz, side, start, dir, fee)."""
    return [
        (Decimal(row[1]), Decimal(row[2]), row[3], Decimal(row[6]), row[7], Decimal(row[12]))
        for row in vault_rows()
        if row[0].isascii() and row[0][0] != "@" and row[0] != "PURR"
    ]


def test_fees_are_cut_to_millionths() -> None:
    """Never rounded up. Recorded rows may be sums, each part of which was cut for itself."""
    compared = 0
    for px, sz, _, _, _, fee in vault_fills():
        notional_e6 = int(px * sz * 10**6)
        if notional_e6 < 200_000_000:
            continue
        millionths = round(fee / (px * sz) * 10**5) * 10
        ours = fee_e6(notional_e6, millionths)
        assert 0 <= ours - int(fee * 10**6) <= 10
        compared += 1
    assert compared > 1_000


def test_directions_are_worded_as_recorded() -> None:
    """A row that sums up several fills has the words of its first: a turn may read as a close."""
    scale, sums = 10**8, 0
    for _, sz, side, start, words, _ in vault_fills():
        signed = int(sz * scale) * (1 if side == "B" else -1)
        ours = direction(int(start * scale), signed)
        is_sum = words == f"Close {ours.split(' > ')[0]}" != ours
        assert ours == words or is_sum
        sums += is_sum
    assert sums < 50


def test_funding_is_what_was_recorded_in_sign(busy: Busy) -> None:
    """A long position pays a positive rate: `usdc` is negative."""
    rows = [row["delta"] for row in busy.answer("userFunding")]
    for row in [*rows, *table(f"{ACCOUNT}/funding_2026-06.csv")]:
        usdc, szi, rate = (float(row[name]) for name in ("usdc", "szi", "fundingRate"))
        assert usdc * szi * rate <= 0


@pytest.mark.parametrize("name", ["fills", "funding"])
def test_the_columns_of_recorded_accounts_are_our_names(name: str, busy: Busy) -> None:
    row = table(f"{ACCOUNT}/{name}_2026-06.csv")[0]
    ours = busy.answer("userFills")[0] if name == "fills" else busy.answer("userFunding")[0]
    names = {**ours, **ours.get("delta", {})}
    own = {"_key", "_ts", "time_ms", "time_iso", "builderFee", "liquidation"}
    assert set(row) - own <= set(names)
