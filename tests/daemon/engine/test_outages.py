"""Connections and streams that go and come back: what is still believed, and what is asked for."""

from __future__ import annotations

from typing import get_args

import msgspec
import pytest

from daemon.engine import snapshot
from daemon.engine.engine import Engine
from daemon.engine.outages import EXPECTED_DOWN, WITHOUT
from daemon.engine.outcome import NOTHING
from market.coin import Coin, Streams
from market.events import (
    Candle,
    Candles,
    FeedDown,
    FeedUp,
    StreamDown,
    StreamName,
    StreamUp,
    Timer,
)
from tests.daemon import rig
from tests.daemon.rig import Scene
from tests.support.engines import NOW_NS, S

# Connections.


def test_a_lost_feed_distrusts_every_book_and_interrupts_every_bar() -> None:
    scene = Scene(coins=rig.PAIR)
    scene.advance(20)
    engine = scene.engine
    assert all(c.book.ok and c.bars.minute is not None for c in engine.market.coins.values())
    scene.tell(FeedDown("cut"))
    for coin in engine.market.coins.values():
        assert not coin.book.ok and coin.bars.minute is None and not coin.bars.whole
        assert coin.streams.pulse() is None
    assert [row.kind for row in scene.rows.alarms] == ["feed_down"]
    assert not engine.vitals.feed_up


@pytest.mark.parametrize("reason", EXPECTED_DOWN)
def test_an_expected_end_of_a_connection_wakes_nobody(reason: str) -> None:
    made = rig.fresh({}, rig.PAIR)
    made.engine.step(FeedUp(NOW_NS))
    assert made.engine.step(FeedDown(reason, NOW_NS + 1)) is NOTHING


def test_one_outage_raises_one_alarm_however_often_the_daemon_tries_to_come_back() -> None:
    made = rig.fresh({}, rig.PAIR)
    made.engine.step(FeedUp(NOW_NS))
    alarms = [
        row
        for i in range(5)
        for row in made.engine.step(FeedDown("cannot connect", NOW_NS + i)).rows.alarms
    ]
    assert len(alarms) == 1


def test_a_lost_connection_is_the_loss_of_its_own_coins_alone() -> None:
    scene = Scene(coins=rig.PAIR)
    scene.advance(20)
    btc, eth = scene.engine.market.coins.values()
    scene.tell(FeedUp(line=1, coins=["ETH"]))
    scene.tell(FeedDown("cut", line=1, coins=["ETH"]))
    assert btc.book.ok and btc.bars.minute is not None and btc.streams.pulse() is not None
    assert not eth.book.ok and eth.bars.minute is None and eth.streams.pulse() is None
    assert scene.engine.vitals.feed_up and scene.engine.vitals.lines == [0]
    asked = scene.tell(FeedUp(line=1, coins=["ETH"])).requests
    assert {request.coin for request in asked} == {"ETH"}
    assert [row.kind for row in scene.rows.alarms] == ["feed_down"]


def test_each_connection_says_once_that_it_is_lost() -> None:
    made = rig.fresh({}, rig.PAIR)
    for line, coin in enumerate(rig.PAIR):
        made.engine.step(FeedUp(NOW_NS, line, [coin]))
    alarms = [
        row.message
        for _ in range(3)
        for line, coin in enumerate(rig.PAIR)
        for row in made.engine.step(FeedDown(f"cut {line}", NOW_NS, line, [coin])).rows.alarms
    ]
    assert alarms == ["cut 0", "cut 1"]
    assert not made.engine.vitals.feed_up


def test_a_state_of_before_connections_had_numbers_knows_that_its_feed_is_up() -> None:
    made = rig.fresh({}, rig.PAIR)
    made.engine.vitals.feed_up = True
    assert [row.kind for row in made.engine.step(FeedDown("cut", NOW_NS)).rows.alarms] == [
        "feed_down"
    ]


# Streams.


def heard(seconds: float = 30) -> tuple[Scene, Coin, Coin]:
    scene = Scene(coins=rig.PAIR)
    scene.advance(seconds)
    return scene, *scene.engine.market.coins.values()


def pulse(coin: Coin) -> str | None:
    found = coin.streams.pulse()
    return found and found[0]


def down(scene: Scene, stream: str) -> str:
    """Let a stream of BTC die; return what the operator is told."""
    event = msgspec.convert(
        {"type": "stream_down", "coin": "BTC", "stream": stream, "cause": "silent"}, StreamDown
    )
    return "".join(row.message for row in scene.tell(event).rows.alarms)


def test_every_stream_that_can_die_has_its_words() -> None:
    assert set(WITHOUT) == set(get_args(StreamName)) == {*Streams.__struct_fields__, "l2"}


def test_dead_deltas_leave_the_book_to_whole_ones_and_come_back() -> None:
    scene, btc, eth = heard()
    assert down(scene, "l2") == "BTC l2: silent; whole books stand in for the deltas"
    assert (pulse(btc), pulse(eth)) == ("slow", "fast")
    assert btc.book.fast_ms == 0 and btc.book.ok
    scene.tell(StreamUp("BTC", "l2"))
    assert btc.dead == {}


def test_a_dead_fast_book_falls_back_to_the_slow_one_and_then_to_best_prices() -> None:
    scene, btc, eth = heard()
    assert down(scene, "fast") == ("BTC fast: silent; the slow book stands in for the fast one")
    assert (pulse(btc), pulse(eth)) == ("slow", "fast")
    assert btc.book.ok and btc.book.fast_ms == 0 and btc.book.slow_bids
    assert len(btc.book.bids()) >= len(btc.book.slow_bids) - 1
    assert down(scene, "slow") == "BTC slow: silent; best prices stand in for the books"
    assert pulse(btc) == "bbo"
    assert btc.book.ok and len(btc.book.bids()) == 1
    assert down(scene, "bbo").endswith("no book is left")
    assert not btc.book.ok and pulse(btc) is None
    assert eth.book.ok


def test_the_slow_book_first_leaves_best_prices_to_stand_in_for_the_fast_one() -> None:
    scene, btc, _ = heard()
    assert down(scene, "slow") == "BTC slow: silent; no depth beyond the fast book"
    assert pulse(btc) == "fast"
    assert down(scene, "fast") == "BTC fast: silent; best prices stand in for the books"


def test_a_dead_context_leaves_none_and_no_terms_of_funding() -> None:
    scene, btc, eth = heard()
    hour_ms = (btc.context.recv_ns // 1_000_000 // 3_600_000 + 1) * 3_600_000
    btc.context.venue_ms = eth.context.venue_ms = hour_ms - 1_000
    assert btc.terms_at(hour_ms) is not None
    down(scene, "context")
    assert btc.context.oracle_px == 0.0 and btc.terms_at(hour_ms) is None
    assert eth.terms_at(hour_ms) is not None


def test_without_trades_there_are_no_bars_until_candles_were_asked_for_anew() -> None:
    scene, btc, eth = heard(150)
    assert all(len(series) for series in btc.bars.series.values())
    down(scene, "trades")
    assert not any(len(series) for series in btc.bars.series.values())
    assert (btc.bars.minute, btc.returns, btc.arrivals.times_ms) == (None, 0, [])
    assert len(eth.bars.series["1m"]) and eth.arrivals.times_ms
    # What was asked for before, and what prints still come, make no bar.
    rows = [Candle(NOW_NS // 1_000_000, 1.0, 1.0, 1.0, 1.0, 1.0, 1)]
    scene.tell(Candles("BTC", "1m", rows, NOW_NS))
    scene.advance(130)
    assert not any(len(series) for series in btc.bars.series.values())
    asked = scene.tell(StreamUp("BTC", "trades")).requests
    assert [(r.coin, r.timeframe) for r in asked] == [("BTC", "1m")]
    assert not btc.dead
    scene.advance(70)
    assert len(btc.bars.series["1m"]) >= 600
    assert scene.engine.backfill.missing() == {}


def test_a_stream_is_dead_once_and_back_once() -> None:
    scene, btc, _ = heard()
    down(scene, "context")
    assert btc.dead == {"context": "silent"}
    assert scene.tell(StreamUp("BTC", "context")) is NOTHING
    assert btc.dead == {}
    assert scene.tell(StreamUp("BTC", "trades")) is NOTHING


@pytest.mark.parametrize(
    "event",
    [StreamDown("NOPE", "fast", recv_ns=NOW_NS), StreamUp("NOPE", "fast", NOW_NS)],
)
def test_a_stream_of_a_coin_that_is_not_ours_is_nothing(event: StreamDown | StreamUp) -> None:
    made = rig.fresh({}, rig.PAIR)
    made.engine.step(FeedUp(NOW_NS))
    assert made.engine.step(event) is NOTHING


def test_what_is_dead_is_part_of_the_whole_state() -> None:
    scene, btc, _ = heard()
    down(scene, "fast")
    made = rig.again(scene)
    engine: Engine = made.engine
    snapshot.restore(engine, snapshot.whole(scene.engine))
    assert engine.market.coins["BTC"].dead == btc.dead == {"fast": "silent"}
    assert engine.vitals.lines == [0]


@pytest.mark.parametrize("by_s", [90, -90])
def test_bars_dated_by_a_clock_that_moved_are_asked_for_anew_and_time_goes_on(by_s: int) -> None:
    scene, btc, eth = heard(150)
    engine = scene.engine
    engine.clock.offset_ns += by_s * S
    engine.clock.moved = True
    hour_ns = engine.vitals.next_hour_ns
    outcome = scene.tell(Timer())
    # Longer bars are asked for once it is known what the minutes do not tell.
    assert [(r.coin, r.timeframe) for r in outcome.requests] == [("BTC", "1m"), ("ETH", "1m")]
    assert not any(len(series) for coin in (btc, eth) for series in coin.bars.series.values())
    assert not btc.arrivals.times_ms and btc.bars.minute is None
    assert engine.vitals.venue_ns == engine.clock.venue_ns(scene.run.now_ns)
    assert engine.vitals.next_hour_ns == hour_ns
    assert scene.tell(Timer()).requests == [], "once"
