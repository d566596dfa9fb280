from __future__ import annotations

import json
import sqlite3
from pathlib import Path
from typing import Any

import pytest
import zstandard

from research.explain.fills import fills_of, trade_of
from research.explain.orders import hold_orders
from research.explain.proof import Proof
from tests.research.explain.conftest import Damaged
from tests.support.shadow import LATENCY_NS

S = 10**9
BOOKS = "fill from the tape's book"
MARKS = "exit from the tape's marks"
WAY = "costs from the tape's mids"
# By why it ended, a long twin that nothing held up.
ENDED = (
    "SELECT MIN(trade_id) FROM trade WHERE kind = 'twin' AND side = 'buy' AND flags = ''"
    " AND net_e6 IS NOT NULL AND exit_reason = ?"
)


def frame(ns: int, mid: float) -> bytes:
    levels = [[{"px": f"{mid + d:.2f}", "sz": "1000000.0"}] for d in (-0.01, 0.01)]
    data = {"coin": "SOL", "time": ns // 10**6, "levels": levels}
    return b"F %d %s" % (ns, json.dumps({"channel": "l2Book", "data": data}).encode())


def ended(db: sqlite3.Connection, reason: str) -> int:
    (trade_id,) = db.execute(ENDED, (reason,)).fetchone()
    return int(trade_id)


def taped(
    folder: Path, db: sqlite3.Connection, trade_id: int, *, late_ns: int = 0, off: float = 0.0,
    early: bool = False, mark: float | None = None,
) -> Path:  # fmt: skip
    """Write the books and seconds that a trade lived through; `late_ns` and `off` are of its entry.

    `mark` is the mid at which its exit was decided, `early` lets a book come between that and the
    one that filled it.
    """
    trade, fills = trade_of(db, trade_id), fills_of(db, trade_id)
    assert trade is not None
    entry, out = fills
    (until_ns,) = db.execute(
        "SELECT horizon_ns FROM signal WHERE signal_id = ?", (trade["signal_id"],)
    ).fetchone()
    until_ns += trade["decided_ns"]
    mid = out["px"] + 0.01
    rows = [b'H 0 {"instruments": [{"coin": "SOL", "sz_decimals": 2}]}']
    rows.append(frame(entry["ts_ns"] + late_ns, entry["px"] - 0.01 + off))
    at_ns = out["ts_ns"] - LATENCY_NS
    if trade["exit_reason"] == "horizon":
        at_ns = until_ns
        rows.append(frame(at_ns - S, mid))
        rows.append(b"T %d " % at_ns)
    else:
        rows.append(frame(at_ns, mark if mark is not None else mid))
    if early:
        rows.append(frame(out["ts_ns"] - 1, mid))
        rows.append(b"T %d " % (out["ts_ns"] - 1))
    rows.append(frame(out["ts_ns"], mid))
    folder.mkdir()
    (folder / "1.tape.zst").write_bytes(zstandard.compress(b"\n".join(rows) + b"\n"))
    return folder


def held(db: sqlite3.Connection, trade_id: int, tape: Path | None) -> tuple[Proof, list[Any]]:
    proof, trade, fills = Proof(), trade_of(db, trade_id), fills_of(db, trade_id)
    assert trade is not None
    hold_orders(db, trade, fills, tape, proof)
    return proof, fills


@pytest.mark.parametrize("reason", ["stop", "target", "horizon"])
def test_a_trade_met_the_books_of_the_tape_and_ended_at_its_marks(
    db: sqlite3.Connection, tmp_path: Path, reason: str
) -> None:
    trade_id = ended(db, reason)
    proof, (entry, out) = held(db, trade_id, taped(tmp_path / "tape", db, trade_id))
    assert proof.differs == [] and proof.unchecked == []
    assert proof.checked == {BOOKS: 8, MARKS: 2, WAY: 4}
    assert entry["tape"]["line"] == 2 and entry["tape"]["signal_event"] > 0
    assert entry["tape"]["due_ns"] <= entry["tape"]["ns"] == entry["ts_ns"]
    assert out["tape"]["due_ns"] <= out["tape"]["ns"] == out["ts_ns"]
    assert out["tape"]["segment"] == "1.tape.zst"


@pytest.mark.parametrize(
    ("link", "changes"),
    [
        (BOOKS, {"off": 0.01}),
        (BOOKS, {"late_ns": 1}),
        (MARKS, {"mark": 100.0}),
        (MARKS, {"mark": 101.5}),
    ],
)
def test_a_fill_or_an_exit_that_the_tape_does_not_make_is_found(
    db: sqlite3.Connection, tmp_path: Path, link: str, changes: dict[str, Any]
) -> None:
    trade_id = ended(db, "stop")
    proof, _ = held(db, trade_id, taped(tmp_path / "tape", db, trade_id, **changes))
    assert link in {one.link for one in proof.differs}


@pytest.mark.parametrize(
    "column", ["entry_delay_e6", "entry_impact_e6", "exit_delay_e6", "exit_impact_e6"]
)
def test_a_cost_that_the_tape_does_not_make_is_found(
    damaged: Damaged, tmp_path: Path, column: str
) -> None:
    db = damaged(f"UPDATE trade SET {column} = {column} + 1 WHERE net_e6 IS NOT NULL")
    trade_id = ended(db, "stop")
    proof, _ = held(db, trade_id, taped(tmp_path / "tape", db, trade_id))
    assert [one.of for one in proof.differs] == [f"trade {trade_id} {column}"]


def test_the_mid_at_which_an_exit_was_decided_is_found_again(
    damaged: Damaged, tmp_path: Path
) -> None:
    db = damaged("UPDATE trade SET exit_decision_mid = exit_decision_mid + 0.5")
    trade_id = ended(db, "target")
    proof, _ = held(db, trade_id, taped(tmp_path / "tape", db, trade_id))
    assert {one.link for one in proof.differs} == {MARKS, WAY}


def test_costs_that_nobody_knows_are_not_checked(damaged: Damaged, tmp_path: Path) -> None:
    db = damaged("UPDATE trade SET exit_decision_mid = NULL, exit_delay_e6 = NULL")
    trade_id = ended(db, "stop")
    proof, _ = held(db, trade_id, taped(tmp_path / "tape", db, trade_id))
    assert proof.differs == [] and proof.checked == {BOOKS: 8, MARKS: 1, WAY: 2}


def test_an_exit_met_the_first_book_after_its_latency(damaged: Damaged, tmp_path: Path) -> None:
    """A book came before the one that filled it, and was not too early."""
    db = damaged("UPDATE run SET config = json_set(config, '$.fills.latency_ms', 399.0)")
    trade_id = ended(db, "stop")
    tape = taped(tmp_path / "tape", db, trade_id, early=True)
    proof, _ = held(db, trade_id, tape)
    assert [one.of for one in proof.differs if one.link == BOOKS] == [
        f"trade {trade_id} exit ts_ns"
    ]


def test_a_stop_that_trails_is_pulled_behind_the_best_mark_with_each_second(
    damaged: Damaged, tmp_path: Path
) -> None:
    db = damaged("UPDATE run SET seed = 2")
    trade_id = ended(db, "horizon")
    entry, out = fills_of(db, trade_id)
    start, end, mid = entry["ts_ns"], out["ts_ns"], out["px"] + 0.01
    damaged(
        f"UPDATE trade SET exit_reason = 'trail', exit_decision_mid = {mid + 0.25},"
        f" exit_delay_e6 = NULL WHERE trade_id = {trade_id}",
        f"UPDATE signal SET trail = 0.2, target_px = NULL, stop_px = 90 WHERE signal_id ="
        f" (SELECT signal_id FROM trade WHERE trade_id = {trade_id})",
    )
    rows = [
        b'H 0 {"instruments": [{"coin": "SOL", "sz_decimals": 2}]}',
        frame(start, entry["px"] - 0.01),
        frame(start + 1, mid + 0.5),
        b"T %d " % (start + 2),
        frame(end - LATENCY_NS, mid + 0.25),
        frame(end, mid),
    ]
    for second, want in ((True, []), (False, [MARKS])):
        folder = tmp_path / str(second)
        folder.mkdir()
        text = b"\n".join(row for row in rows if second or not row.startswith(b"T")) + b"\n"
        (folder / "1.tape.zst").write_bytes(zstandard.compress(text))
        proof, _ = held(db, trade_id, folder)
        assert [one.link for one in proof.differs] == want


def test_what_cannot_be_held_against_the_tape_is_said(damaged: Damaged, tmp_path: Path) -> None:
    db = damaged("UPDATE run SET seed = 2")
    trade_id = ended(db, "stop")
    folder = taped(tmp_path / "tape", db, trade_id)

    def unchecked(tape: Path | None) -> str:
        proof, _ = held(db, trade_id, tape)
        assert proof.differs == []
        return " ".join(proof.unchecked)

    assert "there is no tape" in unchecked(None) and "no tape" in unchecked(tmp_path / "none")
    (tmp_path / "empty").mkdir()
    assert "that part of the tape is not there" in unchecked(tmp_path / "empty")
    of = f"WHERE trade_id = {trade_id}"
    for script, words in (
        (f"UPDATE trade SET exit_reason = 'bot' {of}", "it was ended by bot"),
        (f"UPDATE trade SET flags = 'gap' {of}", "walked from candles"),
        (f"UPDATE trade SET flags = 'suspect_price' {of}", "not believed"),
        (f"UPDATE trade SET flags = '', cause = 'clamp' {of}", "cap cut"),
        (f"UPDATE trade SET kind = 'real' {of}", "by the venue"),
        ("UPDATE run SET config = '{}'", "settings are not in the database"),
    ):
        damaged(script)
        assert words in unchecked(folder)
