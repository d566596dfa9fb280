from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

import msgspec
import pytest
from msgspec import structs
from msgspec.structs import astuple

from shadow.report.fold import CLEAN, REPAIRED, JudgedDay
from shadow.report.folds import (
    ALL,
    EVERY_DAYS,
    MATCHED,
    MATCHED_DAY,
    Divisions,
    day_rows,
    kept,
    renewed,
)
from shadow.report.measured import Evidence, measure
from shadow.report.terms import Terms
from shadow.store.check import broken_promises
from shadow.store.rows import Rows
from shadow.store.store import Store, open_readonly
from shadow.store.tables.folds import LimitFoldRow
from shadow.store.tables.limits import LimitDayRow, MatchedDayRow
from shadow.store.tables.rollups import RollupRow
from shadow.store.tables.series import SeriesRow
from shadow.store.tables.weights import ReturnRow
from tests.support.evidence import day_of, worked

VERDICT = {"seen_min": 10, "booking_delay_days": 14}
TERMS = msgspec.json.encode({"filter": "limit", "verdict": VERDICT}).decode()


def rows_of(evidence: Evidence, name: str) -> list[LimitDayRow]:
    return [
        LimitDayRow(
            row.day, name, f"id of {name}", row.bot, row.sample, row.judged, row.judged_r,
            row.blocked, row.blocked_r, row.best_r, row.worst_r,
        )
        for row in evidence.judged
    ]  # fmt: skip


def mixed(days: int) -> Evidence:
    """Return the worked example with the trades of every fifth day repaired."""
    evidence = worked(days)
    judged = [
        structs.replace(row, sample=REPAIRED) if int(row.day[-2:]) % 5 == 0 else row
        for row in evidence.judged
    ]
    return structs.replace(evidence, judged=judged)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    path = tmp_path / "gnomon.db"
    store = Store(path, mode="local", network="testnet")
    evidence = mixed(90)
    store.write(
        Rows(
            series=[
                SeriesRow(f"id of {name}", name, 1, 0, None, TERMS) for name in ("limit", "other")
            ],
            limit_days=[*rows_of(evidence, "limit"), *rows_of(evidence, "other")],
            matched_days=[
                MatchedDayRow(*astuple(structs.replace(row, blocked=0, blocked_r=0.0)))
                for row in rows_of(evidence, "limit")[60:]
            ],
            returns=[ReturnRow("2026-01-01", "2026-01-02", bot, "only", 0, 1) for bot in "xy"],
        )
    )
    store.close()
    return path


def renew(path: Path, ended: str) -> list[LimitFoldRow]:
    """Renew the folds of one series once the desk has ended a day."""
    store = Store(path, mode="local", network="testnet")
    store.write(Rows(left_out=[RollupRow(ended, "", "run", "seconds", "", 1, 0, 0.0, 0.0, 0)]))
    with closing(open_readonly(path)) as db:
        rows = renewed(db)
    store.keep(rows)
    store.close()
    return [row for row in rows if isinstance(row, LimitFoldRow)]


def read(path: Path, *, after: str = "") -> list[JudgedDay]:
    with closing(open_readonly(path)) as db:
        return list(day_rows(db, Divisions(db), "limit", "id of limit", after=after))


def test_rows_are_read_as_they_were_written(path: Path) -> None:
    assert sorted(read(path), key=str) == sorted(mixed(90).judged, key=str)
    assert [row.day for row in read(path, after=day_of(88))] == [day_of(89)] * 2


def test_series_are_folded_one_at_a_time_and_a_week_at_a_time(path: Path) -> None:
    first, second = renew(path, day_of(50)), renew(path, day_of(50))
    assert [(row.filter, row.sample) for row in first] == [
        ("limit", ALL), ("limit", CLEAN), ("limit", MATCHED),
    ]  # fmt: skip
    assert {row.filter for row in second} == {"other"}
    assert {row.day for row in (*first, *second)} == {day_of(50)}
    assert renew(path, day_of(50)) == []
    assert renew(path, day_of(50 + EVERY_DAYS - 1)) == []
    later = renew(path, day_of(50 + EVERY_DAYS))
    assert {row.day for row in later} == {day_of(50 + EVERY_DAYS)}


@pytest.mark.parametrize("days", [[30], [20, 30, 60], [10, 95]])
def test_what_is_folded_comes_to_the_same_as_all_rows(path: Path, days: list[int]) -> None:
    for day in days:
        while renew(path, day_of(day)):
            pass
    with closing(open_readonly(path)) as db:
        folds = kept(db, "limit", "id of limit", Terms())
    whole = mixed(90)
    left = structs.replace(
        whole,
        judged=read(path, after=folds[CLEAN].last),
        folded=folds[ALL],
        folded_clean=folds[CLEAN],
    )
    assert len(left.judged) < len(whole.judged)
    assert measure(left) == measure(whole)
    assert measure(left, clean=True) == measure(whole, clean=True)
    with closing(open_readonly(path)) as db:
        beside = list(day_rows(db, Divisions(db), "limit", "id of limit", table=MATCHED_DAY))
    plain = structs.replace(whole, judged=beside, value=())
    kept_plain = structs.replace(plain, folded=folds[MATCHED], folded_clean=folds[MATCHED])
    assert measure(kept_plain) == measure(plain)
    assert measure(plain).choice.booked.blocked == 0 < measure(plain).choice.booked.judged


def test_until_a_day_has_ended_nothing_is_folded(path: Path) -> None:
    """What is due on a day that was not run moves on when the next one ends."""
    with closing(open_readonly(path)) as db:
        assert renewed(db) == []


def test_a_fold_of_another_rule_or_other_terms_or_that_is_broken_is_not_used(path: Path) -> None:
    assert len(renew(path, day_of(50))) == 3

    def found(terms: Terms) -> int:
        with closing(open_readonly(path)) as db:
            return len(kept(db, "limit", "id of limit", terms))

    assert found(Terms()) == 3
    assert found(Terms(margin_s_r=0.5)) == 3
    assert found(Terms(seen_min=11)) == found(Terms(odds_prior=5.0)) == 0
    for change in ("rule = rule - 1", "rule = rule + 1, fold = '{'"):
        with closing(sqlite3.connect(path)) as db:
            db.execute(f"UPDATE limit_fold SET {change} WHERE sample = 'clean'")
            db.commit()
        assert found(Terms()) == 0


def test_a_fold_that_is_not_of_its_rows_is_told(path: Path) -> None:
    renew(path, day_of(50))

    def lies() -> list[str]:
        with closing(open_readonly(path)) as db:
            return [line for line in broken_promises(db) if "fold" in line]

    assert lies() == []
    with closing(sqlite3.connect(path)) as db:
        day = day_of(20)
        db.execute("UPDATE limit_day SET judged = judged + 1 WHERE day = ?", (day,))
        db.commit()
    assert lies() == ["a fold is not of the rows it stands for: limit all, limit clean"]
