from __future__ import annotations

import re
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from bench.years import BOTS, COINS, LIMITS, bring_up_to_date, write_years
from shadow.report.report import report
from shadow.report.score import score
from shadow.report.shortfall import shortfall
from shadow.store.check import broken_promises
from shadow.store.store import open_readonly

DAYS = 40


@pytest.fixture(scope="module")
def db(tmp_path_factory: pytest.TempPathFactory) -> Iterator[sqlite3.Connection]:
    path: Path = tmp_path_factory.mktemp("years") / "local" / "gnomon.db"
    write_years(path, trades=3_000, days=DAYS)
    bring_up_to_date(path)
    with closing(open_readonly(path)) as found:
        yield found


def test_a_database_of_years_holds_what_reports_read(db: sqlite3.Connection) -> None:
    found = report(db, by="filter")
    assert len(found.rows) == LIMITS and found.rows[-1].name == "control"
    assert {row.days for row in found.rows} == {DAYS}
    assert all(row.blocked and row.selection_r is not None for row in found.rows)
    groups = ("division", "bot", "coin", "regime", "day")
    sizes = {by: len(report(db, by=by).rows) for by in groups}  # type: ignore[arg-type]
    assert sizes == {"division": 5, "bot": BOTS, "coin": COINS, "regime": 1, "day": DAYS}
    assert score(db)[0].days == DAYS and shortfall(db).not_split.trades == 300
    about_sums = [line for line in broken_promises(db) if line.startswith(("a day's", "a fold"))]
    assert about_sums == []


@pytest.mark.parametrize("by", ["filter", "division", "bot", "coin", "regime", "day"])
@pytest.mark.parametrize("since", ["", "2000-01-01"])
def test_no_report_reads_trades_signals_or_sums_by_bot_from_end_to_end(
    db: sqlite3.Connection, by: Any, since: str
) -> None:
    asked: list[str] = []
    db.set_trace_callback(asked.append)
    report(db, by=by, since=since)
    score(db)
    shortfall(db)
    db.set_trace_callback(None)
    plans = {
        (detail, query)
        for query in asked
        for *_, detail in db.execute(f"EXPLAIN QUERY PLAN {query}")
    }
    read_whole = {
        detail
        for detail, query in plans
        if re.match(r"SCAN (\w+ )?(trade|signal|rollup|limit_day|matched_day|t|s|r)\b", detail)
        and "LIMIT" not in query
        and "trade_not_closed" not in detail
    }
    assert len(asked) > 5 and read_whole == set()
