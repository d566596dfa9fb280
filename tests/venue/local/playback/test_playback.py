from __future__ import annotations

import asyncio
import itertools
import json
from contextlib import closing
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from market.errors import InputDamaged, OperatorError
from market.events import Candle
from tests.venue.local.serving import Clock, hear, serving, subscribe
from tests.venue.local.taping import (
    START_MS,
    bbo,
    book,
    candles_at,
    context,
    frame_at,
    trades,
    write_tape,
)
from venue.local.market.candles import bar_start
from venue.local.market.contract import Topic
from venue.local.playback.playback import Playback
from venue.tape.lines import record_line

NOW_MS = 1_760_000_040_123
BOOK = Topic("l2Book", "BTC")
FAST = Topic("l2Book", "BTC", fast=True)
ALL = [BOOK, FAST, Topic("bbo", "BTC"), Topic("trades", "BTC"), Topic("activeAssetCtx", "BTC")]


def lines() -> list[bytes]:
    """Return ten seconds of a market, with what a tape holds besides frames."""
    return [
        record_line("X", START_MS * 1_000_000, {"type": "feed_up"}),
        frame_at(0, b'{"channel":"pong"}'),
        frame_at(100, trades((-9_000, "100.0", "1.0", 1), (-50, "101.0", "1.0", 2))),
        frame_at(200, book(150, "100.0", "102.0")),
        record_line("T", START_MS * 1_000_000 + 1_000_000_000),
        frame_at(1_000, bbo(900, "100.0", "101.0")),
        frame_at(1_000, context()),
        frame_at(2_000, book(1_900, "101.0", "103.0", fast=True)),
        frame_at(4_000, b"\xff not a frame"),
        frame_at(5_000, trades((4_900, "102.0", "2.0", 3))),
        frame_at(10_000, book(9_800, "104.0", "105.0", fast=True)),
    ]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return write_tape(tmp_path / "tape", lines()[:6], lines()[6:])


def play(market: Playback, until_ms: int, *, step_ms: int = 75) -> list[tuple[int, Topic, Any]]:
    """Return what is due, with the time at which it was."""
    out = []
    for at in range(NOW_MS, until_ms, step_ms):
        for topic, payload in market.due(at, at + step_ms, ALL):
            out.append((at + step_ms, topic, json.loads(payload)["data"]))
    return out


@pytest.mark.parametrize("speed", [0.5, 1.0, 4.0, 50.0])
def test_frames_come_in_order_at_their_shifted_times(folder: Path, speed: float) -> None:
    with closing(Playback(folder, speed=speed)) as market:
        market.open(NOW_MS)
        told = play(market, NOW_MS + round(10_000 / speed) + 150)
    kinds = [(topic.type, topic.fast) for _, topic, _ in told]
    assert kinds == [
        ("trades", False),
        ("l2Book", False),
        ("bbo", False),
        ("activeAssetCtx", False),
        ("l2Book", True),
        ("trades", False),
        ("l2Book", True),
    ]
    received = [100, 200, 1_000, 1_000, 2_000, 5_000, 10_000]
    for (at, _, _), after_ms in zip(told, received, strict=True):
        assert 0 <= at - (NOW_MS + after_ms / speed) <= 76
    times = [d[-1]["time"] if isinstance(d, list) else d.get("time") for _, _, d in told]
    venue = [-50, 150, 900, None, 1_900, 4_900, 9_800]
    assert times == [None if ms is None else NOW_MS + round(ms / speed) for ms in venue]
    assert told[5][2][0]["tid"] == 3
    assert told[5][2][0]["hash"] == f"0x{3:064x}"


def test_only_what_is_wanted_is_told_but_all_is_known(folder: Path) -> None:
    with closing(Playback(folder, speed=50.0)) as market:
        market.open(NOW_MS)
        assert list(market.due(NOW_MS, NOW_MS + 1_000, [])) == []
        assert market.finished.is_set()
        newest = json.loads(market.first(FAST, NOW_MS)[0])["data"]
        assert newest["levels"][0][0]["px"] == "104.0"
        assert len(json.loads(market.first(ALL[3], NOW_MS)[0])["data"]) == 3
        assert market.first(Topic("bbo", "SOL"), NOW_MS) == []


def test_the_listing_is_the_headers(folder: Path) -> None:
    with closing(Playback(folder)) as market:
        assert [row["name"] for row in market.universe] == ["BTC", "SOL", "OLD"]
        assert market.universe[2]["isDelisted"] is True
        sol = market.instruments["SOL"]
        assert (sol.index, sol.sz_decimals, sol.max_leverage) == (1, 2, 20)


def test_questions_are_answered_from_what_was_shown(folder: Path) -> None:
    with closing(Playback(folder)) as market:
        market.open(NOW_MS)
        assert market.book(BOOK, NOW_MS) is None
        assert market.mids(NOW_MS) == {}
        assert market.recent_trades("BTC", NOW_MS) == []
        assert market.context("BTC", NOW_MS)["midPx"] is None
        assert market.candles("BTC", "1m", 0, NOW_MS, NOW_MS) == []
        assert market.funding_history("BTC", 0, NOW_MS) == []
        list(market.due(NOW_MS, NOW_MS + 20_000, []))
        shown = market.book(BOOK, NOW_MS)
        assert shown is not None
        assert shown["levels"][0][0]["px"] == "100.0"
        assert market.mids(NOW_MS) == {"BTC": "104.5"}
        assert market.context("BTC", NOW_MS)["oraclePx"] == "128.41"
        assert len(market.recent_trades("BTC", NOW_MS)) == 3
        assert market.recent_trades("SOL", NOW_MS) == []
        grouped = market.book(Topic("l2Book", "BTC", figures=2), NOW_MS)
        assert grouped is not None
        assert [level["px"] for level in grouped["levels"][0]] == ["100.0", "90.0"]
        assert grouped["spread"] == "10.0"


def test_a_fast_book_stands_in_for_a_slow_one(tmp_path: Path) -> None:
    folder = write_tape(tmp_path / "t", [frame_at(0, book(0, "100.0", "101.0", fast=True))])
    with closing(Playback(folder)) as market:
        market.open(NOW_MS)
        list(market.due(NOW_MS, NOW_MS + 1_000, []))
        shown = market.book(BOOK, NOW_MS)
        assert shown is not None
        assert "fast" not in shown
        assert market.mids(NOW_MS) == {"BTC": "100.5"}


def test_candles_are_made_from_the_trades_shown(tmp_path: Path) -> None:
    minutes = [
        frame_at(n * 60_000, trades((n * 60_000, f"{100 + n}.0", "1.0", n))) for n in range(300)
    ]
    folder = write_tape(tmp_path / "t", minutes)
    with closing(Playback(folder, speed=10.0)) as market:
        market.open(NOW_MS)
        end = NOW_MS + 30 * 60_000
        list(market.due(NOW_MS, end, []))
        for interval in ("1m", "5m", "15m", "1h", "4h"):
            rows = market.candles("BTC", interval, 0, end, end)
            assert sum(row["n"] for row in rows) == 300
            assert rows[-1]["t"] == bar_start(interval, end)
            assert (rows[0]["o"], rows[-1]["c"]) == ("100.0", "399.0")
        ten = market.candles("BTC", "1m", 0, end, end)[5]
        assert ten["n"] == 10
        last = market.candles("BTC", "1m", end - 60_000, end, end)
        assert [row["t"] for row in last] == [(end // 60_000 - n) * 60_000 for n in (1, 0)]


def test_at_speed_one_recorded_history_comes_before_the_trades(tmp_path: Path) -> None:
    step = 300_000
    running = START_MS - START_MS % step
    history = [Candle(running - n * step, 90.0, 95.0, 85.0, 92.0, 1.0, 4) for n in range(4, -1, -1)]
    folder = write_tape(
        tmp_path / "t",
        [
            record_line("R", START_MS * 1_000_000, {"type": "funding", "coin": "BTC", "rates": []}),
            candles_at(10, "5m", history),
            frame_at(20, trades((15, "100.0", "1.0", 1))),
            frame_at(step * 2, trades((step * 2, "120.0", "1.0", 2))),
        ],
    )
    with closing(Playback(folder)) as market:
        market.open(NOW_MS)
        before = market.candles("BTC", "5m", 0, NOW_MS, NOW_MS)
        assert len(before) >= 4
        end = NOW_MS + 3 * step
        list(market.due(NOW_MS, end, []))
        rows = market.candles("BTC", "5m", 0, end, end)
        assert all(a["T"] + 1 == b["t"] for a, b in pairwise(rows))
        assert rows[0]["o"] == "90.0"
        assert rows[-1]["c"] == "120.0"
        assert sum(row["n"] for row in rows) == 5 * 4 + 2
        assert len(market.candles("BTC", "1m", 0, end, end)) == 16
    with closing(Playback(folder, speed=2.0)) as market:
        market.open(NOW_MS)
        assert market.candles("BTC", "5m", 0, NOW_MS, NOW_MS) == []


def test_mids_and_candles_are_told_in_their_cadence(folder: Path) -> None:
    mids, candle = Topic("allMids"), Topic("candle", "BTC", interval="1m")
    with closing(Playback(folder)) as market:
        market.open(NOW_MS)
        told = [
            (topic.type, json.loads(payload)["data"])
            for at in range(NOW_MS, NOW_MS + 15_000, 75)
            for topic, payload in market.due(at, at + 75, [mids, candle])
        ]
        assert [kind for kind, _ in told].count("allMids") == 3
        # Two changes: the trades replayed at the start, and the one after five seconds.
        candles = [data for kind, data in told if kind == "candle"]
        assert [row["c"] for row in candles] == ["101.0", "102.0"]
        assert json.loads(market.first(mids, NOW_MS)[0])["data"] == {"mids": {"BTC": "104.5"}}
        assert json.loads(market.first(candle, NOW_MS + 15_000)[0])["data"]["c"] == "102.0"


def test_grouped_books_are_told_with_every_book(folder: Path) -> None:
    topic = Topic("l2Book", "BTC", figures=2)
    with closing(Playback(folder, speed=50.0)) as market:
        market.open(NOW_MS)
        told = [json.loads(p)["data"] for _, p in market.due(NOW_MS, NOW_MS + 1_000, [topic, FAST])]
    assert [("spread" in data, "fast" in data) for data in told] == [
        (True, False),
        (False, True),
        (False, True),
    ]


@pytest.mark.parametrize("speed", [0.0, -1.0, float("nan"), float("inf")])
def test_a_speed_that_is_none_is_refused(folder: Path, speed: float) -> None:
    with pytest.raises(OperatorError, match="above 0"):
        Playback(folder, speed=speed)


def test_what_is_no_tape_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputDamaged, match="no such tape"):
        Playback(tmp_path / "nowhere")
    with pytest.raises(InputDamaged, match="no tape segments"):
        Playback(tmp_path)
    empty = write_tape(tmp_path / "empty", [record_line("T", 5)])
    with pytest.raises(InputDamaged, match="no frames"):
        Playback(empty)


def test_one_segment_is_a_tape_too(folder: Path) -> None:
    with closing(Playback(sorted(folder.iterdir())[1])) as market:
        market.open(NOW_MS)
        first = play(market, NOW_MS + 150)[0]
        assert first[1].type == "activeAssetCtx"


def test_a_tape_played_over_real_sockets(folder: Path) -> None:
    async def run() -> list[Any]:
        market = Playback(folder, speed=5.0)
        clock = Clock(NOW_MS)
        with closing(market):
            async with serving(market, clock=clock) as venue, venue.connect() as ws:
                await subscribe(ws, type="l2Book", coin="BTC", fast=True)
                await subscribe(ws, type="trades", coin="BTC")
                heard = []
                while not market.finished.is_set() or len(heard) < 3:
                    heard.append(await hear(ws))
                # The tape is over, the connection is not.
                with pytest.raises(TimeoutError):
                    await hear(ws, timeout_s=0.5)
                await ws.send('{"method":"ping"}')
                assert await hear(ws) == {"channel": "pong"}
                return heard

    heard = asyncio.run(run())
    books = [m["data"]["time"] for m in heard if m["channel"] == "l2Book"]
    assert len(books) == 2
    assert books[1] - books[0] == pytest.approx((9_800 - 1_900) / 5, abs=1)
    assert [m["channel"] for m in heard][-1] == "l2Book"


def test_orders_meet_the_newest_book_cut_to_the_newest_touch_and_each_print_once(
    folder: Path,
) -> None:
    with closing(Playback(folder, speed=1.0)) as market:
        market.open(NOW_MS)
        assert market.levels("BTC", NOW_MS, 5) == ([], [])
        play(market, NOW_MS + 300)
        bids, asks = market.levels("BTC", NOW_MS + 300, 5)
        assert [px for px, _, _ in bids] == [1_000, 990]
        assert [px for px, _, _ in asks] == [1_020, 2_000_000]
        assert market.levels("BTC", NOW_MS + 300, 1)[0] == [(1_000, 100_000, 1)]
        seen = market.flow("BTC", NOW_MS, NOW_MS + 400)
        assert [(f.side, f.px, f.lots) for f in seen] == [(1, 1_000, 100_000), (1, 1_010, 100_000)]
        # However late the venue told of it, a print is met when it was shown.
        assert all(NOW_MS < f.ms <= NOW_MS + 225 for f in seen)
        assert market.flow("BTC", NOW_MS + 400, NOW_MS + 900) == []
        play(market, NOW_MS + 1_100)
        assert [px for px, _, _ in market.levels("BTC", NOW_MS, 5)[1]] == [1_010, 1_020, 2_000_000]


# A recording of slow books alone.


def slow_only(tmp_path: Path, *more: bytes) -> Path:
    deep = [["100.0", "99.0", "98.0", "97.0", "96.0", "95.0"], ["101.0", "102.0"]]
    levels = [[{"px": px, "sz": "1.0", "n": 1} for px in side] for side in deep]

    def slow(time_ms: int) -> bytes:
        data = {"coin": "BTC", "time": START_MS + time_ms, "levels": levels}
        return json.dumps({"channel": "l2Book", "data": data}).encode()

    rows = [frame_at(at_ms, slow(at_ms - 50)) for at_ms in range(100, 4_000, 540)]
    return write_tape(
        tmp_path / "slow", [*rows, *more], subscriptions=[{"type": "l2Book", "coin": "BTC"}]
    )


def test_who_wants_quick_books_of_a_recording_without_them_gets_the_top_five(
    tmp_path: Path,
) -> None:
    touch = frame_at(4_500, bbo(4_400, "100.5", "101.0"))
    with closing(Playback(slow_only(tmp_path, touch))) as market:
        market.open(NOW_MS)
        assert market.first(FAST, NOW_MS) == []
        told = [(at, data) for at, topic, data in play(market, NOW_MS + 9_000) if topic == FAST]
        assert 8 <= len(told) <= 10, "one for each that was recorded, and one for the touch"
        gaps = [b - a for (a, _), (b, _) in itertools.pairwise(told)]
        assert max(gaps[:-1]) < 1_000
        for _, data in told[:-1]:
            assert data["fast"] is True
            assert [len(side) for side in data["levels"]] == [5, 2]
        assert told[-1][1]["levels"][0][0]["px"] == "100.5"
        times = [data["time"] for _, data in told]
        assert times == sorted(times), "no book is newer than what was recorded"
        (first,) = market.first(FAST, NOW_MS + 9_000)
        assert json.loads(first)["data"] == told[-1][1]


def test_recorded_quick_books_stand_alone(tmp_path: Path) -> None:
    rows = [frame_at(0, book(0, "100.0", "102.0")), frame_at(3_000, bbo(2_900, "100.0", "101.0"))]
    both = [{"type": "l2Book", "coin": "BTC"}, {"type": "l2Book", "coin": "BTC", "fast": True}]
    folder = write_tape(tmp_path / "both", rows, subscriptions=both)
    with closing(Playback(folder)) as market:
        market.open(NOW_MS)
        assert not [1 for _, topic, _ in play(market, NOW_MS + 5_000) if topic == FAST]
