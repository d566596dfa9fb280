"""Whole lives of trades, from a bot's word to the rows in the database."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from daemon.engine import snapshot
from market.decision import BUY, SELL, TradeKind
from market.events import (
    BookUpdate,
)
from shadow.ledger.trade import TradeState
from tests.support.life import HOUR, MS, S
from tests.support.rows import cells, without
from tests.support.shadow import (
    T0,
    T0_MS,
    Puppet,
    Stage,
    flat,
    minute,
    rows_of,
)


def test_a_trade_computed_by_hand(tmp_path: Path) -> None:
    """Buy 10 SOL on 2025-09-01 at 22:58, be stopped out on 2025-09-02 at 00:05.

    Entry, 0.5 s after the decision, from three levels:
        3.00 at 100.02 =  300.060000
        4.50 at 100.05 =  450.225000
        2.50 at 100.10 =  250.250000   sum 1,000.535000, average 100.0535
        fee 4.5 bps of it = 0.45024075 -> 0.450241
    Risk: 10 x |100.00 - 98.00| = 20.000000, from the decision's mid and not the entry's price.
    Funding, longs pay a positive rate:
        23:00  10 x 100.40 x  0.0000125 =  0.0125500
        24:00  10 x 101.30 x -0.0000417 = -0.0422421 -> -0.042242   sum -0.029692
    At midnight the mid is 101.25: 1,012.50 - 1,000.535 - 0.450241 + 0.029692 = 11.544451.
    Exit, 0.6 s after the mid reached the stop, into two levels:
        6.00 at  97.80 =  586.800000
        4.00 at  97.75 =  391.000000   sum 977.800000, average 97.78
        fee 4.5 bps of it = 0.44001
    Gross 977.80 - 1,000.535 = -22.735; fees 0.890251; net -22.735 - 0.890251 + 0.029692
    = -23.595559; second day -23.595559 - 11.544451 = -35.140010.
    """
    stage = Stage(now_ns=T0 + (22 * 3600 + 58 * 60) * S)
    stage.book(100.0)
    signal_id = stage.signal(lots=1_000, stop=2.0, horizon_s=86_400)
    stage.wait(0.3)
    stage.book(bids=[(1.0, 1.0)], asks=[(99.0, 1e6)])
    stage.wait(0.2)
    stage.book(
        bids=[(99.98, 50.0)], asks=[(100.02, 3.0), (100.05, 4.5), (100.10, 50.0), (101.0, 9e9)]
    )
    stage.books(100, 102.0, every=20)
    stage.context(0.0000125, oracle=100.40)
    stage.books(3600, 101.25, every=20)
    stage.context(-0.0000417, oracle=101.30)
    stage.books(240, 101.25, every=20)
    stage.context(0.5, oracle=5.0)
    stage.books(80, 101.25, every=20)
    stage.wait(1)
    stage.book(97.90)
    stage.wait(0.3)
    stage.book(bids=[(97.30, 1e6)], asks=[(97.50, 1e6)])
    stage.wait(0.3)
    stage.book(bids=[(97.80, 6.0), (97.75, 20.0)], asks=[(97.84, 50.0)])
    assert not stage.engine.branch.ledger.trades
    path = stage.finish(tmp_path / "gnomon.db")

    trades = rows_of(path, "SELECT * FROM trade ORDER BY trade_id")
    assert [t["kind"] for t in trades] == ["paper", "twin"]
    for trade in trades:
        assert trade["signal_id"] == signal_id
        assert (trade["bot"], trade["division"], trade["coin"]) == ("alpha", "trend", "SOL")
        assert (trade["cause"], trade["side"], trade["status"]) == ("admit", "buy", "closed")
        assert (trade["asked_lots"], trade["qty_lots"]) == (1_000, 1_000)
        assert trade["decision_mid"] == 100.0
        assert trade["entry_px"] == pytest.approx(100.0535, abs=1e-12)
        assert trade["exit_px"] == pytest.approx(97.78, abs=1e-12)
        assert trade["entry_notional_e6"] == 1_000_535_000
        assert trade["gross_e6"] == -22_735_000
        assert trade["fees_e6"] == 890_251
        assert trade["funding_e6"] == -29_692
        assert trade["net_e6"] == -23_595_559
        assert trade["risk_e6"] == 20_000_000
        assert trade["r"] == -23_595_559 / 20_000_000
        assert trade["bps"] == pytest.approx(-23.595559 / 1000.535 * 1e4)
        assert trade["mae_bps"] == pytest.approx((97.40 / 100.0535 - 1) * 1e4)
        assert trade["mfe_bps"] == pytest.approx((102.0 / 100.0535 - 1) * 1e4)
        # Three per cent between two books, and nobody to vouch for it: filled when it was believed.
        assert (trade["exit_reason"], trade["flags"]) == ("stop", "suspect_price")
        assert trade["opened_ns"] == T0 + round((22 * 3600 + 58 * 60 + 0.5) * S)
        assert trade["closed_ns"] == trade["opened_ns"] + round((100 + 3600 + 320 + 1.6) * S)
        days = rows_of(
            path, "SELECT day, mtm_e6 FROM trade_day WHERE trade_id = ?", trade["trade_id"]
        )
        assert days == [
            {"day": "2025-09-01", "mtm_e6": 11_544_451},
            {"day": "2025-09-02", "mtm_e6": -35_140_010},
        ]
        fills = rows_of(
            path,
            "SELECT action, side, lots, notional_e6, fee_e6, levels FROM fill WHERE trade_id = ?",
            trade["trade_id"],
        )
        assert [tuple(fill.values()) for fill in fills] == [
            ("entry", "buy", 1_000, 1_000_535_000, 450_241, 3),
            ("exit", "sell", 1_000, 977_800_000, 440_010, 2),
        ]
    assert stage.engine.branch.desk.cash_e6 == 1_000_000 * 10**6 - 23_595_559


def test_an_unavailable_pair_is_on_record_without_money(tmp_path: Path) -> None:
    stage = Stage()
    stage.book()
    stage.signal()
    stage.wait(30)
    stage.second()
    path = stage.finish(tmp_path / "gnomon.db")
    for trade in rows_of(path, "SELECT * FROM trade"):
        assert (trade["status"], trade["exit_reason"]) == ("closed", "UNAVAILABLE")
        money = ("gross_e6", "fees_e6", "funding_e6", "net_e6", "r", "bps", "mae_bps", "mfe_bps")
        assert {trade[name] for name in (*money, "entry_px", "exit_px", "risk_e6")} == {None}
        assert (trade["qty_lots"], trade["opened_ns"]) == (0, None)
    assert stage.engine.branch.desk.cash_e6 == 1_000_000 * 10**6
    assert stage.engine.branch.desk.gross_e6 == 0
    assert rows_of(path, "SELECT * FROM trade_day") == []


def test_a_twin_equals_its_paper_trade_over_every_way_to_end() -> None:
    stage = Stage()
    for mid, seconds in ((98.0, 3), (103.0, 3), (100.0, 70)):
        stage.wait(60)
        stage.book()
        stage.signal(stop=1.0, target=2.0, trail=1.5, horizon_s=60)
        stage.books(2)
        stage.books(seconds, mid)
        assert not stage.engine.branch.ledger.trades
    updates = {row.trade_id: row for row in stage.rows.trade_updates}
    paper, twins = (
        [without(row, "trade_id") for i, row in updates.items() if i % 4 == kind]
        for kind in (TradeKind.PAPER, TradeKind.TWIN)
    )
    assert paper == twins
    assert [row["exit_reason"] for row in paper] == ["stop", "target", "horizon"]


MOVES = st.lists(
    st.one_of(
        st.tuples(
            st.just("signal"),
            st.tuples(
                st.sampled_from(["alpha", "beta"]),
                st.sampled_from([BUY, SELL]),
                st.sampled_from(["pass", "fail", "no_data"]),
                st.integers(1, 3_000),
                st.sampled_from([0.0, 0.7]),
                st.sampled_from([0.0, 0.6]),
            ),
        ),
        st.tuples(
            st.just("book"),
            st.tuples(
                st.floats(98.0, 102.0),
                st.lists(st.floats(0.001, 12.0), min_size=1, max_size=4),
                st.sampled_from([0.2, 0.5, 3.0, 9.0, 25.0]),
            ),
        ),
        st.tuples(st.just("exit"), st.tuples(st.sampled_from(["alpha", "beta"]), st.just(BUY))),
        st.tuples(st.just("context"), st.floats(-0.001, 0.001)),
        st.tuples(st.just("silence"), st.sampled_from([35.0, 400.0])),
    ),
    min_size=5,
    max_size=40,
)


def play(stage: Stage, moves: list[tuple[str, object]]) -> None:
    """Play moves across midnight; a silence is repaired, or at times is not."""
    for number, (move, how) in enumerate(moves):
        if move == "signal":
            bot, side, say, lots, target, trail = how  # type: ignore[misc]
            stage.script(limit=say)
            stage.signal(bot, side, lots=lots, stop=0.8, target=target, trail=trail, horizon_s=40.0)
        elif move == "book":
            mid, sizes, pause_s = how  # type: ignore[misc]
            stage.wait(pause_s)
            stage.book(
                bids=[(round(mid - 0.01 * (i + 1), 2), s) for i, s in enumerate(sizes)],
                asks=[(round(mid + 0.01 * (i + 1), 2), s) for i, s in enumerate(sizes)],
            )
            stage.second()
        elif move == "exit":
            stage.call_exit(*how)  # type: ignore[misc]
        elif move == "context":
            stage.context(how)  # type: ignore[arg-type]
        else:
            began_ms = stage.now_ns // MS - T0_MS
            stage.wait(how)  # type: ignore[arg-type]
            stage.book()
            stage.second()
            if number % 3:
                if number % 2:
                    stage.rates([(T0_MS + h * HOUR, 1e-4) for h in range(23, 27)])
                stage.candles(flat(began_ms - 60_000, stage.now_ns // MS - T0_MS))
    for _ in range(200):
        stage.wait(1)
        stage.book()
        stage.second()
        if not stage.engine.branch.ledger.trades:
            break


@settings(max_examples=200)
@given(MOVES)
def test_money_adds_up_over_any_life(moves: list[tuple[str, object]]) -> None:
    stage = Stage(
        bots=[Puppet("alpha"), Puppet("beta")], now_ns=T0 + (86_400 - 60) * S, equity_usd=100_000.0
    )
    stage.book()
    play(stage, moves)
    assert not stage.engine.branch.ledger.trades
    # What is still owed of midnight is told in the end.
    stage.rates([(T0_MS + h * HOUR, 1e-4) for h in range(23, 27)])
    days: dict[int, int] = {}
    for part in stage.rows.trade_days:
        days[part.trade_id] = days.get(part.trade_id, 0) + part.mtm_e6
    bought: dict[int, int] = {}
    for fill in stage.rows.fills:
        lots = fill.lots if fill.action == "entry" else -fill.lots
        bought[fill.trade_id] = bought.get(fill.trade_id, 0) + lots
    cash = 100_000 * 10**6
    final = {row.trade_id: row for row in stage.rows.trade_updates}
    asked = {row.trade_id: row for row in stage.rows.trades}
    assert set(final) == set(asked)
    for trade_id, row in final.items():
        gross, fees, funding, net = cells(row, "gross_e6 fees_e6 funding_e6 net_e6")
        assert row.status == "closed"
        if row.exit_reason == "UNAVAILABLE":
            assert (gross, fees, funding, net) == (None,) * 4
            assert trade_id not in days
            continue
        assert net == gross - fees - funding
        assert net == days[trade_id]
        assert bought[trade_id] == 0
        assert row.risk_e6 == pytest.approx(0.8 * row.qty_lots / 100 * 1e6, abs=1)
        if trade_id % 4 == TradeKind.PAPER:
            cash += net
            twin = final[trade_id - TradeKind.PAPER + TradeKind.TWIN]
            own = ("later_trade_id", "trade_id")
            assert without(row, *own) == without(twin, *own)
    desk = stage.engine.branch.desk
    assert (desk.cash_e6, desk.open_e6) == (cash, 0)
    assert (desk.gross_e6, desk.net_e6) == (0, 0)


def test_open_phantoms_survive_being_killed(tmp_path: Path) -> None:
    stage = Stage()
    stage.open_store(tmp_path / "gnomon.db")
    stage.script(limit="fail")
    stage.book()
    signal_id = stage.signal(stop=1.0, horizon_s=7200)
    stage.books(2)
    stage.commit()
    stage.books(5, 150.0)  # never committed
    again = stage.restart(600)
    phantom = again.trade(signal_id, TradeKind.PHANTOM)
    assert (phantom.state, phantom.filled_lots) == (TradeState.OPEN, 1_000)
    again.up()
    again.book()
    again.second()
    asked = [r for o in again.outcomes for r in o.requests if r.what == "candles"]
    assert any(r.from_ms <= phantom.gap_ns // MS for r in asked)
    rows = flat(0, 660_000)
    rows[5] = minute(300_000, 98.0, 103.0, open_=100.0, close=100.0)
    again.candles(rows)
    again.commit()
    assert again.store is not None
    again.store.close()
    (row,) = rows_of(tmp_path / "gnomon.db", "SELECT * FROM trade")
    assert (row["status"], row["exit_reason"], row["flags"]) == ("closed", "stop", "repaired")
    assert row["exit_px"] == pytest.approx(99.0 * (1 - 1e-4))
    assert again.engine.branch.keys["alpha|SOL|1"].phantom_id == 0


def test_a_restart_over_an_hour_asks_for_its_rate_and_charges_it(tmp_path: Path) -> None:
    """The history that a new connection asks for comes before the answer on funding does."""
    stage = Stage(now_ns=T0 + 3500 * S)
    stage.open_store(tmp_path / "gnomon.db")
    stage.book()
    signal_id = stage.signal(horizon_s=7200)
    stage.books(2)
    stage.commit()
    again = stage.restart(600)
    trade = again.trade(signal_id, TradeKind.PAPER)
    again.up()
    again.book()
    again.candles(flat(0, 4_100_000))
    assert trade.flags == []
    again.second()
    asked = [r.what for o in again.outcomes for r in o.requests]
    assert "funding" in asked
    again.rates([(T0_MS + HOUR, 0.0001)])
    again.wait(1)
    again.book()
    again.candles(flat(3_480_000, 4_110_000))
    assert (trade.flags, trade.funding_e6, trade.gap_ns) == (["repaired"], 100_000, 0)
    assert again.store is not None
    again.store.close()


def test_a_state_written_whole_goes_on_to_the_same_digest() -> None:
    def tail(stage: Stage) -> str:
        for i in range(40):
            stage.wait(1)
            stage.book(100.0 - i / 20)
            stage.second()
            if i == 12:
                stage.script(limit="fail")
            stage.signal(stop=1.0, trail=0.5)
        return stage.engine.digest

    one = Stage(now_ns=T0 + 86_390 * S)
    one.book()
    one.signal(trail=0.4)
    one.books(3)
    one.step(BookUpdate("SOL", one.now_ns // MS, [], []))
    written = snapshot.whole(one.engine)
    other = Stage(now_ns=one.now_ns)
    snapshot.restore(other.engine, written)
    assert tail(one) == tail(other)
