from __future__ import annotations

import re
from typing import Any

import pytest

from divisions.lane import Lane
from market.events import (
    MS_PER_DAY,
    BboUpdate,
    Candle,
    Candles,
    Level,
    Notice,
    Print,
    Timer,
    TradesUpdate,
    VenueTime,
)
from market.money import funding_e6
from shadow.ledger.trade import TradeState
from tests.daemon import rig
from tests.daemon.rig import Fresh, Probe, Scene
from tests.support import virtual
from tests.support.engines import (
    NOW_NS,
    S,
    book,
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


def test_a_new_day_anchors_the_daily_loss_once_and_opens_the_days_latch() -> None:
    made = losing()
    engine, desk = made.engine, made.engine.branch.desk
    engine.step(Timer(NOW_NS + 4 * S))
    assert desk.latched.startswith("daily loss")
    day_ns = 86_400 * S
    tomorrow_ns = NOW_NS // day_ns * day_ns + day_ns
    feed(made, tomorrow_ns - S, 98.0)
    engine.step(Timer(tomorrow_ns + S))
    anchored = desk.day_start_e6
    assert desk.day_ms == tomorrow_ns // 1_000_000
    assert anchored == desk.equity_e6 and not desk.latched
    feed(made, tomorrow_ns + 2 * S, 97.0)
    engine.step(Timer(tomorrow_ns + 3 * S))
    assert desk.day_start_e6 == anchored > desk.equity_e6


class Venue:
    """A venue whose clock the engine's stamps are `off_s` ahead of; both coins speak at 2 Hz."""

    def __init__(self, off_s: float, *, at_ms: int = virtual.START_MS, asked: bool = True) -> None:
        self.made: Fresh = quiet([])
        self.off = round(off_s * S)
        self.ns = at_ms * 1_000_000
        if asked:
            stamp = self.ns + self.off
            self.made.engine.step(VenueTime(at_ms, stamp, stamp, stamp))

    def passes(self, seconds: int, *, ahead_s: float = 0.0) -> None:
        """Let time pass; the venue stamps its frames `ahead_s` in the future."""
        engine = self.made.engine
        for _ in range(2 * seconds):
            self.ns += S // 2
            stamp = self.ns + self.off
            for coin in rig.PAIR:
                event = book(coin, self.ns + round(ahead_s * S))
                event.recv_ns = stamp
                engine.step(event)
            if self.ns % S == 0:
                time_ms = self.ns // 1_000_000 - 200
                engine.step(TradesUpdate("BTC", [Print(time_ms, 100.0, 1.0, 1)], stamp))
                engine.step(Timer(stamp))

    @property
    def minutes(self) -> list[int]:
        return self.made.engine.market.coins["BTC"].bars.series["1m"].start_ms


@pytest.mark.parametrize("off_s", [0.0, 25.0, -25.0, 86_400.0, -86_400.0, 63_072_000.0])
def test_bars_hours_and_days_end_by_the_venues_clock_whatever_ours_says(off_s: float) -> None:
    venue = Venue(off_s, at_ms=virtual.MIDNIGHT_MS - 110_000)
    engine = venue.made.engine
    venue.passes(49)
    assert venue.minutes == []
    venue.passes(60)
    assert venue.minutes == [], "the first was seen in part, the second has not ended"
    assert engine.branch.desk.day_ms == virtual.MIDNIGHT_MS - MS_PER_DAY
    venue.passes(2)
    assert venue.minutes == [virtual.MIDNIGHT_MS - 60_000]
    assert engine.branch.desk.day_ms == virtual.MIDNIGHT_MS
    assert engine.vitals.next_hour_ns == (virtual.MIDNIGHT_MS + 3_600_000) * 1_000_000


def test_a_replay_learns_the_same_of_the_venues_clock() -> None:
    first, second = Venue(3.0), Venue(3.0)
    for venue in (first, second):
        venue.passes(30)
        venue.passes(5, ahead_s=40.0)
    assert first.made.engine.clock == second.made.engine.clock
    assert first.made.engine.clock.refused == {"book": 20}
    assert first.made.engine.digest == second.made.engine.digest


@pytest.mark.parametrize("kind", ["book", "bbo", "trade"])
def test_one_stamp_from_the_future_is_no_quote_and_wedges_neither_book_nor_bars(kind: str) -> None:
    venue = Venue(0.0)
    venue.passes(70)
    engine = venue.made.engine
    coin = engine.market.coins["BTC"]
    before = (coin.book.mid, coin.book.time_ms, coin.streams.bbo.count)
    time_ms = venue.ns // 1_000_000 + 29_000
    level = Level(200.0, 1.0), Level(200.1, 1.0)
    if kind == "book":
        event: Any = book("BTC", time_ms * 1_000_000, 200.0)
        event.recv_ns = venue.ns
    elif kind == "bbo":
        event = BboUpdate("BTC", time_ms, *level, venue.ns)
    else:
        event = TradesUpdate("BTC", [Print(time_ms, 200.0, 1.0, 1)], venue.ns)
    engine.step(event)
    assert (coin.book.mid, coin.book.time_ms, coin.streams.bbo.count) == before
    assert coin.bars.early == [] and engine.clock.refused == {kind: 1}
    venue.passes(120)
    assert coin.book.time_ms == venue.ns // 1_000_000
    assert len(venue.minutes) == 2 and set(coin.bars.series["1m"].high) == {100.0}


def test_a_candle_from_the_future_is_left_out_of_bars_and_repairs() -> None:
    venue = Venue(0.0)
    venue.passes(5)
    now_ms = venue.ns // 1_000_000
    first = now_ms // 60_000 * 60_000 - 120_000
    rows = [Candle(t, 1.0, 1.0, 1.0, 1.0, 1.0, 1) for t in (first, now_ms + 10 * 365 * MS_PER_DAY)]
    venue.made.engine.step(Candles("BTC", "1m", rows, venue.ns, venue.ns))
    # The minute that has closed since repeats the close until the venue tells of it.
    assert venue.minutes == [first, first + 60_000]
    assert venue.made.engine.clock.refused == {"candle": 1}


def test_a_clock_far_from_the_venues_is_one_alarm_and_its_end_another() -> None:
    venue = Venue(0.0)
    venue.passes(20)
    engine, said = venue.made.engine, []
    absorbed = venue.made.rows.alarms
    step = engine.step

    def kept(event: Any) -> Any:
        outcome = step(event)
        absorbed.extend(outcome.rows.alarms)
        return outcome

    engine.step = kept  # type: ignore[method-assign]
    venue.off = 4 * S
    stamp = venue.ns + venue.off
    venue.passes(3)
    for _ in range(2):
        stamp = venue.ns + venue.off
        engine.step(VenueTime(venue.ns // 1_000_000, stamp, stamp, stamp))
    venue.passes(30)
    said = [row.message for row in absorbed if row.kind == "clock"]
    assert len(said) == 1 and "4.0 s ahead of the venue's clock" in said[0]
    venue.off = 0
    venue.passes(60)
    said = [row.message for row in absorbed if row.kind == "clock"]
    assert len(said) == 2 and "agree with the venue's clock again" in said[1]


@pytest.mark.parametrize("years", [2, 290])
def test_a_stop_of_years_is_not_walked_hour_by_hour_without_end(years: int) -> None:
    made = quiet([])
    made.engine.step(Timer(NOW_NS))
    hours: list[int] = []
    made.engine.branch.on_hour = hours.append  # type: ignore[method-assign]
    made.engine.step(Notice("late", "", min(NOW_NS + years * 365 * 86_400 * S, 2**63 - 1)))
    assert 0 < len(hours) <= 366 * 24 + 1
    assert hours[-1] * 1_000_000 <= made.engine.vitals.venue_ns < (hours[-1] + 3_600_000) * 10**6


@pytest.mark.parametrize(("skew_ms", "for_s"), [(90_000, 60), (-90_000, 60), (2_500, 30)])
def test_a_venue_whose_clock_jumps_enters_no_verdict_of_freshness(
    monkeypatch: pytest.MonkeyPatch, skew_ms: int, for_s: int
) -> None:
    scene = Scene(coins=rig.PAIR, config={"gate": {**rig.OPEN, "freshness": {"mode": "enforce"}}})
    scene.advance(90)
    signals, alarms = len(scene.rows.signals), len(scene.rows.alarms)
    day_ms = scene.engine.branch.desk.day_ms
    frames_between = rig.frames_between

    def skewed(*what: Any) -> Any:
        for ns, raw in frames_between(*what):
            yield ns, re.sub(rb'"time":(\d+)', lambda m: b'"time":%d' % (int(m[1]) + skew_ms), raw)

    monkeypatch.setattr(rig, "frames_between", skewed)
    scene.advance(for_s)
    monkeypatch.setattr(rig, "frames_between", frames_between)
    seen = {row.signal_id for row in scene.rows.signals[signals:]}
    judged = [c for c in scene.rows.checks if c.filter == "freshness" and c.signal_id in seen]
    assert {check.outcome for check in judged} <= {"no_data", "pass"}
    assert "no_data" in {check.outcome for check in judged}
    told = [row for row in scene.rows.alarms[alarms:] if row.kind == "clock"]
    assert len(told) == 1
    assert scene.engine.branch.desk.day_ms == day_ms
