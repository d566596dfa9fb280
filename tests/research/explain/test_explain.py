from __future__ import annotations

import ast
import sqlite3
import sys
from pathlib import Path
from typing import Any

import pytest

from research.explain import arithmetic
from research.explain.explain import COLUMNS, Explanation, Unknown, explain, split
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


def again(db: sqlite3.Connection, row: str, column: str, **asked: Any) -> Explanation:
    """Make a figure again as the report says it."""
    return explain(db, row, column, explain(db, row, column, None).made, **asked)


@pytest.mark.parametrize("column", COLUMNS)
@pytest.mark.parametrize("row", ["limit", "watch"])
def test_every_figure_adds_up(db: sqlite3.Connection, row: str, column: str) -> None:
    found = again(db, row, column)
    assert found.adds_up and found.number == f"{row}.{column}" and found.rule
    assert found.shown == (found.made is not None)
    if found.days:
        assert len(found.checked) >= 3


@pytest.mark.parametrize("column", ["value_usd", "selection_r", "net_usd"])
def test_a_figure_that_its_days_do_not_make_does_not_add_up(
    db: sqlite3.Connection, column: str
) -> None:
    found = explain(db, "limit", column, explain(db, "limit", column, None).made + 0.01)
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


def test_what_was_typed_is_found_or_the_nearest_names_are_given() -> None:
    rows = ["direction", "drawdown", "control"]
    assert split(["direction.value_usd"], rows) == ("direction", "value_usd")
    assert split(["direction", "value_usd"], rows) == ("direction", "value_usd")
    for words, hint in (
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
        explain(db, "limit", "value_usd", None, day="2025-09-09")
    with pytest.raises(Unknown, match="a day as"):
        explain(db, "limit", "value_usd", None, day="yesterday")
    with pytest.raises(Unknown, match="no trade 7"):
        explain(db, "limit", "value_usd", None, trade_id=7)
    with pytest.raises(Unknown, match="has no series yet"):
        explain(db, "halt", "selection_r", None)


def test_a_trade_is_shown_with_its_fills(db: sqlite3.Connection) -> None:
    (trade_id,) = db.execute("SELECT MIN(trade_id) FROM trade WHERE net_e6 IS NOT NULL").fetchone()
    found = again(db, "limit", "net_usd", trade_id=trade_id)
    assert found.trade is not None and found.trade["trade_id"] == trade_id
    assert [fill["action"] for fill in found.fills] == ["entry", "exit"]
    assert "fills on the tape: there is no tape" in found.unchecked
