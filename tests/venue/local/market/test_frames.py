from __future__ import annotations

import gzip
import json
import re
from typing import Any

import pytest

from tests.venue.local.serving import NOW_MS, recordings, shape_of
from venue.local.market.contract import Topic
from venue.local.world.world import World

NUMBER = re.compile(r"-?\d+\.\d+")


def recorded(*places: str) -> dict[str, Any]:
    """Return recorded messages by their kind."""
    folder = recordings()
    found: dict[str, Any] = {}
    for place in places:
        for line in (folder / place).read_text().splitlines():
            row = json.loads(line)
            found.setdefault(row["kind"], json.loads(row["raw"]))
    return found


@pytest.fixture(scope="module")
def real() -> dict[str, Any]:
    return recorded(
        "hyperliquid_frames_testnet/testnet_20260728.jsonl",
        "hyperliquid_frames_trading/frames.jsonl",
    )


def numbers_in(value: Any) -> list[str]:
    """Return every text in a value that stands for a number."""
    if isinstance(value, dict):
        return [
            n for name, v in value.items() if name not in ("hash", "users") for n in numbers_in(v)
        ]
    if isinstance(value, list):
        return [n for v in value for n in numbers_in(v)]
    return [value] if isinstance(value, str) and value[:1] in "-0123456789" else []


@pytest.mark.parametrize(
    ("kind", "topic"),
    [
        ("l2Book_fast", Topic("l2Book", "BTC", fast=True)),
        ("l2_book", Topic("l2Book", "BTC")),
        ("bbo", Topic("bbo", "BTC")),
        ("trades", Topic("trades", "BTC")),
        ("trades_replay_first2of30", Topic("trades", "BTC")),
        ("active_asset_ctx", Topic("activeAssetCtx", "BTC")),
    ],
)
def test_frames_have_the_fields_and_types_of_recorded_ones(
    real: dict[str, Any], world: World, kind: str, topic: Topic
) -> None:
    ours = json.loads(world.first(topic, NOW_MS)[0])
    assert shape_of(ours) == shape_of(real[kind])
    ours_order = list(ours["data"] if isinstance(ours["data"], dict) else ours["data"][0])
    theirs = real[kind]["data"]
    assert ours_order == list(theirs if isinstance(theirs, dict) else theirs[0])


@pytest.mark.parametrize(
    "topic",
    [
        Topic("l2Book", "kPEPE"),
        Topic("l2Book", "BTC", figures=4),
        Topic("trades", "kPEPE"),
        Topic("activeAssetCtx", "AVAX"),
        Topic("candle", "SOL", interval="1h"),
        Topic("allMids"),
    ],
)
def test_numbers_are_decimal_text_with_a_point(world: World, topic: Topic) -> None:
    numbers = numbers_in(json.loads(world.first(topic, NOW_MS)[0])["data"])
    intervals = {"1h"}
    assert len(numbers) > 4
    assert all(NUMBER.fullmatch(n) for n in numbers if n not in intervals)


def test_a_grouped_book_tells_its_spread(world: World) -> None:
    book = world.book(Topic("l2Book", "BTC", figures=4), NOW_MS)
    bid, ask = (float(side[0]["px"]) for side in book["levels"])
    assert float(book["spread"]) == pytest.approx(ask - bid)
    assert "spread" not in world.book(Topic("l2Book", "BTC"), NOW_MS)


def test_books_and_trades_match_raw_frames_of_mainnet(world: World) -> None:
    path = recordings() / "hyperliquid_ws_frames" / "btcusd_20250126.gz"
    seen = set()
    with gzip.open(path, "rt") as lines:
        for line in lines:
            message = json.loads(line.split(" ", 1)[1])
            topic = Topic(message["channel"], "BTC")
            assert shape_of(json.loads(world.first(topic, NOW_MS)[0])) == shape_of(message)
            seen.add(message["channel"])
    assert seen == {"l2Book", "trades"}


def cassette(name: str) -> Any:
    """Return the newest reply that holds rows in a recorded exchange of the official SDK."""
    text = (recordings() / "hyperliquid_sdk_cassettes" / name).read_text()
    return [json.loads(body) for body in re.findall(r"string: '(\[.*\])'", text)][-1]


def test_candles_match_recorded_rows(world: World) -> None:
    ours = world.candles("BTC", "1h", 0, NOW_MS, NOW_MS)[0]
    assert shape_of(ours) == shape_of(cassette("test_get_candles_snapshot.yaml")[0])


def test_funding_matches_recorded_rows(world: World) -> None:
    ours = world.funding_history("BTC", 0, NOW_MS)[0]
    assert shape_of(ours) == shape_of(cassette("test_get_funding_history_None.yaml")[0])
