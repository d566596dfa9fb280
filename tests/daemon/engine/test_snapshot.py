from __future__ import annotations

import json
import random
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from daemon.engine import snapshot
from daemon.engine.engine import Engine
from market.decision import TradeKind
from market.errors import InvariantBroken
from market.events import Command, FeedDown, FeedUp, Timer
from shadow.ledger.trade import UNAVAILABLE, TradeState
from shadow.store.check import broken_promises
from shadow.store.rows import Rows
from shadow.store.store import Store, open_readonly
from tests.daemon import rig
from tests.daemon.rig import Fresh, Scene
from tests.support import virtual
from venue.tape.lines import Record

pytestmark = pytest.mark.xdist_group("eventful market")

SEEDS = (7, 9)
S = rig.SECOND_NS


@cache
def recorded(seed: int) -> list[Record]:
    return [r for r in rig.records_of(rig.eventful(seed).run.lines) if r.kind in "FfTRCXL"]


def cut(made: Fresh, seed: int) -> Fresh:
    """Return a fresh engine and session made to go on from where another one stands."""
    other = rig.again(rig.eventful(seed))
    snapshot.restore(other.engine, snapshot.whole(made.engine))
    other.session.restore(rig.session_state(made.session))
    return other


def continues(seed: int, at: int, made: Fresh | None = None) -> None:
    """Cut a run at a record; both halves must end where the unbroken run did."""
    records = recorded(seed)
    scene = rig.eventful(seed)
    if made is None:
        made = rig.again(scene)
        made.play(records[:at])
    if made.intake._skips:
        return  # within one socket read, where no segment ever begins
    before = snapshot.whole(made.engine)
    other = cut(made, seed)
    assert msgspec.json.decode(snapshot.whole(other.engine)) == msgspec.json.decode(before)
    other.play(records[at:])
    assert other.engine.digest == scene.engine.digest
    seq = made.engine.vitals.seq
    assert other.steps == [s for s in unbroken(seed).steps if s[0] > seq]
    assert other.engine.vitals == scene.engine.vitals


@cache
def unbroken(seed: int) -> Fresh:
    made = rig.again(rig.eventful(seed))
    made.play(recorded(seed))
    return made


@settings(max_examples=5)
@given(seed=st.sampled_from(SEEDS), share=st.floats(0.0, 1.0))
def test_an_engine_restored_at_any_event_goes_on_as_if_it_had_never_stopped(
    seed: int, share: float
) -> None:
    continues(seed, int(share * len(recorded(seed))))


def in_state(kind: TradeState) -> Callable[[Engine], bool]:
    return lambda engine: any(t.state == kind for t in engine.branch.ledger.trades.values())


SITUATIONS: dict[str, Callable[[Engine], bool]] = {
    "an entry is on its way": in_state(TradeState.PENDING),
    "a trade is open": in_state(TradeState.OPEN),
    "an exit is on its way": in_state(TradeState.EXITING),
    "marks are suspended": lambda engine: bool(engine.branch.ledger.gaps.since()),
    "a pair is bound": lambda e: any(t.later_trade_id for t in e.branch.ledger.trades.values()),
    "a remainder is shadowed": lambda e: any(
        t.kind == TradeKind.CLAMPED and t.state == TradeState.OPEN
        for t in e.branch.ledger.trades.values()
    ),
    "repeats wait to be written": lambda engine: bool(engine.branch.settlement.repeated),
    "the desk is halted": lambda engine: bool(engine.branch.desk.halts),
    "the day has just turned": lambda e: e.branch.desk.day_ms == virtual.MIDNIGHT_MS,
    "a minute is half over": lambda e: bool(
        e.market.coins["BTC"].bars.minute and e.market.coins["BTC"].bars.minute.count > 20
    ),
}


@pytest.mark.parametrize("situation", SITUATIONS)
def test_an_engine_can_be_cut_in_two_while(situation: str) -> None:
    holds = SITUATIONS[situation]
    # A pair need not be bound in every market, but in one of them.
    for seed in SEEDS if situation == "a pair is bound" else SEEDS[:1]:
        made = rig.again(rig.eventful(seed))
        for at, record in enumerate(recorded(seed)):
            if holds(made.engine) and not made.intake._skips:
                continues(seed, at, made)
                return
            made.play([record])
    raise AssertionError(f"{situation}: never seen")


@pytest.mark.parametrize("seed", SEEDS)
def test_an_engine_can_be_cut_in_two_right_after_every_fact(seed: int) -> None:
    made = rig.again(rig.eventful(seed))
    kinds = set()
    for at, record in enumerate(recorded(seed)):
        made.play([record])
        kind = record.payload[:20] if record.kind in "RCXL" else b""
        if kind and kind not in kinds:
            kinds.add(kind)
            continues(seed, at + 1, made)
    assert len(kinds) >= 5


@pytest.mark.parametrize("seed", SEEDS)
def test_writing_the_state_down_changes_nothing(seed: int) -> None:
    made = rig.again(rig.eventful(seed))
    records = recorded(seed)
    for begin in range(0, len(records), 500):
        made.play(records[begin : begin + 500])
        assert snapshot.whole(made.engine) == snapshot.whole(made.engine)
    assert made.engine.digest == rig.eventful(seed).engine.digest
    assert made.steps == unbroken(seed).steps


def test_every_bot_s_fresh_memory_and_every_filter_s_reach_can_be_written_down() -> None:
    made = rig.fresh({}, rig.PAIR)
    for lane in made.engine.market.lanes.values():
        for coin in rig.PAIR:
            lane.memory(coin)
    other = rig.fresh({}, rig.PAIR)
    snapshot.restore(other.engine, snapshot.whole(made.engine))
    for name, lane in made.engine.market.lanes.items():
        assert other.engine.market.lanes[name].memories == lane.memories
    assert other.engine.branch.gate.reach == made.engine.branch.gate.reach


def test_a_state_of_other_coins_is_refused() -> None:
    raw = snapshot.whole(rig.fresh({}, rig.PAIR).engine)
    with pytest.raises(InvariantBroken, match="coins"):
        snapshot.restore(rig.fresh({}, ("BTC",)).engine, raw)


# What outlives a restart.


class Disk:
    """What a database would hold of the state, commit by commit."""

    def __init__(self) -> None:
        self.pieces: dict[str, str] = {}

    def commit(self, engine: Engine) -> None:
        for key, value in snapshot.durable(engine).items():
            if value is None:
                self.pieces.pop(key, None)
            else:
                self.pieces[key] = value


@pytest.mark.parametrize("seed", SEEDS)
def test_the_committed_pieces_are_the_whole_ledger_at_every_commit(seed: int) -> None:
    made = rig.again(rig.eventful(seed))
    engine, disk = made.engine, Disk()
    rng = random.Random(seed)
    records = recorded(seed)
    at = 0
    commits = 0
    while at < len(records):
        step = rng.randint(1, 700)
        made.play(records[at : at + step])
        at += step
        disk.commit(engine)
        commits += 1
        kept = {k: v for k, v in disk.pieces.items() if k.startswith("trade/")}
        assert kept.keys() == {f"trade/{i}" for i in engine.branch.ledger.trades}
        for name, key in engine.branch.keys.items():
            assert msgspec.json.decode(disk.pieces[f"key/{name}"], type=type(key)) == key
        desk = msgspec.json.decode(disk.pieces["desk"], type=type(engine.branch.desk))
        assert desk == engine.branch.desk
        for trade in engine.branch.ledger.trades.values():
            found = msgspec.json.decode(disk.pieces[f"trade/{trade.trade_id}"], type=type(trade))
            for name in ("state", "filled_lots", "fees_e6", "funding_e6", "days", "tags"):
                assert getattr(found, name) == getattr(trade, name), name
    assert commits > 20 and len(disk.pieces) > 5
    changed = snapshot.durable(engine).keys()
    assert changed == {"vitals", "marks"}, "nothing else changed since"


@pytest.mark.parametrize("events", [1, 2, 50, 2_000])
def test_a_kill_soon_after_the_first_event_takes_nothing_away(events: int) -> None:
    """What a fresh account begins with must be on disk too, though no trade has touched it."""
    made, disk = rig.again(rig.eventful(7)), Disk()
    made.play(recorded(7)[:events])
    disk.commit(made.engine)
    other = rig.again(rig.eventful(7)).engine
    snapshot.recover(other, disk.pieces, 1)
    before, after = made.engine, other
    assert before.branch.desk.day_ms
    assert after.branch.desk == before.branch.desk
    assert after.weighing.weights == before.weighing.weights
    assert after.weighing.fresh == before.weighing.fresh
    assert after.series.state == before.series.state
    assert after.market.bench.state == before.market.bench.state
    assert after.desks.branches.sides[0].desk == after.branch.desk


def recovered(disk: Disk, first_seq: int, config: Any, coins: tuple[str, ...]) -> Fresh:
    other = rig.fresh(config, coins)
    assert snapshot.recover(other.engine, disk.pieces, first_seq) == []
    return other


def test_a_restart_takes_up_desk_keys_trades_and_faults_and_counts_on() -> None:
    scene = Scene(config=rig.TIGHT, lanes=())
    scene.advance(130)
    engine = scene.engine
    engine.market.lanes["donchian"].fail(RuntimeError("planted"))
    engine.out.touch("lane/donchian")
    scene.tell(Command("halt", "over night"))
    disk = Disk()
    disk.commit(engine)
    before = {t.trade_id: t.state for t in engine.branch.ledger.trades.values()}
    assert {TradeState.OPEN} < set(before.values()) | {TradeState.OPEN, TradeState.PENDING}

    other = recovered(disk, engine.vitals.seq + 1000, scene.run.config, scene.coins).engine
    assert other.vitals.seq == engine.vitals.seq + 999
    assert other.digest == engine.digest
    assert other.branch.desk == engine.branch.desk and other.branch.keys == engine.branch.keys
    assert {t.trade_id: t.state for t in other.branch.ledger.trades.values()} == before
    assert set(other.branch.settlement.real) == set(engine.branch.settlement.real)
    assert other.market.lanes["donchian"].fault == "RuntimeError: planted"
    assert not other.vitals.feed_up
    for trade in other.branch.ledger.trades.values():
        if trade.state == TradeState.OPEN:
            last_ns = engine.branch.ledger.marks[trade.coin].last_ns
            assert trade.gap_ns == last_ns <= engine.vitals.now_ns, "marked up to the last book"
            assert trade in other.branch.ledger.gaps.suspended[trade.coin]
    assert not any(len(marks) for marks in other.branch.ledger.marks.values())


@pytest.mark.parametrize(
    ("first_seq", "expected"), [(1, 500), (501, 500), (502, 501), (9000, 8999)]
)
def test_event_numbers_are_never_used_twice(first_seq: int, expected: int) -> None:
    made = rig.fresh({}, rig.PAIR)
    made.engine.vitals.seq = 500
    disk = Disk()
    disk.commit(made.engine)
    other = recovered(disk, first_seq, {}, rig.PAIR).engine
    assert other.vitals.seq == expected
    assert other.step(Timer(virtual.START_MS * 1_000_000)).seq == expected + 1


def test_a_halt_of_the_daemon_s_own_does_not_outlive_the_daemon() -> None:
    """The disk, the store and the database say themselves whether they are still in trouble."""
    made = rig.fresh({}, rig.PAIR)
    for source in ("operator", "disk", "store", "database"):
        made.engine.step(Command("halt", "in trouble", source))
    disk = Disk()
    disk.commit(made.engine)
    other = recovered(disk, 1, {}, rig.PAIR).engine
    assert other.branch.desk.halts == {"operator": "in trouble"}


def held_on_both() -> tuple[Scene, Disk]:
    lane = rig.probe(lambda m, c, v: rig.entry(c, horizon_s=900))
    scene = Scene(coins=rig.PAIR, lanes=[lane], config={"gate": rig.OPEN})
    scene.advance(5)
    disk = Disk()
    disk.commit(scene.engine)
    return scene, disk


def test_held_coins_come_with_the_rules_that_their_trades_were_bought_by() -> None:
    scene, disk = held_on_both()
    held = snapshot.held_coins(disk.pieces)
    coins = scene.engine.market.coins
    assert {n: i.sz_decimals for n, i in held.items()} == {
        name: coins[name].instrument.sz_decimals for name in rig.PAIR
    }
    assert all(i.is_delisted for i in held.values())


def test_a_coin_on_which_something_is_held_must_be_among_the_engine_s() -> None:
    scene, disk = held_on_both()
    other = rig.fresh(scene.run.config, ("BTC",)).engine
    with pytest.raises(InvariantBroken, match=r"trades are held on .'ETH'"):
        snapshot.recover(other, disk.pieces, 1)


def test_a_coin_that_went_while_the_daemon_was_away_leaves_nothing_behind() -> None:
    """Start after start: the exposure is freed once, and stays what the other trades make it."""
    scene, disk = held_on_both()
    for start in range(3):
        held = snapshot.held_coins(disk.pieces)
        assert set(held) == ({"BTC", "ETH"} if not start else {"BTC"})
        other = rig.fresh(scene.run.config, tuple(held)).engine
        assert snapshot.recover(other, disk.pieces, 1) == []
        if not start:
            gone = Command("wind-down", "ETH the venue has delisted it", "venue")
            other.step(msgspec.structs.replace(gone, recv_ns=other.vitals.now_ns))
        desk, real = other.branch.desk, other.branch.settlement.real.values()
        assert desk.gross_e6 == desk.by_coin["BTC"] == sum(t.exposed_e6 for t in real) > 0
        assert not desk.by_coin.get("ETH")
        assert other.branch.keys["probe|ETH|1"].real_id == 0
        disk.commit(other)


def test_an_exposure_that_an_older_version_took_away_again_and_again_is_put_right() -> None:
    scene, disk = held_on_both()
    desk = scene.engine.branch.desk
    true = desk.gross_e6, desk.net_e6
    piece = json.loads(disk.pieces["desk"])
    piece["gross_e6"] -= 788_000_000
    piece["net_e6"] -= 788_000_000
    piece["by_coin"]["GONE"] = -788_000_000
    disk.pieces["desk"] = json.dumps(piece)
    other = rig.fresh(scene.run.config, rig.PAIR).engine
    (told,) = snapshot.recover(other, disk.pieces, 1)
    assert "add up to" in told
    assert (other.branch.desk.gross_e6, other.branch.desk.net_e6) == true
    disk.commit(other)
    assert "GONE" not in disk.pieces["desk"]
    assert snapshot.recover(rig.fresh(scene.run.config, rig.PAIR).engine, disk.pieces, 1) == []


@settings(max_examples=5)
@given(seed=st.sampled_from(SEEDS), share=st.floats(0.0, 1.0), starts=st.integers(1, 3))
def test_recovering_what_a_recovery_wrote_down_changes_nothing(
    seed: int, share: float, starts: int
) -> None:
    """Over all pieces of state, killed at any moment and again right after each start."""
    made, disk = rig.again(rig.eventful(seed)), Disk()
    records = recorded(seed)
    made.play(records[: int(share * len(records))])
    disk.commit(made.engine)
    states = []
    for _ in range(1 + starts):
        other = rig.again(rig.eventful(seed)).engine
        assert snapshot.recover(other, disk.pieces, 1) == []
        states.append(msgspec.json.decode(snapshot.whole(other)))
        disk.commit(other)
    assert all(state == states[0] for state in states)


def test_a_phantom_that_was_never_written_down_does_not_hold_its_key_for_ever() -> None:
    """With the shadow off phantoms are not stored; their episodes must still end."""
    lane = rig.probe(lambda m, c, v: rig.entry(c, horizon_s=900))
    scene = Scene(
        coins=rig.PAIR, lanes=[lane], config={"gate": rig.OPEN, "shadow": {"enabled": False}}
    )
    scene.tell(Command("halt", "everything is blocked"))
    scene.advance(10)
    disk = Disk()
    disk.commit(scene.engine)
    assert scene.engine.branch.keys["probe|BTC|1"].phantom_id
    other = rig.fresh(scene.run.config, rig.PAIR).engine
    snapshot.recover(other, disk.pieces, 1)
    assert not other.branch.ledger.trades
    assert other.branch.keys["probe|BTC|1"].phantom_id == 0


class Life:
    """A daemon's database over several lives, each ended by kill -9."""

    def __init__(self, path: Path, **scene: Any) -> None:
        self.path = path / "gnomon.db"
        self.settings = scene
        self.store: Store | None = None
        self.scene: Scene
        self.written = 0

    def start(self, start_ms: int) -> Scene:
        self.store = Store(self.path, mode="local", network="local")
        pieces = self.store.state()
        first_seq = self.scene.engine.vitals.seq + 1 if pieces else 1
        self.scene = Scene(
            start_ms=start_ms,
            before=lambda engine: snapshot.recover(engine, pieces, first_seq),
            **self.settings,
        )
        return self.scene

    def commit(self) -> None:
        assert self.store is not None
        self.store.write(self.scene.rows, snapshot.durable(self.scene.engine))
        self.scene.run.rows = Rows()

    def kill(self) -> None:
        assert self.store is not None
        self.store.close()

    def check(self) -> Iterator[Any]:
        db = open_readonly(self.path)
        try:
            assert broken_promises(db) == []
            yield db
        finally:
            db.close()


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("unwritten_s", [0, 3])
def test_nothing_is_lost_or_doubled_over_two_crashes(
    seed: int, unwritten_s: int, tmp_path: Path
) -> None:
    life = Life(tmp_path, seed=seed, config=rig.TIGHT)
    start_ms = virtual.START_MS
    for offline_s in (40, 150, 5):
        scene = life.start(start_ms)
        pending = [
            t for t in scene.engine.branch.ledger.trades.values() if t.state == TradeState.PENDING
        ]
        open_before = {
            t.trade_id
            for t in scene.engine.branch.ledger.trades.values()
            if t.state == TradeState.OPEN
        }
        scene.advance(121)
        life.commit()
        for trade_id in open_before:
            assert trade_id not in scene.engine.branch.ledger.trades or (
                "repaired" in scene.engine.branch.ledger.trades[trade_id].flags
            )
        for trade in pending:
            if offline_s > 30:
                assert trade.exit_reason == UNAVAILABLE
        scene.advance(unwritten_s or 0.25)
        life.kill()
        start_ms = scene.run.now_ns // 1_000_000 + offline_s * 1000
    for db in life.check():
        doubles = db.execute("SELECT COUNT(*) - COUNT(DISTINCT signal_id) FROM signal").fetchone()[
            0
        ]
        assert doubles == 0
        counts = dict(db.execute("SELECT flags, COUNT(*) FROM trade GROUP BY flags").fetchall())
        assert any("repaired" in flags for flags in counts)
        vitals = json.loads(
            db.execute("SELECT value FROM state WHERE key = 'vitals'").fetchone()[0]
        )
        signals = db.execute("SELECT COUNT(*) FROM signal").fetchone()[0]
        assert vitals["admitted"] + vitals["blocked"] == signals > 20


@pytest.mark.parametrize("deaf_s", [20, 50])
def test_what_nobody_watched_before_the_crash_is_repaired_too(deaf_s: int) -> None:
    """A coin's book may have been silent for a while when the daemon dies."""
    lane = rig.probe(lambda m, c, v: rig.entry(c, horizon_s=3600))
    scene = Scene(coins=rig.PAIR, lanes=[lane], config={"gate": rig.OPEN})
    scene.advance(20)
    disk = Disk()
    disk.commit(scene.engine)
    watched_ns = {name: m.last_ns for name, m in scene.engine.branch.ledger.marks.items()}
    scene.advance(deaf_s, deaf="ETH")
    disk.commit(scene.engine)
    # Longer than a gap, the candles of the silent time were asked for before the crash.
    walked_ns = {t.coin: t.gap_ns for t in scene.engine.branch.ledger.trades.values()}
    other = recovered(disk, 10**6, scene.run.config, rig.PAIR).engine
    gaps = {t.coin: t.gap_ns for t in other.branch.ledger.trades.values()}
    assert gaps["ETH"] == (walked_ns["ETH"] or watched_ns["ETH"])
    assert bool(walked_ns["ETH"]) == (deaf_s > 30)
    assert gaps["BTC"] > watched_ns["BTC"] + (deaf_s - 5) * S


def test_an_entry_still_on_its_way_at_the_crash_becomes_unavailable(tmp_path: Path) -> None:
    lane = rig.probe(lambda m, c, v: rig.entry(c) if m.calls == 30 else None)
    life = Life(tmp_path, coins=rig.PAIR, config={"gate": rig.OPEN})
    scene = life.start(virtual.START_MS)
    scene.engine.market.lanes["probe"] = lane
    scene.engine.market.resubscribe()
    while not any(
        t.state == TradeState.PENDING for t in scene.engine.branch.ledger.trades.values()
    ):
        scene.advance(0.25)
    pending = set(scene.engine.branch.ledger.trades)
    life.commit()
    life.kill()
    scene = life.start(scene.run.now_ns // 1_000_000 + 60_000)
    scene.advance(10)
    life.commit()
    life.kill()
    for db in life.check():
        found = db.execute(
            "SELECT trade_id, status, exit_reason, net_e6, kind FROM trade"
        ).fetchall()
        assert {row[0] for row in found if row[2] == UNAVAILABLE} >= pending
        assert all(row[3] is None for row in found if row[2] == UNAVAILABLE)
    assert not scene.engine.branch.settlement.real


def test_a_restart_while_the_venue_stays_away_repairs_from_candles_and_not_before() -> None:
    lane = rig.probe(lambda m, c, v: rig.entry(c, horizon_s=3600))
    scene = Scene(coins=rig.PAIR, lanes=[lane], config={"gate": rig.OPEN})
    scene.advance(20)
    disk = Disk()
    disk.commit(scene.engine)
    opened = set(scene.engine.branch.settlement.real)
    later = Scene(
        coins=rig.PAIR,
        start_ms=scene.run.now_ns // 1_000_000 + 600_000,
        config={"gate": rig.OPEN},
        before=lambda engine: snapshot.recover(engine, disk.pieces, 10**6),
    )
    engine = later.engine
    assert set(engine.branch.ledger.gaps.since()) == set(rig.PAIR)
    later.tell(FeedDown("away"))
    later.advance(5, deaf=True)
    assert all(engine.branch.ledger.trades[i].gap_ns for i in opened)
    later.tell(FeedUp())
    later.advance(15)
    for trade_id in opened:
        trade = engine.branch.ledger.trades.get(trade_id)
        assert trade is None or ("repaired" in trade.flags and not trade.gap_ns)
    assert opened & engine.branch.ledger.trades.keys()
