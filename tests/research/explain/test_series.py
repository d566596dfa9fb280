from __future__ import annotations

import sqlite3

from research.explain.series import (
    day_of,
    every,
    gone_before,
    last_whole_day,
    next_day,
    shown,
    start_ns,
    was_run,
)
from tests.research.explain.conftest import Damaged
from tests.support.shadow import T0


def test_the_running_series_is_shown_and_without_one_the_newest(damaged: Damaged) -> None:
    db = damaged(
        "INSERT INTO series SELECT 'newer', filter, 2, from_ns + 1, NULL, '{}' FROM series"
        " WHERE filter = 'limit'"
    )
    found = shown(db, "limit")
    assert found is not None and found.number == 1 and found.money_r_e6 == 10_000_000
    assert found.rule["booking_delay_days"] == 0 and found.rule["seen_min"] == 10
    db = damaged("UPDATE spell SET series_id = '' WHERE filter = 'limit'")
    found = shown(db, "limit")
    assert found is not None and (found.series_id, found.number) == ("newer", 2)
    assert shown(db, "none") is None
    assert [one.number for one in every(db, "limit")] == [1, 2]
    assert every(db, "limit")[1] == found and every(db, "none") == []


def test_days_count_up_to_the_last_that_has_ended(db: sqlite3.Connection) -> None:
    assert last_whole_day(db) == "2025-09-11"
    assert [day for day, ran in was_run(db, "limit").items() if not ran] == ["2025-09-09"]


def test_latched_time_counts_for_the_limit_that_latches(damaged: Damaged) -> None:
    db = damaged("UPDATE rollup SET entries = 43200 WHERE mode = 'run' AND day = '2025-09-09'")
    assert not was_run(db, "limit")["2025-09-09"] and was_run(db, "drawdown")["2025-09-09"]


def test_days_of_which_a_signal_may_be_gone_end_with_the_one_of_the_cut(damaged: Damaged) -> None:
    db = damaged(f"INSERT INTO about VALUES ('pruned_before_ns', '{T0 + 5}')")
    assert gone_before(db) == "2025-09-02"
    assert gone_before(damaged("DELETE FROM about WHERE key = 'pruned_before_ns'")) == ""


def test_days_of_times() -> None:
    assert day_of(T0) == "2025-09-01" and day_of(T0 - 1) == "2025-08-31"
    assert start_ns("2025-09-01") == T0 and next_day("2025-08-31") == "2025-09-01"
