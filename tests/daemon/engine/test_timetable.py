from __future__ import annotations

from typing import Any

from divisions.lane import Lane
from market.events import (
    Print,
    Timer,
    TradesUpdate,
)
from market.money import funding_e6
from shadow.ledger.trade import TradeState
from tests.daemon import rig
from tests.daemon.rig import Probe, Scene
from tests.support import virtual
from tests.support.engines import (
    NOW_NS,
    S,
    exit_now,
    feed,
    losing,
    quiet,
)


def test_all_bars_of_all_coins_are_closed_before_any_bot_hears_of_one() -> None:
    seen: list[tuple[str, list[int]]] = []

    class Minute(Probe):
        timeframes = ("1m",)
        on_book = Probe.__mro__[1].on_book

        def on_bar(self, memory: Any, coin: Any, view: Any, timeframe: str) -> None:
            seen.append((coin.name, [len(c.bars.series["1m"]) for c in view.coins.values()]))

    made = quiet([Lane(Minute(lambda *_: None))])
    for second in range(0, 190, 10):
        ns = NOW_NS + second * S
        for coin in rig.PAIR:
            made.engine.step(TradesUpdate(coin, [Print(ns // 1_000_000, 100.0, 1.0, 1)], ns))
        made.engine.step(Timer(ns + S))
    assert seen == [("BTC", [1, 1]), ("ETH", [1, 1]), ("BTC", [2, 2]), ("ETH", [2, 2])]


def test_every_trade_open_across_an_hour_pays_its_funding_once_and_its_day_is_split() -> None:
    lane = rig.probe(lambda m, c, v: rig.entry(c, stop=0.2, horizon_s=900))
    short = rig.probe(lambda m, c, v: rig.entry(c, -1, stop=0.2, horizon_s=900), "short")
    scene = Scene(coins=rig.PAIR, start_ms=virtual.MIDNIGHT_MS - 60_000, lanes=[lane, short])
    scene.advance(59)
    engine = scene.engine
    before = {t.trade_id: (t, t.funding_e6) for t in engine.branch.ledger.trades.values()}
    opened = {i for i, (t, _) in before.items() if t.state == TradeState.OPEN}
    assert len(opened) >= 8
    terms = {n: (c.context.funding, c.context.oracle_px) for n, c in engine.market.coins.items()}
    mids = {name: coin.book.mid for name, coin in engine.market.coins.items()}
    rolled_ns = engine.vitals.next_hour_ns

    def remember() -> None:
        if scene.run.now_ns < rolled_ns:
            for name, coin in engine.market.coins.items():
                terms[name] = coin.context.funding, coin.context.oracle_px
                mids[name] = coin.book.mid

    # Second by second, so that the last context and mid before the hour are known.
    while engine.vitals.next_hour_ns == rolled_ns:
        scene.advance(0.25, on_second=remember)
        if engine.vitals.next_hour_ns == rolled_ns:
            remember()
    for trade_id in opened:
        trade, paid = before[trade_id]
        coin = engine.market.coins[trade.coin]
        rate, oracle = terms[trade.coin]
        due = funding_e6(trade.side, oracle, trade.open_lots, coin.instrument.sz_decimals, rate)
        assert trade.funding_e6 - paid == due
    days = {row.trade_id: row for row in scene.rows.trade_days}
    assert opened <= days.keys()
    assert {row.day for row in scene.rows.trade_days} == {"2026-11-22"}
    assert engine.branch.desk.day_ms == virtual.MIDNIGHT_MS
    scene.advance(30)
    engine.step(exit_now(engine))
    scene.advance(10)
    assert engine.branch.ledger.trades.keys() & opened == set()
    sums: dict[int, dict[str, int]] = {}
    for part in scene.rows.trade_days:
        of = sums.setdefault(part.trade_id, {})
        of[part.day] = of.get(part.day, 0) + part.mtm_e6
    nets = {row.trade_id: row.net_e6 for row in scene.rows.trade_updates if row.status == "closed"}
    for trade_id in opened:
        assert set(sums[trade_id]) == {"2026-11-22", "2026-11-23"}
        assert sum(sums[trade_id].values()) == nets[trade_id]


def test_a_new_day_anchors_the_daily_loss_once_and_opens_no_latch() -> None:
    made = losing()
    engine, desk = made.engine, made.engine.branch.desk
    engine.step(Timer(NOW_NS + 4 * S))
    day_ns = 86_400 * S
    tomorrow_ns = NOW_NS // day_ns * day_ns + day_ns
    feed(made, tomorrow_ns - S, 98.0)
    engine.step(Timer(tomorrow_ns + S))
    anchored = desk.day_start_e6
    assert desk.day_ms == tomorrow_ns // 1_000_000
    assert anchored == desk.equity_e6 and desk.latched
    feed(made, tomorrow_ns + 2 * S, 97.0)
    engine.step(Timer(tomorrow_ns + 3 * S))
    assert desk.day_start_e6 == anchored > desk.equity_e6
