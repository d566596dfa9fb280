from __future__ import annotations

import json
import sqlite3
from contextlib import closing
from hashlib import blake2b
from pathlib import Path

import pytest

from market.events import NS_PER_DAY
from shadow.store.judged import FOREVER, Days, Sums, epochs_of
from shadow.store.store import Store

HALF = 43_200


def days(**seconds: tuple[int, int]) -> Days:
    return Days({f"2025-09-0{key[1]}": list(both) for key, both in seconds.items()}, "2025-09-08")


@pytest.mark.parametrize(
    ("due", "booked"),
    [
        ("2025-09-01", "2025-09-01"),
        ("2025-09-02", "2025-09-04"),
        ("2025-09-03", "2025-09-04"),
        ("2025-09-05", "2025-09-08"),
        ("2025-09-08", "2025-09-08"),
        ("2025-10-31", "2025-10-31"),
    ],
)
def test_what_is_due_moves_to_the_next_day_that_was_run_or_is_not_over(
    due: str, booked: str
) -> None:
    ran = days(d1=(HALF, 0), d2=(HALF - 1, 0), d4=(HALF, 0), d5=(0, HALF), d7=(9, 9))
    assert ran.booked("cooldown", due) == booked


def test_hours_latched_at_the_peak_count_for_the_limit_that_latches() -> None:
    ran = days(d1=(9, HALF - 9), d2=(HALF, 0))
    assert ran.booked("drawdown", "2025-09-01") == "2025-09-01"
    assert ran.booked("cooldown", "2025-09-01") == "2025-09-02"


def series(db: sqlite3.Connection, name: str, number: int, from_ns: int, delay: int = 14) -> str:
    terms = json.dumps([name, number], separators=(",", ":"))
    terms = json.dumps({"is": terms, "verdict": {"booking_delay_days": delay}})
    key = blake2b(terms.encode(), digest_size=8).hexdigest()
    row = (key, name, number, from_ns, None, terms)
    db.execute("INSERT INTO series VALUES (?, ?, ?, ?, ?, ?)", row)
    return key


def test_epochs_are_cut_where_any_series_begins_or_ends(tmp_path: Path) -> None:
    path = tmp_path / "gnomon.db"
    Store(path, mode="local", network="testnet").close()
    with closing(sqlite3.connect(path)) as db:
        a, b = series(db, "a", 1, 5), series(db, "b", 1, 5)
        tuned = series(db, "a", 2, NS_PER_DAY)
        spells = [("a", 1, a), ("b", 1, b), ("a", 100, tuned), ("b", 200, ""), ("a", 300, a)]
        db.executemany("INSERT INTO spell VALUES (?, ?, ?)", spells)
        wrong, found = epochs_of(db)
    assert wrong == []
    assert [(*epoch[:4], epoch.series) for epoch in found] == [
        (1, 100, 5, FOREVER, {"a": a, "b": b}),
        (100, 200, 5, NS_PER_DAY, {"b": b}),
        (100, 200, NS_PER_DAY, FOREVER, {"a": tuned, "b": b}),
        (200, 300, NS_PER_DAY, FOREVER, {"a": tuned}),
        (300, FOREVER, 5, FOREVER, {"a": a}),
    ]
    assert {epoch.delay_s for epoch in found} == {14 * 86_400}


def test_sums_differ_beyond_their_last_digits() -> None:
    one = Sums(2, 0.3, 1, 0.1, 0.2, 0.1)
    assert not one.differs(one._replace(judged_r=0.1 + 0.2))
    assert one.plus(one) == Sums(4, 0.6, 2, 0.2, 0.2, 0.1)
    for name in ("judged", "blocked"):
        assert one.differs(one._replace(**{name: 9}))
    for name in ("judged_r", "blocked_r", "best_r", "worst_r"):
        assert one.differs(one._replace(**{name: 0.15}))
