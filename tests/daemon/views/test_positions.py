from __future__ import annotations

import asyncio
import json
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from daemon.live.daemon import Daemon
from daemon.views.positions import CoinPosition, Positions, at_rest, net, none, positions
from market.decision import SELL, TradeKind
from market.errors import InputDamaged
from shadow.ledger.trade import TradeState
from shadow.store.store import open_readonly
from tests.support.daemons import busy
from tests.support.shadow import ETH, SOL, T0, Puppet, Stage

pytestmark = pytest.mark.xdist_group("busy market")


@pytest.fixture(scope="module")
def daemon(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Daemon]:
    made = busy(tmp_path_factory.mktemp("state"))
    yield made
    asyncio.run(made.close("over"))


# Running.


def test_what_runs_is_marked_at_its_books(daemon: Daemon) -> None:
    found = positions(daemon, phantoms=False)
    engine = daemon.engine
    held = [t for t in engine.branch.settlement.real.values() if t.state != TradeState.PENDING]
    assert found.running and found.mode == "local"
    assert {t.trade_id for t in found.trades} == {t.trade_id for t in held} != set()
    assert found.pending == len(engine.branch.settlement.real) - len(held)
    for row in found.trades:
        trade, coin = engine.branch.ledger.trades[row.trade_id], engine.market.coins[row.coin]
        assert row.mark_px == coin.book.mid
        assert row.size == coin.instrument.size(trade.open_lots)
        assert row.pnl_usd == trade.mark_e6(coin.book.mid, coin.instrument) / 1e6
        assert row.age_s > 0 and row.kind == "paper"


def test_looking_changes_nothing(daemon: Daemon) -> None:
    trades = json.dumps([repr(t) for t in daemon.engine.branch.ledger.trades.values()])
    positions(daemon, phantoms=True)
    assert json.dumps([repr(t) for t in daemon.engine.branch.ledger.trades.values()]) == trades


def test_phantoms_are_shown_when_asked_for_and_held_by_nobody(daemon: Daemon) -> None:
    with_them, without = (positions(daemon, phantoms=p) for p in (True, False))
    kinds = {t.kind for t in with_them.trades}
    assert kinds == {"paper", "phantom"}
    shown = [t for t in with_them.trades if t.kind == "phantom"]
    ledger = daemon.engine.branch.ledger.trades.values()
    wanted = [
        t for t in ledger
        if t.kind in (TradeKind.PHANTOM, TradeKind.CLAMPED) and t.state != TradeState.PENDING
    ]  # fmt: skip
    assert len(shown) == len(wanted)
    assert with_them.coins == without.coins


def test_the_net_of_a_coin_is_what_its_trades_add_up_to(daemon: Daemon) -> None:
    found = positions(daemon, phantoms=False)
    for coin in found.coins:
        rows = [t for t in found.trades if t.coin == coin.coin]
        sizes = [t.size * (1 if t.side == "buy" else -1) for t in rows]
        assert coin.trades == len(rows)
        assert coin.size == pytest.approx(sum(sizes), abs=1e-9)
        assert coin.pnl_usd == pytest.approx(sum(t.pnl_usd for t in rows), abs=1e-9)
        assert coin.notional_usd == pytest.approx(coin.size * rows[0].mark_px)


def test_without_a_sound_book_there_is_no_mark(daemon: Daemon) -> None:
    name = positions(daemon, phantoms=False).trades[0].coin
    book = daemon.engine.market.coins[name].book
    ok, book.ok = book.ok, False
    try:
        found = positions(daemon, phantoms=False)
    finally:
        book.ok = ok
    for row in found.trades + found.coins:
        if row.coin == name:
            assert row.mark_px is row.pnl_usd is None
        else:
            assert row.pnl_usd is not None


# At rest.


def told(stage: Stage, path: Path, *, now_ns: int = 0, phantoms: bool = False) -> Positions:
    stage.finish(path)
    with closing(open_readonly(path)) as db:
        return at_rest(db, "local", now_ns, phantoms=phantoms)


def long_and_short() -> Stage:
    stage = Stage(bots=[Puppet("alpha"), Puppet("beta"), Puppet("gamma")], instruments=(SOL, ETH))
    stage.book()
    stage.book(2000.0, "ETH")
    stage.signal("alpha", lots=1_000, target=5.0)
    stage.signal("beta", SELL, lots=300)
    stage.signal("alpha", lots=777, coin="ETH", stop=50.0)
    stage.script(limit="fail")
    stage.signal("gamma")
    stage.script(limit="pass")
    stage.wait(1)
    stage.book()
    stage.book(2000.0, "ETH")
    return stage


def test_at_rest_sizes_are_known_and_worth_is_not(tmp_path: Path) -> None:
    found = told(long_and_short(), tmp_path / "gnomon.db", now_ns=T0 + 61 * 10**9)
    assert not found.running and found.mode == "local" and found.pending == 0
    eth, first, second = found.trades
    assert (eth.coin, eth.lots, eth.size) == ("ETH", 777, 0.0777)
    assert (first.coin, first.side, first.size) == ("SOL", "buy", 10.0)
    assert (second.side, second.size) == ("sell", 3.0)
    assert (first.stop_px, first.target_px) == (99.0, 105.0)
    assert second.target_px is None
    assert first.age_s == 60.0
    assert first.fees_usd == pytest.approx(10 * 100.01 * 4.5e-4)
    for row in found.trades:
        assert row.mark_px is row.pnl_usd is None
    assert found.coins == [
        CoinPosition("ETH", 1, 0.0777, None, None, None),
        CoinPosition("SOL", 2, 7.0, None, None, None),
    ]


def test_at_rest_phantoms_are_shown_when_asked_for(tmp_path: Path) -> None:
    found = told(long_and_short(), tmp_path / "gnomon.db", phantoms=True)
    assert [t.bot for t in found.trades if t.kind == "phantom"] == ["gamma"]
    assert [c.trades for c in found.coins] == [1, 2]


def test_entries_on_their_way_hold_nothing_yet_and_are_counted(tmp_path: Path) -> None:
    stage = Stage()
    stage.book()
    stage.signal()
    found = told(stage, tmp_path / "gnomon.db")
    assert found.pending == 1 and found.trades == found.coins == []


def test_a_clock_that_was_set_back_makes_no_trade_younger_than_it_is(tmp_path: Path) -> None:
    found = told(long_and_short(), tmp_path / "gnomon.db", now_ns=5)
    assert all(t.age_s >= 0 for t in found.trades) and found.now_ns > T0


def test_state_that_cannot_be_read_is_damage(tmp_path: Path) -> None:
    stage = long_and_short()
    store = stage.open_store(tmp_path / "gnomon.db")
    stage.commit()
    store.close()
    with closing(sqlite3.connect(tmp_path / "gnomon.db")) as db:
        db.execute("UPDATE state SET value = '{}' WHERE key LIKE 'trade/%'")
        db.commit()
    with (
        closing(open_readonly(tmp_path / "gnomon.db")) as db,
        pytest.raises(InputDamaged, match="state in the database"),
    ):
        at_rest(db, "local", 0, phantoms=False)


def test_where_nothing_ever_ran_nothing_is_open() -> None:
    assert none(7) == Positions(False, None, 7, 0, [], [])
    assert net([]) == []
