"""Prices that lie, and prices that fall: the engine on frames of both, from decision to row."""

from __future__ import annotations

import csv
import gzip
from functools import cache
from math import exp, log
from typing import Any

import pytest

from daemon.engine import snapshot
from divisions.bot import Bot
from divisions.lane import Lane
from market import plausibility
from market.coin import Coin
from market.decision import ExitPlan, Signal
from market.events import TIMEFRAMES, BboUpdate, ContextUpdate, Level, Print, TradesUpdate
from market.instrument import Instrument
from market.plausibility import PriceRule
from shadow.ledger.trade import SUSPECT_PRICE, TradeState
from shadow.store.rows import Rows
from tests.daemon import rig
from tests.daemon.rig import SECOND_NS, Scene
from tests.support import virtual
from tests.support.engines import book
from tests.support.venue import recorded
from venue.local.faults.fault import Moment
from venue.local.faults.kinds.market.spike import Of, Spike
from venue.local.faults.outgoing import read

COINS = ("BTC", "ETH", "SOL", "DOGE", "XRP", "AVAX")
# A minute ends within the lie.
WARM_S = 59
LATER_S = 12
FOREVER_S = 1e6


def trader(side: int, *, trail: float, target: float, name: str) -> rig.Lane:
    """Return a bot that enters each coin once, five seconds after its first book."""

    def act(memory: rig.Count, coin: rig.Coin, view: rig.View) -> Signal | None:
        if view.now_ns < (virtual.START_MS // 1000 + 5) * SECOND_NS or memory.calls < 0:
            return None
        memory.calls = -10_000_000
        mid = coin.book.mid
        plan = ExitPlan(
            stop_px=mid * (1.0 - side * 0.01),
            horizon_ns=int(FOREVER_S * SECOND_NS),
            target_px=mid * (1.0 + side * target) if target else 0.0,
            trail=mid * trail,
        )
        return Signal(coin.name, side, 1.0, plan, "a test wants it", {})

    return rig.probe(act, name)


class Lied:
    """A run in which prices were multiplied for a while; `spike` None: the truth."""

    def __init__(self, spike: Spike | None, *, later_s: float = LATER_S) -> None:
        lanes = [
            trader(1, trail=0.0, target=0.5, name="long"),
            trader(-1, trail=0.0, target=0.5, name="short"),
            trader(1, trail=0.01, target=0.0, name="trailing"),
        ]
        self.scene = Scene(coins=COINS, config={"gate": rig.OPEN})
        market = self.scene.engine.market
        market.lanes = {lane.name: lane for lane in lanes}
        market.resubscribe()
        self.scene.advance(WARM_S)
        self.held = dict(self.scene.engine.branch.ledger.trades)
        self.began_ns = self.scene.run.now_ns
        if spike is not None:
            self.lie(spike)
        self.scene.advance(virtual.START_MS / 1e3 + WARM_S + later_s - self.scene.run.now_ns / 1e9)

    def lie(self, spike: Spike) -> None:
        """Let the market go on, seen through a fault."""
        run = self.scene.run
        start_ms = run.now_ns // 1_000_000
        end_ms = start_ms + round(spike.for_s * 1000)
        for ns, raw in rig.frames_between(self.scene.seed, COINS, start_ms, end_ms):
            while run.tick_ns <= ns:
                run._tick(None)
            run.now_ns = max(run.now_ns, ns)
            out = spike.frames(read(raw), Moment(0, 0, 0, {}, 0.0))
            run.intake.frames([one.payload for one in out], run.now_ns)

    def closed_r(self) -> list[float]:
        return [row.r for row in self.scene.rows.trade_updates if row.status == "closed" and row.r]

    def worst_equity(self) -> tuple[int, int]:
        equity = [row.equity_e6 for row in self.scene.rows.equity]
        return min(equity), max(equity)


class Hasty(Bot[rig.NoParams, rig.Count]):
    """A bot that sells at every print."""

    name = "hasty"
    division = "flow"
    params_type = rig.NoParams
    memory_type = rig.Count

    def on_trades(self, memory: rig.Count, coin: Coin, view: Any, update: TradesUpdate) -> Signal:
        return rig.entry(coin, -1)


@cache
def truth() -> Lied:
    return Lied(None)


@pytest.mark.parametrize(
    ("of", "factor"),
    [
        ("all", 10.0),
        pytest.param("all", 0.1, marks=pytest.mark.long),
        pytest.param("books", 10.0, marks=pytest.mark.long),
        ("books", 1.05),
        ("prints", 10.0),
        ("contexts", 0.1),
        pytest.param("contexts", 1.05, marks=pytest.mark.long),
    ],
)
def test_a_lie_of_less_than_two_seconds_trades_nothing(of: Of, factor: float) -> None:
    """Six coins ten times as dear for 1.8 s: no fill, no stop, no bar, no equity, no verdict."""
    run, true = Lied(Spike(of=of, factor=factor)), truth()
    ledger = run.scene.engine.branch.ledger
    assert {(t.bot, t.coin) for t in run.held.values()} == {
        (bot, coin) for bot in ("long", "short", "trailing") for coin in COINS
    }
    assert {t.state for t in run.held.values()} == {TradeState.OPEN}
    assert ledger.trades.keys() == true.scene.engine.branch.ledger.trades.keys()
    for trade_id, trade in ledger.trades.items():
        twin = true.scene.engine.branch.ledger.trades[trade_id]
        assert (trade.state, trade.hi, trade.lo, trade.stop_px) == (
            twin.state,
            pytest.approx(twin.hi, rel=1e-3),
            pytest.approx(twin.lo, rel=1e-3),
            pytest.approx(twin.stop_px, rel=1e-3),
        )
        assert (SUSPECT_PRICE in trade.flags) is (of in ("all", "books"))
    assert run.closed_r() == []
    for name in COINS:
        coin, sound = run.scene.engine.market.coins[name], true.scene.engine.market.coins[name]
        assert coin.book.mid == sound.book.mid and coin.book.ok and not coin.prices.since_ns
        assert coin.context.mark_px == sound.context.mark_px
        assert coin.variance == pytest.approx(sound.variance, rel=0.5)
        for timeframe in TIMEFRAMES:
            series, other = coin.bars.series[timeframe], sound.bars.series[timeframe]
            assert series.high == pytest.approx(other.high, rel=1e-2)
            assert series.low == pytest.approx(other.low, rel=1e-2)
    low, high = true.worst_equity()
    assert run.worst_equity() == (pytest.approx(low, rel=1e-3), pytest.approx(high, rel=1e-3))
    kinds = {row.kind for row in run.scene.rows.alarms}
    assert ("suspect_price" in kinds) is (of != "prints")


class Watched(Lied):
    """A run that keeps for how long each coin's quotes were doubted since the spike began."""

    def lie(self, spike: Spike) -> None:
        self.doubted: dict[str, int] = {}
        self.believed: dict[str, int] = {}
        engine = self.scene.engine
        step = engine.step

        def watched(event: Any) -> Any:
            outcome = step(event)
            for name, coin in engine.market.coins.items():
                since_ns, now_ns = coin.prices.since_ns, engine.vitals.now_ns
                if since_ns:
                    self.doubted[name] = max(self.doubted.get(name, 0), now_ns - since_ns)
                elif name in self.doubted:
                    self.believed.setdefault(name, now_ns - self.began_ns)
            return outcome

        engine.step = watched  # type: ignore[method-assign]
        super().lie(spike)


def test_a_crash_of_a_tenth_that_all_witness_is_the_market_within_two_seconds() -> None:
    """From one frame to the next; the stops of the longs then end them, at the new price."""
    run = Watched(Spike(factor=0.9, for_s=15.0), later_s=15.0)
    assert run.doubted.keys() == set(COINS)
    assert max(run.doubted.values()) < 1.2 * SECOND_NS
    assert max(run.believed.values()) < 2 * SECOND_NS
    rows = run.scene.rows
    closed = [row for row in rows.trade_updates if row.status == "closed"]
    longs = {trade_id for trade_id, trade in run.held.items() if trade.side > 0}
    assert {row.trade_id for row in closed} == longs
    assert {row.exit_reason for row in closed} <= {"stop", "trail"}
    assert all(SUSPECT_PRICE in row.flags for row in closed)
    assert all(-12.0 < row.r < -8.0 for row in closed if row.r is not None)
    assert not any(row.scope == "twin" and row.r for row in net_rollups(run.scene.rows).values())


def net_rollups(rows: Rows) -> dict[Any, Any]:
    """Return the sums that the rollup holds in the end."""
    sums: dict[Any, Any] = {}
    for row in rows.rollups:
        sums[row.key] = sums[row.key].plus(row) if row.key in sums else row
    return {key: row for key, row in sums.items() if abs(row.r) > 1e-9}


def test_books_that_lie_against_sound_contexts_are_no_market_for_a_minute() -> None:
    run = Watched(Spike(of="books", factor=10.0, for_s=40.0), later_s=45.0)
    assert run.closed_r() == []
    assert max(run.doubted.values()) > 38 * SECOND_NS
    assert {row.exit_reason for row in run.scene.rows.trade_updates} == {None}
    flags = {t.trade_id: t.flags for t in run.scene.engine.branch.ledger.trades.values()}
    assert flags.keys() == run.held.keys()
    assert all(SUSPECT_PRICE in flags[i] for i in flags)


def test_signals_on_a_suspect_price_have_no_data_and_their_trades_are_flagged() -> None:
    """What a bot says meanwhile is judged on the last price that was believed."""
    scene = Scene(coins=rig.PAIR, config={"gate": {**rig.OPEN, "freshness": {}}})
    engine, now_ns = scene.engine, 0
    engine.market.lanes = {"hasty": Lane(Hasty(rig.NoParams()))}
    scene.advance(20)
    engine.market.resubscribe()
    now_ns = scene.run.now_ns
    sound_mid = engine.market.coins["BTC"].book.mid
    rows = engine.step(book("BTC", now_ns, 10.0 * sound_mid)).rows
    assert [row.kind for row in rows.alarms] == ["suspect_price"]
    known = bool(engine.market.coins["BTC"].context.mark_px)
    assert rows.alarms[0].message.endswith(", no mark or oracle") is not known
    rows = engine.step(
        TradesUpdate("BTC", [Print(now_ns // 10**6, sound_mid, 1.0, 1)], now_ns)
    ).rows
    (check,) = [row for row in rows.checks if row.filter == "freshness"]
    assert (check.outcome, check.reason[:20]) == ("no_data", "the price is suspect")
    assert (rows.signals[0].mid, rows.trades[0].decision_mid) == (sound_mid, sound_mid)
    assert rows.trade_updates[-1].flags == SUSPECT_PRICE


def test_a_suspended_trade_is_not_taken_up_at_a_suspect_price() -> None:
    """A feed that comes back with a lie: trades wait until somebody vouches for the market."""
    run = Lied(None)
    scene = run.scene
    scene.outage(40)
    ledger = scene.engine.branch.ledger
    waiting = {t.trade_id for trades in ledger.gaps.suspended.values() for t in trades}
    assert waiting == run.held.keys()
    run.lie(Spike(factor=10.0, for_s=1.8, of="books"))
    assert not any(len(marks) for marks in ledger.marks.values())
    scene.advance(30)
    assert run.closed_r() == []
    assert all(
        SUSPECT_PRICE in t.flags and not t.gap_ns and t.hi < 1.1 * t.entry_px
        for t in ledger.trades.values()
    )


def test_doubts_survive_being_written_down() -> None:
    """A state written amid a lie goes on as if it had never been written."""
    scenes = [Lied(None).scene for _ in range(1)]
    scene = scenes[0]
    engine = scene.engine
    mid = engine.market.coins["BTC"].book.mid
    now = scene.run.now_ns
    for i in range(3):
        engine.step(book("BTC", now + i * SECOND_NS // 4, 1.05 * mid))
    engine.step(TradesUpdate("BTC", [Print(now // 10**6, 1.05 * mid, 1.0, 1)], now + SECOND_NS))
    other = rig.again(scene).engine
    other.market.lanes = engine.market.lanes
    snapshot.restore(other, snapshot.whole(engine))
    assert other.market.coins["BTC"].prices == engine.market.coins["BTC"].prices
    for i in range(4, 12):
        event = book("BTC", now + i * SECOND_NS // 4, 1.05 * mid)
        assert engine.step(event).rows == other.step(event).rows
    assert engine.digest == other.digest
    assert not other.market.coins["BTC"].prices.since_ns
    assert other.market.coins["BTC"].book.mid == pytest.approx(1.05 * mid)


# Recorded: the fastest second that was seen on this venue, as it was and a hundred times as fast.


def recorded_quotes(name: str) -> list[tuple[float, float, float]]:
    """Return (time in s, bid, ask) at every change of the best prices."""
    found, sides = [], {"bid": 0.0, "ask": 0.0}
    with gzip.open(recorded("hyperliquid_rec_20250904") / f"prices_{name}.csv.gz", "rt") as file:
        for row in csv.DictReader(file):
            sides[row["side"]] = float(row["price"])
            if all(sides.values()):
                found.append((float(row["timestamp"]), sides["bid"], sides["ask"]))
    return found


def delays(quotes: list[tuple[float, float, float]], name: str) -> list[float]:
    """Return how long each stretch lasted in which the quotes of a recording were doubted.

    A context comes every second, of the mid as it stands then.
    """
    coin = Coin(Instrument(name, 0, 2, 20))
    rule, found, next_s, doubted_s = PriceRule(), [], 0.0, 0.0
    for at_s, bid, ask in quotes:
        ns = round(at_s * 1e9)
        sides = Level(bid, 1.0), Level(ask, 1.0)
        if at_s >= next_s:
            next_s = at_s + 1.0
            mid = 0.5 * (bid + ask)
            context = ContextUpdate(name, 1e-5, 1.0, mid, mid, None, 1.0, 1.0, ns)
            if plausibility.believes_context(coin, context, rule):
                coin.on_context(context)
        if plausibility.believes_quote(coin, *sides, ns // 10**6, ns, rule):
            coin.book.apply_bbo(BboUpdate(name, ns // 10**6, *sides, ns))
            if doubted_s:
                found.append(at_s - doubted_s)
            doubted_s = 0.0
        else:
            doubted_s = doubted_s or at_s
    assert not doubted_s, "it ends believed"
    return found


@pytest.mark.parametrize("name", ["BTC", "SOL"])
def test_nothing_that_was_recorded_is_suspect(name: str) -> None:
    quotes = recorded_quotes(name)
    assert len(quotes) > 20_000
    assert delays(quotes, name) == []


def test_the_fastest_recorded_second_made_a_tenth_gets_through_at_once() -> None:
    quotes = recorded_quotes("SOL")
    logs = [log(0.5 * (bid + ask)) for _, bid, ask in quotes]
    first = 0
    best = (0.0, 0, 0)
    for i, (at_s, _, _) in enumerate(quotes):
        while quotes[first][0] < at_s - 1.0:
            first += 1
        best = max(best, (abs(logs[i] - logs[first]), first, i))
    size, begin, end = best
    times = log(0.9) / -size
    fallen = 0.0
    fast = []
    for i, (at_s, bid, ask) in enumerate(quotes[: end + 2_000]):
        if begin < i <= end:
            fallen -= (times - 1.0) * abs(logs[i] - logs[i - 1])
        fast.append((at_s, bid * exp(fallen), ask * exp(fallen)))
    assert fast[end][1] < 0.905 * fast[begin][1]
    found = delays(fast, "SOL")
    assert max(found, default=0.0) < 1.0, found
