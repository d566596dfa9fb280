from __future__ import annotations

import asyncio
from typing import Any

import pytest

from market.instrument import instruments_from_meta
from tests.venue.local.serving import DAY_MS, EPOCH_MS, HOUR_MS, NOW_MS, Stub
from venue.local.protocol.refused import Refused
from venue.local.server.questions import Questions
from venue.local.world.world import World


@pytest.fixture(scope="module")
def ask(world: World) -> Any:
    """Return a function that asks the world a question."""

    def answer(**question: Any) -> Any:
        return asyncio.run(Questions(world, lambda: NOW_MS).answer(question))

    return answer


def test_meta_says_what_may_be_traded(ask: Any, world: World) -> None:
    meta = ask(type="meta", dex="")
    assert instruments_from_meta(meta["universe"]) == world.instruments
    tables = dict(meta["marginTables"])
    for row in meta["universe"]:
        assert tables[row["marginTableId"]]["marginTiers"][0]["maxLeverage"] == row["maxLeverage"]
    assert meta["collateralToken"] == 0
    assert ask(type="meta") == meta
    assert ask(type="allPerpMetas") == [meta]


def test_contexts_stand_in_the_order_of_meta(ask: Any, world: World) -> None:
    meta, contexts = ask(type="metaAndAssetCtxs")
    assert len(contexts) == len(meta["universe"])
    assert contexts[3] == world.context("HYPE", NOW_MS)
    mids = ask(type="allMids")
    for row, context in zip(meta["universe"], contexts, strict=True):
        assert mids[row["name"]] == context["midPx"]


def test_the_rest_of_what_clients_ask_at_their_start(ask: Any) -> None:
    assert ask(type="perpDexs") == [None]
    spot = ask(type="spotMeta")
    assert spot["universe"] == []
    assert spot["tokens"][0]["name"] == "USDC"
    assert ask(type="spotMetaAndAssetCtxs") == [spot, []]
    assert ask(type="exchangeStatus") == {"time": NOW_MS, "specialStatuses": None}


def test_books_of_unknown_coins_are_null(ask: Any, world: World) -> None:
    assert ask(type="l2Book", coin="NOPE") is None
    book = ask(type="l2Book", coin="ETH")
    assert set(book) == {"coin", "time", "levels"}
    assert [len(side) for side in book["levels"]] == [20, 20]
    assert "spread" in ask(type="l2Book", coin="ETH", nSigFigs=5, mantissa=2)


def test_recent_trades_are_newest_first(ask: Any) -> None:
    times = [trade["time"] for trade in ask(type="recentTrades", coin="BTC")]
    assert times == sorted(times, reverse=True)
    assert len(times) == 30


def candles(ask: Any, interval: str, start: int, end: int | None) -> list[dict[str, Any]]:
    asked = {"coin": "BTC", "interval": interval, "startTime": start, "endTime": end}
    return ask(type="candleSnapshot", req=asked)


def test_candles_overlap_the_span_and_end_with_the_running_one(ask: Any) -> None:
    rows = candles(ask, "1h", NOW_MS - 3 * HOUR_MS, None)
    assert len(rows) == 4
    assert rows[0]["t"] <= NOW_MS - 3 * HOUR_MS < rows[0]["T"]
    assert rows[-1]["t"] <= NOW_MS < rows[-1]["T"]
    assert candles(ask, "1h", 0, NOW_MS + 10**12)[-1] == rows[-1]
    assert candles(ask, "1h", NOW_MS + HOUR_MS, None) == []
    assert candles(ask, "1h", NOW_MS, NOW_MS - 1) == []
    assert len(candles(ask, "1m", EPOCH_MS, EPOCH_MS + 119_999)) == 2


def test_funding_history_is_that_of_settled_hours(ask: Any) -> None:
    rows = ask(type="fundingHistory", coin="BTC", startTime=NOW_MS - 3 * HOUR_MS)
    assert len(rows) == 3
    assert set(rows[0]) == {"coin", "fundingRate", "premium", "time"}
    assert (
        len(ask(type="fundingHistory", coin="BTC", startTime=0)) == (NOW_MS - EPOCH_MS) // HOUR_MS
    )
    assert ask(type="fundingHistory", coin="BTC", startTime=5, endTime=4) == []


def test_predicted_fundings_name_the_hour_already_settled(ask: Any, world: World) -> None:
    rows = {coin: dict(venues) for coin, venues in ask(type="predictedFundings")}
    hype = rows["HYPE"]["HlPerp"]
    assert hype["fundingRate"] == world.context("HYPE", NOW_MS)["funding"]
    assert hype["nextFundingTime"] == NOW_MS - NOW_MS % HOUR_MS
    assert len(rows) == 50


@pytest.mark.parametrize(
    ("question", "status"),
    [
        ({}, 422),
        ({"type": "noSuchType"}, 422),
        ({"type": ["meta"]}, 422),
        ({"type": "meta", "dex": 1}, 422),
        ({"type": "meta", "dex": "xyz"}, 500),
        ({"type": "allMids", "dex": "xyz"}, 500),
        ({"type": "l2Book"}, 422),
        ({"type": "l2Book", "coin": "BTC", "nSigFigs": "5"}, 422),
        ({"type": "l2Book", "coin": "BTC", "nSigFigs": 7}, 500),
        ({"type": "l2Book", "coin": "BTC", "mantissa": 5}, 500),
        ({"type": "recentTrades", "coin": "NOPE"}, 500),
        ({"type": "fundingHistory", "coin": "NOPE", "startTime": 0}, 500),
        ({"type": "fundingHistory", "coin": "BTC"}, 422),
        ({"type": "fundingHistory", "coin": "BTC", "startTime": -1}, 422),
        ({"type": "fundingHistory", "coin": "BTC", "startTime": 1 << 63}, 422),
        ({"type": "fundingHistory", "coin": "BTC", "startTime": True}, 422),
        ({"type": "candleSnapshot"}, 422),
        ({"type": "candleSnapshot", "req": {"coin": "BTC", "interval": "1h"}}, 422),
        (
            {"type": "candleSnapshot", "req": {"coin": "BTC", "interval": "7h", "startTime": 0}},
            422,
        ),
        ({"type": "candleSnapshot", "req": {"coin": "NO", "interval": "1h", "startTime": 0}}, 500),
    ],
)
def test_what_cannot_be_answered_is_refused(question: dict[str, Any], status: int) -> None:
    with pytest.raises(Refused) as refused:
        asyncio.run(Questions(Stub(), lambda: NOW_MS).answer(question))
    assert refused.value.status == status


def test_long_work_gives_way_to_others() -> None:
    async def run() -> int:
        world = World(5, EPOCH_MS)
        questions = Questions(world, lambda: NOW_MS + 2 * DAY_MS)
        asked = {"coin": "SOL", "interval": "4h", "startTime": 0}
        task = asyncio.create_task(
            questions.answer({"type": "candleSnapshot", "req": asked}), name="asker"
        )
        turns = 0
        while not task.done():
            turns += 1
            await asyncio.sleep(0)
        return turns

    assert asyncio.run(run()) >= 5
