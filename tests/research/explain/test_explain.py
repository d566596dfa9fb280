from __future__ import annotations

import ast
import sqlite3
import sys
from pathlib import Path
from typing import Any

import msgspec
import pytest

from daemon.views.report import ReportLine, report_lines
from research.explain import arithmetic
from research.explain.explain import (
    BIAS,
    COLUMNS,
    SLICE_COLUMNS,
    Asked,
    Explanation,
    Unknown,
    explain,
    split,
)
from shadow.report.report import report
from tests.research.explain.conftest import Damaged

# What a second maker of figures may rest on, beside the standard library and itself.
ALLOWED = {"msgspec", "scipy.special", "zstandard"}


def test_it_shares_nothing_with_what_made_the_figures() -> None:
    for path in Path(arithmetic.__file__).parent.glob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            if isinstance(node, ast.ImportFrom):
                assert not node.level
                names.append(node.module or "")
            for name in names:
                own = name.partition(".")[0] in sys.stdlib_module_names or name in ALLOWED
                assert own or f"{name}.".startswith("research.explain."), f"{path}: {name}"


def made(db: sqlite3.Connection, row: str, column: str) -> Any:
    return explain(db, Asked(row, column), None).made


def again(db: sqlite3.Connection, row: str, column: str, day: str = "", **told: Any) -> Explanation:
    """Make a figure again as the report says it."""
    return explain(db, Asked(row, column, day=day), made(db, row, column), **told)


# Numbers that are no sums: which series a row shows.
NO_SUMS = {"series_number"}
# Columns of limits alone, which are nothing in every other row.
OF_LIMITS = {"judged", "provisional", "left_out"}


def numbers(line: ReportLine) -> dict[str, Any]:
    """Return all numbers of a line of the report's JSON, counts by reason too."""
    return {
        name: value
        for name, value in msgspec.to_builtins(line).items()
        if isinstance(value, int | float | dict)
        and not isinstance(value, bool)
        and name not in NO_SUMS
    }


def rows_of(db: sqlite3.Connection, by: Any, since: str) -> dict[str, ReportLine]:
    lines = report_lines(report(db, by=by, since=since))
    return {f"stage.{x.name}" if x.mode == "stage" else x.name: x for x in lines}


def sweep(db: sqlite3.Connection, by: str, since: str = "", *names: str) -> set[str]:
    """Explain every number of a report's rows; return the columns in which one was not zero."""
    seen = set()
    for name, line in rows_of(db, by, since).items():
        limit = by == "filter" and not name.startswith("stage.")
        for column, value in numbers(line).items():
            if not limit and column in OF_LIMITS:
                assert not value, (by, name, column)
                continue
            if names and name not in names:
                continue
            found = explain(db, Asked(name, column, by, since), value)
            assert found.adds_up and found.shown and found.rule, (by, since, name, column, found)
            assert found.made == pytest.approx(value), (by, since, name, column)
            seen |= {column} if value else set()
    return seen


def test_every_number_of_the_report_is_explained(whole_db: sqlite3.Connection) -> None:
    seen = sweep(whole_db, "filter", "", "limit", "watch", "halt", "stage.nova")
    nothing = {"clamped_usd", "no_counterpart", BIAS}
    assert seen == {*COLUMNS, *SLICE_COLUMNS} - nothing


@pytest.mark.parametrize("by", ["filter", "bot"])
def test_every_number_of_a_window_is_explained(whole_db: sqlite3.Connection, by: str) -> None:
    seen = sweep(whole_db, by, "2025-09-08", "watch", "halt", "alpha", "stage.nova")
    assert {"blocked", "episodes", "mean_r", "net_usd", "days"} <= seen


@pytest.mark.parametrize(
    ("by", "name"),
    [
        ("division", "flow"),
        ("bot", "beta"),
        ("coin", "SOL"),
        ("regime", "trend"),
        ("regime", "not told yet"),
        ("day", "2025-09-08"),
    ],
)
def test_every_number_of_a_slice_is_explained(
    whole_db: sqlite3.Connection, by: str, name: str
) -> None:
    seen = sweep(whole_db, by, "", name)
    assert seen >= {"blocked", "sole_blocked", "shared_blocked", "episodes", "mean_r", "taken_r"}


@pytest.mark.parametrize("column", ["value_usd", "selection_r", "net_usd"])
def test_a_figure_that_its_days_do_not_make_does_not_add_up(
    db: sqlite3.Connection, column: str
) -> None:
    found = explain(db, Asked("limit", column), made(db, "limit", column) + 0.01)
    assert not found.adds_up
    (one,) = found.differs
    assert one.link == "the report's figure from its day rows" and one.says != one.made


# A difference in each link, from the day rows down to fills.
PLANTED = [
    ("value_usd", "UPDATE branch_day SET with_e6 = with_e6 + 1, without_e6 = without_e6 + 1"),
    ("value_usd", "UPDATE branch_trade SET fees_e6 = fees_e6 + 1"),
    ("value_usd", "UPDATE trade_day SET mtm_e6 = mtm_e6 + 1"),
    ("value_usd", "UPDATE fill SET notional_e6 = notional_e6 + 1"),
    ("selection_r", "UPDATE limit_day SET blocked_r = blocked_r + 0.01, best_r = best_r"),
    ("selection_r", "UPDATE trade SET net_e6 = net_e6 + 1 WHERE net_e6 IS NOT NULL"),
    ("selection_r", "UPDATE fill SET fee_e6 = fee_e6 + 1"),
    ("net_usd", "UPDATE rollup SET net_e6 = net_e6 + 1 WHERE scope = 'sole'"),
    ("net_usd", "UPDATE trade_day SET mtm_e6 = mtm_e6 + 1"),
    ("net_usd", "UPDATE fill SET lots = lots + 1 WHERE action = 'exit'"),
]


@pytest.mark.parametrize(("column", "script"), PLANTED)
def test_a_difference_in_any_link_below_is_found(
    damaged: Damaged, column: str, script: str
) -> None:
    found = again(damaged(script), "watch", column)
    assert not found.adds_up and found.differs[0].link in found.checked


def test_a_day_shows_the_trades_that_make_it(db: sqlite3.Connection) -> None:
    value = again(db, "watch", "value_usd", day="2025-09-07")
    (day,) = (row for row in value.days if row["day"] == "2025-09-07")
    for side in ("with", "without"):
        made = sum(row["made_e6"] for row in value.trades if row["desk"] == day[side])
        assert made / 1e6 == pytest.approx(day[f"{side}_usd"])
    choice = again(db, "limit", "mean_r", day="2025-09-07")
    (day,) = (row for row in choice.days if row["day"] == "2025-09-07")
    blocked = [row["r"] for row in choice.trades if row["blocked"]]
    assert (len(choice.trades), len(blocked)) == (day["judged"], day["blocked"])
    assert sum(blocked) == pytest.approx(day["blocked_r"])
    net = again(db, "limit", "net_usd", day="2025-09-07")
    (day,) = (row for row in net.days if row["day"] == "2025-09-07")
    assert sum(row["made_e6"] or 0 for row in net.trades) == day["net_e6"]


@pytest.mark.parametrize(
    ("row", "column", "by"),
    [
        ("SOL", "net_usd", "coin"),
        ("trend", "blocked", "regime"),
        ("stage.nova", "net_usd", "bot"),
        ("limit", "left_out", "filter"),
        ("limit", "left_out.joint", "filter"),
        ("watch", BIAS, "filter"),
    ],
)
def test_a_day_shows_what_is_behind_it_in_rows_alike(
    whole_db: sqlite3.Connection, row: str, column: str, by: str
) -> None:
    day = explain(whole_db, Asked(row, column, by), None).days[-1]["day"]
    found = explain(whole_db, Asked(row, column, by, day=day), None)
    assert found.trades and found.adds_up
    assert len({tuple(one) for one in found.trades}) == 1
    if column == "net_usd":
        counted = "sole" if row.startswith("stage.") else "blocked"
        made = sum(one["made_e6"] for one in found.trades if one["scope"] == counted)
        assert made == sum(
            x["net_e6"] for x in found.days if (x["day"], x["scope"]) == (day, counted)
        )
    with pytest.raises(Unknown, match="no row of 2024-01-01"):
        explain(whole_db, Asked(row, column, by, day="2024-01-01"), None)


def test_what_was_typed_is_found_or_the_nearest_names_are_given() -> None:
    rows = ["direction", "drawdown", "control"]
    assert split(["direction.value_usd"], rows) == ("direction", "value_usd")
    assert split(["direction", "value_usd"], rows) == ("direction", "value_usd")
    assert split(["direction.left_out.joint"], rows) == ("direction", "left_out.joint")
    assert split(["stage.nova", "mean_r"], ["stage.nova"]) == ("stage.nova", "mean_r")
    for words, hint in (
        (["direction.mean_r.joint"], "direction.value_usd"),
        (["direktion.value_usd"], "direction"),
        (["direction.value"], "value_usd"),
        (["direction.selection"], "selection_r"),
        (["direction"], "direction.value_usd"),
        (["a.b.c"], "direction.value_usd"),
        ([""], "direction.value_usd"),
    ):
        with pytest.raises(Unknown, match=hint):
            split(words, rows)


def test_what_is_not_there_is_said(db: sqlite3.Connection) -> None:
    with pytest.raises(Unknown, match="no row of 2025-09-09; 2025-09-07, 2025-09-08, 2025-09-10"):
        again(db, "limit", "value_usd", "2025-09-09")
    with pytest.raises(Unknown, match="a day as"):
        again(db, "limit", "value_usd", "yesterday")
    with pytest.raises(Unknown, match="no trade 7"):
        again(db, "limit", "value_usd", trade_id=7)
    with pytest.raises(Unknown, match="has no series yet"):
        again(db, "halt", "selection_r")
    with pytest.raises(Unknown, match="no limit control"):
        again(db, "limit", "control_r")
    with pytest.raises(Unknown, match="left out as 'bored'; joint, no_data"):
        again(db, "limit", "left_out.bored")


def test_a_trade_is_shown_with_its_fills(db: sqlite3.Connection) -> None:
    (trade_id,) = db.execute("SELECT MIN(trade_id) FROM trade WHERE net_e6 IS NOT NULL").fetchone()
    found = again(db, "limit", "net_usd", trade_id=trade_id)
    assert found.trade is not None and found.trade["trade_id"] == trade_id
    assert [fill["action"] for fill in found.fills] == ["entry", "exit"]
    assert "fills on the tape: there is no tape" in found.unchecked
