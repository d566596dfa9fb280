from __future__ import annotations

from itertools import pairwise
from typing import Any

from market.events import (
    Candle,
    Candles,
    FeedDown,
    FeedUp,
)
from tests.daemon import rig
from tests.daemon.rig import Scene
from tests.support.engines import NOW_NS, S


def test_a_new_connection_asks_for_the_history_that_bars_lack() -> None:
    made = rig.fresh({}, rig.PAIR)
    asked = made.engine.step(FeedUp(NOW_NS)).requests
    assert {(r.what, r.coin, r.timeframe) for r in asked} == {
        ("candles", coin, tf) for coin in rig.PAIR for tf in ("1m", "5m", "15m", "1h", "4h")
    }
    for request in asked:
        assert request.from_ms < request.to_ms == NOW_NS // 1_000_000
    for request in asked:
        candle = Candle(request.from_ms, 1.0, 1.0, 1.0, 1.0, 1.0, 1)
        if request.timeframe == "5m":
            made.engine.step(Candles(request.coin, "5m", [candle], NOW_NS, NOW_NS))
    again = made.engine.step(FeedUp(NOW_NS + S)).requests
    assert {r.timeframe for r in again} == {"1m", "15m", "1h", "4h"}


def test_a_gap_in_an_open_trade_s_marks_is_asked_for_at_most_every_twenty_seconds() -> None:
    scene = Scene(coins=rig.PAIR, lanes=[rig.probe(lambda m, c, v: rig.entry(c, horizon_s=600))])
    scene.advance(20)
    assert scene.engine.branch.settlement.real
    asked: list[tuple[int, Any]] = []
    scene.run.absorb = lambda outcome: asked.extend(  # type: ignore[method-assign]
        (scene.run.now_ns, r) for r in outcome.requests
    )
    scene.run.intake._absorb = scene.run.absorb
    scene.tell(FeedDown("cut"))
    down_ns = scene.run.now_ns
    scene.advance(100, deaf=True)
    times = sorted({ns for ns, r in asked if r.coin == "BTC"})
    assert times[0] - down_ns > 30 * S
    assert all(b - a >= 20 * S for a, b in pairwise(times))
    for _, request in asked:
        assert request.from_ms % 60_000 == 0 and request.from_ms <= down_ns // 1_000_000


def test_rows_that_no_bar_can_have_are_said_to_be_left_out() -> None:
    made = rig.fresh({}, rig.PAIR)
    rows = [Candle(NOW_NS // 1_000_000 - 60_000, 1.0, 1.0, 1.0, 1.0, 1.0, 1)]
    said = made.engine.step(Candles("ETH", "5m", rows, NOW_NS, NOW_NS, 3)).rows.alarms
    assert [(a.kind, a.message) for a in said] == [
        ("history", "ETH 5m: 3 impossible rows of 4 left out")
    ]
    assert made.engine.step(Candles("ETH", "5m", rows, NOW_NS, NOW_NS)).rows.size() == 0


def test_a_coin_interrupted_alone_is_asked_for_alone() -> None:
    made = rig.fresh({}, rig.PAIR)
    made.engine.step(FeedUp(NOW_NS))
    coin = made.engine.market.coins["ETH"]
    coin.bars.interrupt(NOW_NS // 1_000_000 - 60_000)
    made.engine.backfill.ask_again(coin)
    asked = made.engine.out.take().requests
    assert {r.coin for r in asked} == {"ETH"} and asked[0].timeframe == "1m"
