from __future__ import annotations

import ast
import json
import sqlite3
import sys
from pathlib import Path
from typing import Any

import pytest
import zstandard

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


def taped(folder: Path, db: sqlite3.Connection, trade_id: int, **frames: tuple[int, float]) -> Path:
    """Write a tape on which a trade's entry and exit met the stage's books."""
    rows = [b'H 0 {"instruments": [{"coin": "SOL", "sz_decimals": 2}]}']
    for action, ns, px in db.execute(
        "SELECT action, ts_ns, px FROM fill WHERE trade_id = ? ORDER BY ts_ns", (trade_id,)
    ):
        late_ns, off = frames.get(action, (0, 0.0))
        levels = [[{"px": f"{px + d + off:.2f}", "sz": "1000000.0"}] for d in (-0.02, 0.0)]
        data = {"coin": "SOL", "time": ns // 10**6, "levels": levels}
        raw = json.dumps({"channel": "l2Book", "data": data}).encode()
        rows.append(b"F %d %s" % (ns + late_ns, raw))
        if action == "exit":
            levels[:] = [[{"px": f"{px + d + off:.2f}", "sz": "1000000.0"}] for d in (0.0, 0.02)]
            rows[-1] = b"F %d %s" % (
                ns + late_ns, json.dumps({"channel": "l2Book", "data": data}).encode()
            )  # fmt: skip
    folder.mkdir()
    (folder / "1.tape.zst").write_bytes(zstandard.compress(b"\n".join(rows) + b"\n"))
    return folder


def first_long(db: sqlite3.Connection) -> int:
    (trade_id,) = db.execute(
        "SELECT MIN(trade_id) FROM trade WHERE kind = 'twin' AND side = 'buy'"
        " AND net_e6 IS NOT NULL AND flags = ''"
    ).fetchone()
    return int(trade_id)


def test_a_trade_is_held_against_the_books_of_the_tape(
    db: sqlite3.Connection, tmp_path: Path
) -> None:
    trade_id = first_long(db)
    folder = taped(tmp_path / "tape", db, trade_id)
    found = again(db, "limit", "value_usd", trade_id=trade_id, tape=folder)
    assert found.adds_up and found.checked["fill from the tape's book"] == 8
    entry, out = (fill["tape"] for fill in found.fills)
    assert (entry["line"], out["line"], entry["segment"]) == (2, 3, "1.tape.zst")
    assert entry["ns"] == found.fills[0]["ts_ns"] >= entry["due_ns"] and entry["signal_event"] > 0


@pytest.mark.parametrize("frames", [{"entry": (0, 0.01)}, {"exit": (0, 0.01)}, {"entry": (1, 0.0)}])
def test_a_fill_that_the_tape_s_book_does_not_make_is_found(
    db: sqlite3.Connection, tmp_path: Path, frames: dict[str, tuple[int, float]]
) -> None:
    trade_id = first_long(db)
    folder = taped(tmp_path / "tape", db, trade_id, **frames)
    found = again(db, "limit", "value_usd", trade_id=trade_id, tape=folder)
    assert {one.link for one in found.differs} == {"fill from the tape's book"}


def test_what_of_a_trade_cannot_be_held_against_the_tape_is_said(
    damaged: Damaged, tmp_path: Path
) -> None:
    db = damaged("UPDATE run SET seed = 2")
    trade_id = first_long(db)
    folder = taped(tmp_path / "tape", db, trade_id)

    def unchecked(tape: Path | None) -> str:
        return " ".join(again(db, "limit", "net_usd", trade_id=trade_id, tape=tape).unchecked)

    assert "there is no tape" in unchecked(None) and "no tape" in unchecked(tmp_path / "none")
    (tmp_path / "empty").mkdir()
    assert "that part of the tape is gone" in unchecked(tmp_path / "empty")
    for script, words in (
        (f"UPDATE trade SET flags = 'gap' WHERE trade_id = {trade_id}", "walked from candles"),
        (f"UPDATE trade SET flags = 'suspect_price' WHERE trade_id = {trade_id}", "not believed"),
        (f"UPDATE trade SET flags = '', cause = 'clamp' WHERE trade_id = {trade_id}", "cap cut"),
        (f"UPDATE trade SET kind = 'real' WHERE trade_id = {trade_id}", "by the venue"),
        ("UPDATE run SET config = '{}'", "settings are not in the database"),
    ):
        damaged(script)
        assert words in unchecked(folder)
