from __future__ import annotations

from collections import Counter
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from daemon.engine import snapshot
from daemon.engine.engine import Engine
from daemon.engine.outcome import NOTHING
from divisions.lane import Lane
from market.book import Book
from market.decision import TradeKind
from market.events import (
    BboUpdate,
    Candle,
    Candles,
    Command,
    ContextUpdate,
    Event,
    FundingHistory,
    Notice,
    Print,
    Timer,
    TradesUpdate,
)
from market.fills import FillModel
from shadow.ledger.trade import TradeState
from shadow.store.check import broken_promises
from shadow.store.tables.alarms import AlarmRow
from tests.daemon import rig
from tests.daemon.rig import Probe, Scene
from tests.support import virtual
from tests.support.engines import (
    NOW_NS,
    SEEDS,
    S,
    book,
    feed,
    losing,
    quiet,
    recorded,
    stored,
)
from tests.support.rows import cells, without

pytestmark = pytest.mark.xdist_group("eventful market")

# Accounting of signals.


@pytest.mark.parametrize("seed", SEEDS)
def test_every_signal_is_one_row_admitted_or_blocked_with_an_id_of_its_event(seed: int) -> None:
    scene = rig.eventful(seed)
    rows, vitals = scene.rows, scene.engine.vitals
    verdicts = Counter(row.verdict for row in rows.signals)
    assert verdicts == {"admitted": vitals.admitted, "blocked": vitals.blocked}
    assert len(rows.signals) == vitals.admitted + vitals.blocked > 50
    ids = [row.signal_id for row in rows.signals]
    assert len(set(ids)) == len(ids) and ids == sorted(ids)
    of_event: dict[int, list[int]] = {}
    for row in rows.signals:
        of_event.setdefault(row.seq, []).append(row.signal_id)
    stride = ids[0] // rows.signals[0].seq
    for seq, found in of_event.items():
        assert found == list(range(seq * stride, seq * stride + len(found)))
    assert sum(scene.engine.vitals.signals.values()) == len(ids)


@pytest.mark.parametrize("seed", SEEDS)
def test_an_admitted_signal_has_one_paper_trade_and_one_twin_with_the_same_money(seed: int) -> None:
    rows = rig.eventful(seed).rows
    last = {row.trade_id: without(row, "trade_id") for row in rows.trade_updates}
    opened: dict[int, dict[str, list[Any]]] = {}
    for row in rows.trades:
        if row.cause == "admit":
            rest = without(row, "trade_id", "kind")
            opened.setdefault(row.signal_id, {}).setdefault(row.kind, []).append(
                (row.trade_id, rest)
            )
    admitted = {s.signal_id: s for s in rows.signals if s.verdict == "admitted"}
    assert opened.keys() == admitted.keys() and len(admitted) > 10
    fills: dict[int, list[Any]] = {}
    for fill in rows.fills:
        fills.setdefault(fill.trade_id, []).append(without(fill, "trade_id"))
    for signal_id, kinds in opened.items():
        assert sorted(kinds) == ["paper", "twin"]
        ((paper, real),) = kinds["paper"]
        ((twin, copy),) = kinds["twin"]
        assert real == copy
        assert last.get(paper) == last.get(twin)
        assert fills.get(paper) == fills.get(twin)
        assert admitted[signal_id].trade_id == paper


@pytest.mark.parametrize("seed", SEEDS)
def test_a_blocked_signal_opens_a_phantom_or_joins_the_open_one_of_its_key(seed: int) -> None:
    rows = rig.eventful(seed).rows
    phantoms = {r.trade_id: r for r in rows.trades if (r.kind, r.cause) == ("phantom", "block")}
    closed_ns = {r.trade_id: r.closed_ns for r in rows.trade_updates if r.closed_ns}
    own, joined = 0, 0
    for row in rows.signals:
        if row.verdict != "blocked":
            continue
        assert row.trade_id is not None
        phantom, key = phantoms[row.trade_id], "bot division coin side"
        assert cells(phantom, key) == cells(row, key)
        if phantom.signal_id == row.signal_id:
            own += 1
        else:
            joined += 1
            assert phantom.decided_ns < row.ts_ns <= closed_ns.get(row.trade_id, row.ts_ns)
    assert own == len(phantoms) and joined > 0


@pytest.mark.parametrize("seed", SEEDS)
def test_a_clamp_is_kept_on_the_row_and_its_remainder_is_a_phantom_of_its_own(
    seed: int, tmp_path: Path
) -> None:
    scene = rig.eventful(seed)
    clamped = 0
    with stored(tmp_path, scene.engine, scene.rows) as db:
        for row in db.execute("SELECT * FROM signal WHERE clamps <> '[]' AND verdict = 'admitted'"):
            clamped += 1
            asked = dict(
                db.execute(
                    "SELECT cause || '/' || kind, asked_lots FROM trade WHERE signal_id = ?",
                    (row["signal_id"],),
                ).fetchall()
            )
            found = next(f for f in scene.rows.signals if f.signal_id == row["signal_id"])
            requested, after = found.requested_lots, found.lots
            assert after < requested
            assert asked == {
                "admit/paper": after,
                "admit/twin": after,
                "clamp/phantom": requested - after,
            }
    assert clamped > 0


@pytest.mark.parametrize("seed", SEEDS)
def test_everything_a_run_wrote_keeps_the_database_s_promises(seed: int, tmp_path: Path) -> None:
    scene = rig.eventful(seed)
    with stored(tmp_path, scene.engine, scene.rows) as db:
        assert broken_promises(db) == []


# Order within a step.


def test_a_step_takes_the_book_then_the_bots_then_the_gate_then_the_marks(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    said: list[str] = []
    lane = rig.probe(lambda m, coin, view: said.append("bots") or rig.entry(coin))
    made = quiet([lane])
    real_book, gate, ledger = Book.apply_book, made.engine.branch.gate, made.engine.branch.ledger
    real_judge, real_marks = gate.judge, ledger.on_book
    monkeypatch.setattr(
        Book, "apply_book", lambda self, update: said.append("book") or real_book(self, update)
    )
    monkeypatch.setattr(
        gate, "judge", lambda signal, view: said.append("gate") or real_judge(signal, view)
    )
    monkeypatch.setattr(
        ledger, "on_book", lambda coin, ns: said.append("marks") or real_marks(coin, ns)
    )
    feed(made, NOW_NS)
    assert said == ["book", "bots", "gate", "marks"]


def test_ids_stay_unique_when_one_event_brings_more_signals_than_usual() -> None:
    names = [f"C{i}" for i in range(400)]

    class Minute(Probe):
        timeframes = ("1m",)
        on_book = Probe.__mro__[1].on_book

        def on_bar(self, memory: Any, coin: Any, view: Any, timeframe: str) -> Any:
            return rig.entry(coin)

    world = virtual.world()
    made = rig.fresh({}, rig.PAIR)
    coin = world.instruments["BTC"]
    engine = type(made.engine)(
        instruments={n: type(coin)(n, i, 2, 10) for i, n in enumerate(names)},
        lanes=[
            Lane(Minute(lambda *_: None)),
            rig.probe(lambda m, c, v: rig.entry(c) if eager[0] else None, "eager"),
        ],
        gate=made.engine.branch.gate,
        model=FillModel.of(latency_ms=400.0, taker_bps=4.5, maker_bps=1.5),
        identity=made.engine.branch.books.identity,
        start_e6=10**10,
        seed=7,
        vol_target=0.005,
        shadow=True,
    )
    signals: list[int] = []
    trades: list[int] = []
    eager = [False]
    for second in range(0, 250, 20):
        ns = NOW_NS + second * S
        for name in names:
            engine.step(TradesUpdate(name, [Print(ns // 1_000_000, 100.0, 1.0, 1)], ns))
            engine.step(book(name, ns))
        for event in (Timer(ns + S), book("C0", ns + S)):
            eager[0] = bool(signals)
            rows = engine.step(event).rows
            signals += [row.signal_id for row in rows.signals]
            trades += [row.trade_id for row in rows.trades]
    assert len(signals) > 400 and len(set(signals)) == len(signals)
    assert len(set(trades)) == len(trades)


# Faults.


def test_a_filter_that_raises_is_our_bug_and_no_bot_s_fault(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    lane = rig.probe(lambda m, coin, view: rig.entry(coin))
    made = quiet([lane])

    def raises(*_: Any) -> Any:
        raise ZeroDivisionError("in a filter")

    monkeypatch.setattr(made.engine.branch.gate, "judge", raises)
    with pytest.raises(ZeroDivisionError):
        feed(made, NOW_NS)
    assert not lane.fault


# Connectivity.


@pytest.mark.parametrize(
    "event",
    [
        book("NOPE", NOW_NS),
        BboUpdate("NOPE", 1, None, None, NOW_NS),
        TradesUpdate("NOPE", [Print(1, 1.0, 1.0, 1)], NOW_NS),
        ContextUpdate("NOPE", 0.0, 1.0, 1.0, 1.0, None, 1.0, 1.0, NOW_NS),
        Candles("NOPE", "1m", [Candle(0, 1.0, 1.0, 1.0, 1.0, 1.0, 1)], NOW_NS, NOW_NS),
        FundingHistory("NOPE", [(0, 0.1)], NOW_NS),
    ],
    ids=lambda e: type(e).__name__,
)
def test_events_about_coins_we_do_not_trade_change_nothing_but_the_count(event: Event) -> None:
    made = rig.fresh({}, rig.PAIR)
    made.engine.step(Timer(NOW_NS))
    before = snapshot.whole(made.engine)
    digest = made.engine.digest
    assert made.engine.step(event) is NOTHING
    assert made.engine.digest == digest
    made.engine.vitals.seq -= 1
    assert snapshot.whole(made.engine) == before


def test_what_the_rim_saw_becomes_an_alarm_on_record() -> None:
    made = rig.fresh({}, rig.PAIR)
    outcome = made.engine.step(Notice("clock", "jumped", NOW_NS))
    assert outcome.rows.alarms == [AlarmRow(NOW_NS, 1, "clock", "jumped")]
    assert made.engine.vitals.alarms == 1


# Money.


def marks_of(engine: Engine) -> int:
    total = 0
    for trade in engine.branch.settlement.real.values():
        if trade.state in (TradeState.OPEN, TradeState.EXITING):
            coin = engine.market.coins[trade.coin]
            px = coin.book.mid if coin.book.ok else (trade.mark_px or trade.entry_px)
            size = trade.open_lots / 10**coin.instrument.sz_decimals
            worth = round(px * size * 1e6)
            value = trade.side * (trade.exit_notional_e6 + worth - trade.entry_notional_e6)
            total += value - trade.fees_e6 - trade.funding_e6
    return total


@pytest.mark.parametrize("seed", SEEDS)
def test_equity_moves_by_closed_nets_and_open_marks_to_the_micro_dollar(seed: int) -> None:
    made = rig.again(rig.eventful(seed))
    engine = made.engine
    nets: dict[int, int] = {}
    checked, at = 0, 0
    for record in recorded(seed):
        made.play([record])
        for _, rows in made.steps[at:]:
            for update in rows.trade_updates:
                if update.trade_id % 4 == TradeKind.PAPER and update.net_e6 is not None:
                    nets[update.trade_id] = update.net_e6
            for row in rows.equity:
                checked += 1
                assert row.cash_e6 == engine.branch.desk.start_e6 + sum(nets.values())
                assert abs(row.open_e6 - marks_of(engine)) <= len(engine.branch.settlement.real)
                assert row.equity_e6 == row.cash_e6 + row.open_e6
                assert row.open_trades == len(engine.branch.settlement.real)
                held = engine.branch.settlement.real.values()
                assert row.gross_e6 == sum(t.exposed_e6 for t in held)
                assert row.net_e6 == sum(t.side * t.exposed_e6 for t in held)
        at = len(made.steps)
    assert checked >= 9 and len(nets) > 10
    assert sum(engine.branch.desk.by_coin.values()) == engine.branch.desk.gross_e6
    assert sum(engine.branch.desk.by_division.values()) == engine.branch.desk.gross_e6


# Halts and the loss limit.


def test_a_halt_blocks_entries_and_leaves_exits_alone_until_its_own_holder_lifts_it() -> None:
    lane = rig.probe(lambda m, c, v: rig.entry(c, horizon_s=5) if v.now_ns // S % 15 == 3 else None)
    scene = Scene(coins=rig.PAIR, lanes=[lane], config={"gate": rig.OPEN})
    scene.advance(6)
    engine = scene.engine
    assert engine.branch.settlement.real
    scene.tell(Command("halt", "why not"))
    scene.tell(Command("halt", "full", "disk"))
    count = len(scene.rows.signals)
    scene.advance(40)
    later = scene.rows.signals[count:]
    assert later and all("halt" in row.failing.split(",") for row in later)
    assert not engine.branch.settlement.real, "exits must go on"
    assert "still halted by disk: full" in scene.tell(Command("resume")).reply
    assert engine.branch.desk.halts == {"disk": "full"}
    assert scene.tell(Command("resume")).reply.startswith("nothing to resume")
    assert scene.tell(Command("resume", "", "disk")).reply == "entries are open"
    count = len(scene.rows.signals)
    scene.advance(60)
    assert any(row.verdict == "admitted" for row in scene.rows.signals[count:])


def test_a_run_that_was_flattened_replays_bit_for_bit_and_its_twins_stay_equal(
    tmp_path: Path,
) -> None:
    said: list[str] = []
    kept: set[int] = set()

    def flatten(scene: Scene) -> None:
        """Flatten at a moment at which something is open and something on its way in."""
        trades = scene.engine.branch.ledger.trades
        states = [t.state for t in scene.engine.branch.settlement.real.values()]
        phantoms = {i for i, t in trades.items() if t.kind >= TradeKind.PHANTOM}
        some = phantoms and states.count(TradeState.OPEN) > 2 and TradeState.PENDING in states
        if some and not said:
            kept.update(phantoms)
            said.append(scene.tell(Command("flatten")).reply)
            assert kept <= set(trades)

    for seed in range(7, 17):
        scene = Scene(seed=seed, config=rig.TIGHT)
        scene.advance(130, reads=3, on_second=partial(flatten, scene))
        if said:
            break
    engine = scene.engine
    assert said and "called off" in said[0] and "0 entries" not in said[0]
    scene.advance(5)
    assert not engine.branch.settlement.real
    assert scene.tell(Command("resume")).reply == "entries are open"
    scene.advance(60, reads=3)
    flattened = [row for row in scene.rows.trade_updates if row.exit_reason == "flatten"]
    assert len(flattened) > 4 and all(row.trade_id % 4 in (0, 1) for row in flattened)
    with stored(tmp_path, engine, scene.rows) as db:
        assert broken_promises(db) == []
    replayed = rig.again(scene)
    replayed.play(rig.records_of(scene.run.lines))
    assert replayed.engine.digest == engine.digest
    assert replayed.rows == scene.rows


def test_a_broken_loss_limit_latches_once_and_within_the_day_only_the_operator_releases_it() -> (
    None
):
    made = losing()
    engine = made.engine
    rows = engine.step(Timer(NOW_NS + 4 * S)).rows
    assert engine.branch.desk.latched.startswith("daily loss")
    assert [row.kind for row in rows.alarms] == ["drawdown"]
    feed(made, NOW_NS + 5 * S, 100.0)
    assert engine.step(Timer(NOW_NS + 6 * S)) is NOTHING, "a latch is told of once"
    assert engine.branch.desk.equity_e6 > engine.branch.desk.start_e6 * 0.999
    assert engine.branch.desk.latched, "recovered money does not open the latch"
    engine.step(Command("resume", "", "disk", NOW_NS + 7 * S))
    assert engine.branch.desk.latched, "nobody but the operator releases it"
    assert engine.step(Command("resume", recv_ns=NOW_NS + 8 * S)).reply == "entries are open"
    assert not engine.branch.desk.latched


def test_a_latch_is_durable_by_itself() -> None:
    """Though in most seconds the money moves too, and takes the desk along."""
    made = losing()
    engine = made.engine
    engine.step(Timer(NOW_NS + 4 * S))
    engine.branch.desk.latched = ""
    engine.out.dirty.clear()
    engine.step(Timer(NOW_NS + 5 * S))
    assert engine.branch.desk.latched and "desk" in engine.out.dirty


def test_releasing_the_latch_makes_the_limits_count_from_there() -> None:
    made = losing()
    engine = made.engine
    engine.step(Timer(NOW_NS + 4 * S))
    engine.step(Command("resume", recv_ns=NOW_NS + 5 * S))
    desk = engine.branch.desk
    assert desk.day_start_e6 == desk.peak_e6 == desk.equity_e6 < desk.start_e6
    for i in range(6, 10):
        feed(made, NOW_NS + i * S, 98.2)
        engine.step(Timer(NOW_NS + i * S))
    assert not desk.latched, "the old loss must not latch again"
    feed(made, NOW_NS + 10 * S, 96.5)
    engine.step(Timer(NOW_NS + 10 * S))
    assert desk.latched, "a new loss must"


def test_the_digest_runs_over_rows_alone_and_every_row_moves_it() -> None:
    made = rig.fresh({}, rig.PAIR)
    engine = made.engine
    engine.step(Timer(NOW_NS))
    digests = [engine.digest]
    engine.step(book("BTC", NOW_NS))
    assert engine.digest == digests[0], "no rows, no change"
    for _ in range(3):
        engine.step(Notice("a", "same words", NOW_NS))
        digests.append(engine.digest)
    assert len(set(digests)) == 4


def test_a_desk_too_small_for_a_lot_leaves_no_key_waiting_and_keeps_its_digest(
    tmp_path: Path,
) -> None:
    """Sizes of no lots at all are blocked, and their phantoms end at their book."""
    scene = Scene(seed=7, config={"desk": {"equity_usd": 20.0}})
    scene.advance(400)
    branch, vitals = scene.engine.branch, scene.engine.vitals
    assert 0 in {row.lots for row in scene.rows.signals}
    assert (len(scene.rows.signals), vitals.closed) == (57, 38)
    held = [key.phantom_id for key in branch.keys.values() if key.phantom_id]
    assert set(held) <= branch.ledger.trades.keys()
    assert scene.engine.digest == "c2f1d4adda0183157ad0ffd7b1e00fb0"
    with stored(tmp_path, scene.engine, scene.rows) as db:
        assert list(broken_promises(db)) == []
