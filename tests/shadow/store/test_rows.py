from __future__ import annotations

import json
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import asdict

from market.decision import BUY, SELL, Mode, TradeKind
from market.events import MS_PER_DAY, NS_PER_MS, NS_PER_S
from shadow.ledger.trade import UNAVAILABLE, Trade, TradeState
from shadow.store import rows
from shadow.store.details import Details
from shadow.store.store import open_readonly
from shadow.store.tables.alarms import AlarmRow
from shadow.store.tables.decisions import APART
from shadow.store.tables.rollups import RollupRow
from shadow.store.tables.trades import RepeatsUpdate
from tests.support.rows import cells
from tests.support.shadow import T0, T0_MS, Stage, make_coin, make_trade, put_book, rows_of


def test_days_are_of_utc() -> None:
    assert rows.day_of(T0_MS) == "2025-09-01"
    assert rows.day_of(T0_MS - 1) == "2025-08-31"
    assert rows.day_of(T0_MS + MS_PER_DAY - 1) == "2025-09-01"
    assert rows.second_of(T0 + 3_661 * NS_PER_S) == "2025-09-01 01:01:01Z"


def test_sides_have_names() -> None:
    assert (rows.side_name(BUY), rows.side_name(SELL)) == ("buy", "sell")


def test_a_snapshot_is_the_top_five_levels_of_each_side() -> None:
    coin = make_coin()
    bids = [(100.0 - i, 1.0 + i) for i in range(8)]
    asks = [(101.0 + i, 2.0 + i) for i in range(3)]
    put_book(coin, 100.5, T0, bids=bids, asks=asks)
    found = rows.snapshot(coin)
    assert found["bids"] == [list(pair) for pair in bids[:5]]
    assert found["asks"] == [list(pair) for pair in asks]


def test_ages_are_of_what_was_heard() -> None:
    coin = make_coin()
    coin.venue_lag_ms = 12.34
    coin.streams.slow.observe(T0)
    coin.streams.trades.observe(T0 + 250 * NS_PER_MS)
    assert rows.ages_ms(coin, T0 + NS_PER_S) == {"lag": 12.3, "slow": 1000.0, "trades": 750.0}


def test_rows_are_put_together_table_by_table() -> None:
    alarms = [AlarmRow(n, n, "kind", "words") for n in (1, 2)]
    sums = [RollupRow("d", "f", "m", "s", "b", 1, 0, 0.0, 0.0, 0)]
    one = rows.Rows(alarms=alarms[:1], repeats=[RepeatsUpdate(1, 2)])
    one.extend(rows.Rows(alarms=alarms[1:], rollups=sums))
    assert (one.alarms, one.rollups, one.size()) == (alarms, sums, 4)


# Money on a trade's row.

MONEY = "gross_e6 fees_e6 funding_e6 net_e6"
RATIOS = "r bps mae_bps mfe_bps"
FILLED = "entry_px exit_px entry_notional_e6"


def lived(state: TradeState) -> Trade:
    trade = make_trade()
    trade.state = state
    if state != TradeState.PENDING:
        trade.opened_ns, trade.filled_lots = T0, 1_000
        trade.entry_px = trade.hi = trade.lo = 100.0
        trade.entry_notional_e6, trade.risk_e6 = 10**9, 10**7
        trade.fees_e6, trade.funding_e6 = 450_000, 10
    if state == TradeState.CLOSED:
        trade.exit_notional_e6, trade.exit_lots = 1_010_000_000, 1_000
        trade.closed_ns, trade.exit_px, trade.exit_reason = T0 + 9, 101.0, "target"
    return trade


@pytest.mark.parametrize("state", [TradeState.PENDING, TradeState.OPEN, TradeState.EXITING])
def test_money_is_null_until_a_trade_has_closed(state: TradeState) -> None:
    row = rows.trade_update_row(lived(state))
    assert cells(row, MONEY) == (None,) * 4
    assert cells(row, RATIOS) == (None,) * 4
    assert (row.entry_px, row.risk_e6) == (
        (None, None) if state == TradeState.PENDING else (100.0, 10_000_000)
    )


def test_a_closed_trade_has_its_money() -> None:
    row = rows.trade_update_row(lived(TradeState.CLOSED))
    assert cells(row, MONEY) == (10_000_000, 450_000, 10, 9_549_990)
    assert (row.r, row.bps) == (0.954999, 95.4999)
    assert (row.status, row.exit_reason) == ("closed", "target")


def test_an_unavailable_trade_has_none_for_ever() -> None:
    trade = make_trade()
    trade.state, trade.exit_reason, trade.closed_ns = TradeState.CLOSED, UNAVAILABLE, T0
    row = rows.trade_update_row(trade)
    assert (row.status, row.exit_reason) == ("closed", UNAVAILABLE)
    assert cells(row, f"{FILLED} {MONEY} risk_e6 {RATIOS}") == (None,) * 12


@pytest.mark.parametrize(
    ("kind", "name"),
    [
        (TradeKind.PAPER, "paper"),
        (TradeKind.TWIN, "twin"),
        (TradeKind.PHANTOM, "phantom"),
        (TradeKind.CLAMPED, "phantom"),
    ],
)
def test_a_trades_row_is_there_from_the_moment_it_is_sent(kind: TradeKind, name: str) -> None:
    row = rows.trade_row(make_trade(kind=kind), TradeState.PENDING)
    assert cells(row, "trade_id kind cause status") == (8, name, "block", "pending")


# What is frozen on a signal's row.


@pytest.fixture(scope="module")
def decided(
    tmp_path_factory: pytest.TempPathFactory,
) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    filters: dict[str, Mode] = {"limit": "enforce", "cap": "enforce", "watch": "observe"}
    stage = Stage(filters=filters, versions={"limit": 3})
    for i in range(4):
        stage.wait(0.5)
        stage.book(bids=[(99.9 - j, 5.0 + i) for j in range(7)], asks=[(100.1, 8.0)])
    stage.context(0.0001)
    stage.wait(0.25)
    stage.script(watch="fail", limit="no_data")
    stage.filters["cap"].room_e6 = 250 * 10**6
    signal_id = stage.signal(stop=2.0, target=3.0, trail=0.5, horizon_s=60)
    path: Path = tmp_path_factory.mktemp("rows") / "gnomon.db"
    stage.finish(path)
    (signal,) = rows_of(path, "SELECT * FROM signal WHERE signal_id = ?", signal_id)
    checks = rows_of(path, "SELECT * FROM check_result WHERE signal_id = ?", signal_id)
    with closing(open_readonly(path)) as db:
        detail = Details(db).of(signal_id or 0)
    assert detail is not None
    apart = {name: getattr(detail, name) for name in APART}
    return {**signal, **apart}, checks + [asdict(check) for check in detail.checks]


def test_everything_known_at_the_decision_is_frozen_on_its_row(
    decided: tuple[dict[str, Any], list[dict[str, Any]]],
) -> None:
    signal, _ = decided
    assert (signal["config_hash"], signal["policy_hash"]) == ("config", "policy")
    assert (signal["bot"], signal["division"], signal["coin"]) == ("alpha", "trend", "SOL")
    assert (signal["side"], signal["verdict"]) == ("buy", "blocked")
    assert (signal["failing"], signal["sole"], signal["fail_closed"]) == ("limit", "", 1)
    assert (signal["requested_lots"], signal["notional_e6"]) == (1_000, 1_000_000_000)
    assert signal["lots"] == 250
    assert json.loads(signal["clamps"]) == [
        {"filter": "cap", "before_lots": 1_000, "after_lots": 250}
    ]
    assert (signal["mid"], signal["stop_px"], signal["target_px"]) == (100.0, 98.0, 103.0)
    assert (signal["trail"], signal["horizon_ns"]) == (0.5, 60 * NS_PER_S)
    assert signal["reason"] == "told to"
    book = json.loads(signal["book"])
    assert book["bids"] == [[pytest.approx(99.9 - j), 8.0] for j in range(5)]
    assert book["asks"] == [[100.1, 8.0]]
    ages = json.loads(signal["ages"])
    assert (ages["slow"], ages["context"]) == (250.0, 250.0)


def test_every_check_is_on_record_with_value_threshold_and_version(
    decided: tuple[dict[str, Any], list[dict[str, Any]]],
) -> None:
    _, checks = decided
    found = {
        c["filter"]: (c["mode"], c["outcome"], c["value"], c["threshold"], c["version"])
        for c in checks
    }
    assert found == {
        "limit": ("enforce", "no_data", None, None, 3),
        "cap": ("enforce", "pass", 2.0, 1.0, 1),
        "watch": ("observe", "fail", 0.5, 1.0, 1),
    }


def test_a_plan_without_target_or_trail_has_none_on_its_row(tmp_path: Path) -> None:
    stage = Stage()
    stage.book()
    stage.signal()
    (signal,) = rows_of(stage.finish(tmp_path / "gnomon.db"), "SELECT * FROM signal")
    assert (signal["target_px"], signal["trail"]) == (None, None)


def test_ids_and_rows_depend_on_nothing_but_the_events() -> None:
    def run() -> tuple[list[Any], str]:
        stage = Stage()
        stage.book()
        stage.signal(horizon_s=5)
        stage.books(10)
        return stage.rows.signals + stage.rows.trades, stage.engine.digest

    assert run() == run()
