from __future__ import annotations

import json
import sqlite3
from contextlib import closing
from decimal import Decimal
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from market.decision import BUY, SELL
from shadow.report.report import report
from shadow.report.shortfall import NotSplit, Shortfall, shortfall, steps
from shadow.store.check import broken_promises
from shadow.store.store import Store, open_readonly
from tests.support.older import as_version_9
from tests.support.shadow import Stage, minute, rows_of


@pytest.fixture(scope="module")
def path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A long and a short that meet other mids than they were decided at; a stop in an outage."""
    stage = Stage()
    stage.book()
    for side, filled, decided, left in ((BUY, 100.4, 100.5, 100.4), (SELL, 100.35, 100.1, 100.2)):
        stage.signal("alpha", side, lots=700, horizon_s=10)
        stage.books(1, filled)
        stage.books(9, decided)
        stage.books(30, left)
    stage.script(limit="fail")
    stage.signal("alpha", BUY, horizon_s=10)
    stage.books(30, 100.1)
    stage.script(limit="pass")
    stage.signal("alpha", BUY, lots=700)
    stage.books(2)
    stage.wait(80)
    stage.second()
    walk = [minute(at, 95.0, 100.0, open_=100.0, close=97.0) for at in (60_000, 120_000, 180_000)]
    stage.candles(walk)
    return stage.finish(tmp_path_factory.mktemp("shortfall") / "gnomon.db")


def found(path: Path, since: str = "") -> Shortfall:
    with closing(open_readonly(path)) as db:
        return shortfall(db, since=since)


def test_it_comes_from_the_mids_of_decisions_to_the_money(path: Path) -> None:
    """By hand: 7 bought at 100.41 and sold at 100.39, decided at the mids 100.00 and 100.50.

    7 sold at 100.34 and bought back at 100.21, decided at 100.40 and 100.10.
    """
    one = found(path)
    assert (one.trades, one.notional_usd) == (2, pytest.approx(7 * (100.41 + 100.34)))
    assert one.decided_usd == pytest.approx(7 * 0.5 + 7 * 0.3)
    assert one.entry_delay_usd == pytest.approx(7 * 0.4 + 7 * 0.05)
    assert one.exit_delay_usd == pytest.approx(7 * 0.1 + 7 * 0.1)
    assert (one.entry_impact_usd, one.exit_impact_usd) == (0.14, 0.14)
    assert one.delay_usd == pytest.approx(4.55) and one.impact_usd == 0.28
    fees = sum(7 * px for px in (100.41, 100.39, 100.34, 100.21)) * 4.5e-4
    assert one.fees_usd == pytest.approx(fees, abs=1e-5)
    assert one.net_usd == pytest.approx(7 * (-0.02 + 0.13) - fees, abs=1e-5)
    assert one.delay_bps == pytest.approx(4.55e4 / one.notional_usd)


def test_an_exit_without_a_book_is_apart_and_never_costs_nothing(path: Path) -> None:
    (trade,) = rows_of(path, "SELECT * FROM trade WHERE kind = 'paper' AND flags <> ''")
    assert trade["exit_delay_e6"] is None and trade["entry_delay_e6"] is not None
    money = (trade[f"{name}_e6"] / 1e6 for name in ("gross", "fees", "funding", "net"))
    assert found(path).not_split == NotSplit(1, *money)


def test_it_adds_up_as_it_is_printed(path: Path) -> None:
    """To the last digit of its JSON, and with what is not split to the desk's money."""
    one = msgspec.json.encode(found(path)).decode()
    usd = {
        name: value
        for name, value in _decimals(one).items()
        if isinstance(value, Decimal) and name.endswith("_usd")
    }
    costs = ("delay", "impact", "fees", "funding")
    assert usd["decided_usd"] - sum(usd[f"{name}_usd"] for name in costs) == usd["net_usd"]
    for name in ("delay", "impact"):
        assert usd[f"entry_{name}_usd"] + usd[f"exit_{name}_usd"] == usd[f"{name}_usd"]
    (desk,) = rows_of(path, "SELECT SUM(net_e6) AS e6 FROM trade WHERE kind = 'paper'")
    apart = _decimals(one)["not_split"]["net_usd"]
    assert usd["net_usd"] + apart == Decimal(desk["e6"]) / 10**6


def _decimals(text: str) -> dict[str, Any]:
    return json.loads(text, parse_float=Decimal)


AMOUNTS = st.integers(-(10**13), 10**13)


@settings(max_examples=60, deadline=None)
@given(
    st.tuples(AMOUNTS, AMOUNTS, AMOUNTS, AMOUNTS, AMOUNTS),
    st.integers(1, 10**13) | st.just(0),
)
def test_lines_add_up_to_the_cent_and_none_is_off_by_one(
    parts: tuple[int, ...], notional: int
) -> None:
    decided, *costs = parts
    net = decided - sum(costs)
    delay, impact, fees, funding = (cost / 1e6 for cost in costs)
    one = Shortfall(3, notional / 1e6, decided / 1e6, delay, impact, fees, funding, net / 1e6)
    *lines, money = steps(one)
    assert money.words == "money"
    assert sum(line.cents for line in lines) == money.cents
    assert sum(line.bps_e2 for line in lines) == money.bps_e2
    true = (decided, *(-cost for cost in costs), net)
    for line, amount in zip((*lines, money), true, strict=True):
        assert abs(line.cents * 10_000 - amount) <= 10_000
        if notional:
            assert abs(line.bps_e2 * notional - amount * 1_000_000) <= notional
    assert abs(money.cents * 10_000 - net) <= 5_000


def test_days_before_a_window_are_not_in_it(path: Path) -> None:
    assert found(path, since="2100-01-01") == Shortfall()
    assert found(path, since="2025-09-01") == found(path)
    with closing(open_readonly(path)) as db:
        assert report(db, by="filter", since="2100-01-01").shortfall == Shortfall()
        assert report(db, by="filter").shortfall == found(path)


def test_an_older_file_holds_its_trades_apart_and_a_wrong_sum_is_told(
    path: Path, tmp_path: Path
) -> None:
    copy = tmp_path / "gnomon.db"
    with closing(sqlite3.connect(path)) as old, closing(sqlite3.connect(copy)) as db:
        old.backup(db)
        as_version_9(db)
    Store(copy, mode="local", network="testnet").close()
    one, before = found(copy), found(path)
    assert one == Shortfall(not_split=one.not_split) and one.not_split.trades == 3
    assert one.not_split.net_usd == pytest.approx(before.net_usd + before.not_split.net_usd)
    with closing(sqlite3.connect(copy)) as db:
        db.execute("UPDATE shortfall_day SET fees_e6 = fees_e6 + 1")
        db.commit()
    with closing(open_readonly(copy)) as db:
        assert any("shortfall of desk/not split" in line for line in broken_promises(db))
