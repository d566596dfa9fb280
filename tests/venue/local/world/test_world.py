from __future__ import annotations

import json
import os
import subprocess
import sys
from collections import Counter
from decimal import Decimal
from itertools import pairwise

import numpy as np
import pytest

from market.errors import InvariantBroken, OperatorError
from tests.venue.local.serving import (
    DAY_MS,
    EPOCH_MS,
    HOUR_MS,
    MINUTE_MS,
    NOW_MS,
    REPO,
    SEED,
)
from tests.venue.local.world.world_answers import SOME, answers, questions
from venue.local.market.candles import INTERVALS, bar_end, bar_start
from venue.local.market.contract import Topic
from venue.local.world.world import World


def test_answers_do_not_depend_on_the_order_of_questions() -> None:
    forward = answers(World(SEED, EPOCH_MS), questions())
    assert answers(World(SEED, EPOCH_MS), questions()[::-1]) == forward
    alone = World(SEED, EPOCH_MS)
    assert answers(alone, questions()[40:41]).items() <= forward.items()
    assert answers(World(SEED + 1, EPOCH_MS), questions()[:1]).items().isdisjoint(forward.items())


@pytest.mark.parametrize("hash_seed", ["0", "4711"])
def test_answers_are_the_same_in_every_process(hash_seed: str) -> None:
    code = (
        "import json; from tests.venue.local.world.world_answers import *;"
        "print(json.dumps(answers(World(SEED, EPOCH_MS), questions())))"
    )
    environment = {**os.environ, "PYTHONHASHSEED": hash_seed, "PYTHONPATH": str(REPO)}
    done = subprocess.run(
        [sys.executable, "-c", code], env=environment, cwd=REPO, capture_output=True, check=True
    )
    assert json.loads(done.stdout) == answers(World(SEED, EPOCH_MS), questions())


def pushes(world: World, topic: Topic, since_ms: int, until_ms: int, step_ms: int) -> list:
    """Return the data of what falls due, asked for in steps."""
    out = []
    for at in range(since_ms, until_ms, step_ms):
        for _, payload in world.due(at, min(at + step_ms, until_ms), [topic]):
            out.append(json.loads(payload)["data"])
    return out


@pytest.fixture(scope="module")
def tape(world: World) -> dict[str, list]:
    """Return all trades of three hours, over a midnight, of a busy and a quiet coin."""
    start, end = EPOCH_MS + DAY_MS - HOUR_MS, EPOCH_MS + DAY_MS + 2 * HOUR_MS
    return {
        coin: [
            trade
            for batch in pushes(world, Topic("trades", coin), start, end, 30_000)
            for trade in batch
        ]
        for coin in ("BTC", "AERO")
    }


@pytest.mark.parametrize("coin", ["BTC", "AERO"])
@pytest.mark.parametrize("interval", ["1m", "3m", "5m", "15m", "30m", "1h"])
def test_candles_are_what_the_trades_add_up_to(
    world: World, tape: dict[str, list], coin: str, interval: str
) -> None:
    start, end = EPOCH_MS + DAY_MS - HOUR_MS, EPOCH_MS + DAY_MS + 2 * HOUR_MS
    rows = world.candles(coin, interval, start, end - 1, end + 12_345)
    assert [row["t"] for row in rows] == list(range(start, end, bar_end(interval, start) - start))
    for row in rows:
        inside = [t for t in tape[coin] if row["t"] <= t["time"] <= row["T"]]
        assert row["n"] == len(inside)
        assert Decimal(row["v"]) == sum(Decimal(t["sz"]) for t in inside)
        if inside:
            px = [Decimal(t["px"]) for t in inside]
            assert [Decimal(row[k]) for k in "ohlc"] == [px[0], max(px), min(px), px[-1]]


def test_a_minute_without_trades_repeats_the_last_close(world: World) -> None:
    rows = world.candles("AERO", "1m", EPOCH_MS, EPOCH_MS + DAY_MS - 1, EPOCH_MS + 2 * DAY_MS)
    empty = [(before, row) for before, row in pairwise(rows) if row["n"] == 0]
    assert len(empty) > 100
    for before, row in empty:
        assert row["v"] == "0.0"
        assert {row["o"], row["h"], row["l"], row["c"]} == {before["c"]}


def test_the_running_candle_holds_the_trades_so_far(world: World, tape: dict[str, list]) -> None:
    now = EPOCH_MS + DAY_MS + HOUR_MS + 25_000 + 20 * MINUTE_MS
    for interval in ("1m", "15m", "1h"):
        row = world.candles("BTC", interval, now, now, now)[-1]
        so_far = [t for t in tape["BTC"] if row["t"] <= t["time"] <= now]
        assert row["t"] == bar_start(interval, now)
        assert row["n"] == len(so_far) > 0
        assert row["c"] == so_far[-1]["px"]


@pytest.mark.parametrize("interval", INTERVALS)
def test_every_interval_is_served_from_the_epoch_to_now(world: World, interval: str) -> None:
    rows = world.candles("BTC", interval, 0, NOW_MS, NOW_MS)
    assert rows[-1]["t"] == bar_start(interval, NOW_MS)
    assert len(rows) <= 5_000
    assert all(a["T"] + 1 == b["t"] for a, b in pairwise(rows))
    assert all(row["i"] == interval for row in rows)


def test_the_epoch_and_the_times_before_it_have_no_history() -> None:
    world = World(SEED, EPOCH_MS)
    assert world.candles("BTC", "1m", 0, EPOCH_MS - 1, EPOCH_MS + DAY_MS) == []
    assert world.candles("BTC", "1m", NOW_MS + 1, NOW_MS + 2, NOW_MS) == []
    assert world.funding_history("BTC", 0, EPOCH_MS + HOUR_MS) == []
    assert len(world.funding_history("BTC", 0, EPOCH_MS + HOUR_MS + 200)) == 1
    with pytest.raises(OperatorError, match="began at"):
        world.open(EPOCH_MS - 1)
    with pytest.raises(InvariantBroken, match="midnight"):
        World(SEED, EPOCH_MS + 1)


def test_thirty_days_hold_enough_candles_for_every_timeframe() -> None:
    world = World(SEED, EPOCH_MS)
    now = EPOCH_MS + 30 * DAY_MS + 5 * HOUR_MS
    counts = {tf: len(world.candles("SOL", tf, 0, now, now)) for tf in ("1m", "5m", "1h", "4h")}
    assert counts == {"1m": 5_000, "5m": 5_000, "1h": 726, "4h": 182}


def test_every_price_and_size_of_all_coins_is_valid(world: World) -> None:
    for coin, instrument in world.instruments.items():
        book = world.book(Topic("l2Book", coin), NOW_MS)
        levels = [*book["levels"][0], *book["levels"][1]]
        assert len(levels) == 40
        trades = world.recent_trades(coin, NOW_MS)
        assert len(trades) == 30
        for row in (*levels, *trades):
            assert instrument.is_valid_px(Decimal(row["px"]))
            lots = Decimal(row["sz"]).scaleb(instrument.sz_decimals)
            assert lots == lots.to_integral_value() > 0
        candle = world.candles(coin, "1h", NOW_MS, NOW_MS, NOW_MS)[-1]
        assert all(instrument.is_valid_px(Decimal(candle[k])) for k in "ohlc")


def test_books_are_never_crossed_over_a_midnight(world: World) -> None:
    for at in range(EPOCH_MS + DAY_MS - 4_000, EPOCH_MS + DAY_MS + 4_000, 75):
        for coin in SOME:
            bids, asks = world.levels(coin, at, 1)
            assert bids[0][0] < asks[0][0]


def test_prices_go_on_over_midnights(world: World) -> None:
    for coin in SOME:
        for day in range(1, 4):
            mids = [
                np.mean([level[0][0] for level in world.levels(coin, at, 1)])
                for at in (EPOCH_MS + day * DAY_MS - 1, EPOCH_MS + day * DAY_MS)
            ]
            assert abs(np.log(mids[1] / mids[0])) < 15e-4


def test_volatility_is_that_of_the_coin(world: World) -> None:
    for coin, low, high in (("BTC", 1.5, 4.0), ("SOL", 3.5, 8.5), ("AERO", 4.5, 10.0)):
        now = EPOCH_MS + 3 * DAY_MS
        close = [float(r["c"]) for r in world.candles(coin, "1m", EPOCH_MS, now, now)]
        daily = float(np.std(np.diff(np.log(close)))) * 1440**0.5 * 100
        assert low < daily < high


def test_trends_and_ranges_take_turns(world: World) -> None:
    now = EPOCH_MS + 4 * DAY_MS
    close = np.log([float(r["c"]) for r in world.candles("SOL", "1m", EPOCH_MS, now, now)])
    # Kaufman's efficiency ratio over half hours: net move over path.
    net = np.abs(close[30:] - close[:-30])
    path = np.convolve(np.abs(np.diff(close)), np.ones(30), mode="valid")
    ratio = net / path
    assert float(np.quantile(ratio, 0.9)) > 0.3
    assert float(np.quantile(ratio, 0.3)) < 0.1


def test_coins_follow_the_leader(world: World) -> None:
    now = EPOCH_MS + 3 * DAY_MS
    moves = {
        coin: np.diff(np.log([float(r["c"]) for r in world.candles(coin, "5m", 0, now, now)]))
        for coin in ("BTC", "ETH", "SOL")
    }
    for coin in ("ETH", "SOL"):
        assert 0.3 < float(np.corrcoef(moves["BTC"], moves[coin])[0, 1]) < 0.95


def test_both_signs_of_flow_have_their_stretches(tape: dict[str, list]) -> None:
    side = np.array([1 if t["side"] == "B" else -1 for t in tape["BTC"]])
    assert 0.4 < float(np.mean(side > 0)) < 0.6
    shares = [float(np.mean(part > 0)) for part in np.array_split(side, 60)]
    assert min(shares) < 0.4
    assert max(shares) > 0.6


def test_trades_are_in_order_and_told_once(tape: dict[str, list]) -> None:
    for trades in tape.values():
        times = [t["time"] for t in trades]
        assert times == sorted(times)
        assert len({t["tid"] for t in trades}) == len(trades)


def test_trades_print_at_the_touch(world: World, tape: dict[str, list]) -> None:
    for trade in tape["BTC"][::101]:
        bbo = json.loads(world.first(Topic("bbo", "BTC"), trade["time"])[0])["data"]["bbo"]
        assert trade["px"] == bbo[1 if trade["side"] == "B" else 0]["px"]


def test_steps_of_the_clock_do_not_change_what_is_told(world: World) -> None:
    topic = Topic("trades", "BTC")
    start, end = NOW_MS, NOW_MS + 50_000
    by_block = [t for batch in pushes(world, topic, start, end, 75) for t in batch]
    at_once = [t for batch in pushes(world, topic, start, end, 50_000) for t in batch]
    assert by_block == at_once
    assert len(by_block) > 20


def test_books_of_all_coins_share_one_push_clock(world: World) -> None:
    topics = [Topic("l2Book", coin, fast=fast) for coin in SOME for fast in (True, False)]
    seen: dict[Topic, list[int]] = {topic: [] for topic in topics}
    for at in range(NOW_MS, NOW_MS + 54_000, 75):
        for topic, payload in world.due(at, at + 75, topics):
            data = json.loads(payload)["data"]
            seen[topic].append(data["time"])
            assert data.get("fast", False) is topic.fast
            assert [len(side) for side in data["levels"]] == ([5, 5] if topic.fast else [20, 20])
    for fast, count in ((True, 100), (False, 10)):
        times = [seen[t] for t in topics if t.fast is fast]
        assert times[0] == times[1] == times[2]
        assert len(times[0]) == count


def test_the_best_prices_are_told_on_change_only(world: World) -> None:
    told = pushes(world, Topic("bbo", "BTC"), NOW_MS, NOW_MS + 20_000, 75)
    assert 20 < len(told) < 250
    assert all(a["bbo"] != b["bbo"] and a["time"] < b["time"] for a, b in pairwise(told))
    every = [
        json.loads(world.first(Topic("bbo", "BTC"), at)[0])["data"]["bbo"]
        for at in range(NOW_MS, NOW_MS + 20_000, 75)
    ]
    assert len(told) == sum(a != b for a, b in pairwise([*every, every[-1]]))


@pytest.mark.parametrize(
    ("topic", "count"),
    [
        (Topic("activeAssetCtx", "BTC"), 30),
        (Topic("allMids"), 6),
        (Topic("candle", "BTC", interval="1m"), 30),
    ],
)
def test_the_other_streams_have_their_cadence(world: World, topic: Topic, count: int) -> None:
    told = pushes(world, topic, NOW_MS, NOW_MS + 30_000, 75)
    assert count * 0.3 <= len(told) <= count
    if topic.type != "candle":
        assert len(told) == count
    assert world.first(topic, NOW_MS)


def test_a_candle_is_told_only_after_trades(world: World) -> None:
    start = EPOCH_MS + DAY_MS
    told = pushes(world, Topic("candle", "AERO", interval="1m"), start, start + 300_000, 1_000)
    trades = pushes(world, Topic("trades", "AERO"), start, start + 300_000, 1_000)
    seconds = {t["time"] // 1_000 for batch in trades for t in batch}
    assert 0 < len(told) <= len(seconds)


def test_after_a_long_pause_only_the_last_minute_is_told(world: World) -> None:
    told = [
        t for b in pushes(world, Topic("trades", "BTC"), NOW_MS - DAY_MS, NOW_MS, DAY_MS) for t in b
    ]
    assert told[0]["time"] > NOW_MS - MINUTE_MS


def test_recent_trades_reach_back_over_midnight(world: World) -> None:
    trades = world.recent_trades("AERO", EPOCH_MS + DAY_MS + MINUTE_MS)
    assert len(trades) == 30
    assert trades[0]["time"] < EPOCH_MS + DAY_MS <= trades[-1]["time"]


def test_warming_leaves_nothing_to_build() -> None:
    world = World(SEED, EPOCH_MS)
    steps = list(world.warm(["BTC", "ETH"], NOW_MS - DAY_MS, NOW_MS))
    assert len(steps) == 4
    assert list(world.warm(["BTC", "ETH"], NOW_MS - DAY_MS, NOW_MS)) == []


def test_sides_and_sizes_vary(tape: dict[str, list]) -> None:
    usd = sorted(float(t["px"]) * float(t["sz"]) for t in tape["BTC"])
    assert usd[len(usd) // 2] * 20 < usd[int(len(usd) * 0.98)]
    together = Counter((t["time"], t["side"]) for t in tape["BTC"])
    assert max(together.values()) > 3


def test_the_flow_of_a_span_is_the_prints_that_are_told() -> None:
    world = World(SEED, EPOCH_MS)
    since, until = NOW_MS - 20_000, NOW_MS
    flow = world.flow("BTC", since, until)
    topic = Topic("trades", "BTC")
    told = [r for _, raw in world.due(since, until, [topic]) for r in json.loads(raw)["data"]]
    assert [(f.ms, f.side > 0) for f in flow] == [(r["time"], r["side"] == "B") for r in told]
    assert [f.px / 10 for f in flow] == [float(r["px"]) for r in told] and flow
    halves = world.flow("BTC", since, since + 9_000) + world.flow("BTC", since + 9_000, until)
    assert halves == flow
