from __future__ import annotations

import sqlite3
from contextlib import closing
from datetime import date, timedelta

import pytest

from market.events import NS_PER_DAY
from quant.inference.selection import BotDay, Selection
from research.explain.choice import choice, hold_days_against_trades, outcomes
from research.explain.proof import Proof
from research.explain.series import RULE, Series, shown
from tests.research.explain.conftest import Damaged
from tests.support.shadow import T0
from tests.support.worked_example import bots_of

FIRST = date(2025, 9, 1)


def test_the_worked_example_comes_out_to_six_decimals() -> None:
    """Rows of sixty days, the two bots of one division, with the odds factor."""
    with closing(sqlite3.connect(":memory:")) as db:
        db.execute("CREATE TABLE trade (bot, division)")
        db.execute("INSERT INTO trade VALUES ('x', 'only'), ('y', 'only')")
        db.execute(
            "CREATE TABLE limit_day (day, filter, series_id, bot, sample, judged, judged_r,"
            " blocked, blocked_r, best_r, worst_r)"
        )
        for at in range(60):
            day = (FIRST + timedelta(days=at)).isoformat()
            for b in bots_of(at):
                row = (day, "g", "s", b.bot, "clean", b.judged, b.judged_r, b.blocked, b.blocked_r)
                db.execute(
                    f"INSERT INTO limit_day VALUES ({','.join('?' * 11)})", (*row, 4.6, -1.3)
                )
        found = choice(db, Series("g", "s", 1, 0, None, RULE, "2026-01-01"))
    figures = found.figures
    assert [day["u"] for day in found.days[:4]] == pytest.approx(
        [0.0, -1.04, -1.373156, -1.693853], abs=5e-7
    )
    want = {
        "selection_r": -0.557558, "n_eff": 53.729445, "selection_low": -0.691271,
        "selection_high": -0.416398, "selection_any_low": -0.858154,
        "selection_any_high": -0.127863, "slow_r": -0.560584, "slow_low": -0.694899,
        "slow_high": -0.418797,
    }  # fmt: skip
    for name, value in want.items():
        assert figures[name] == pytest.approx(value, abs=5e-7), name


def test_days_without_rows_fade_what_is_known_of_rates(db: sqlite3.Connection) -> None:
    series = shown(db, "limit")
    assert series is not None
    found = choice(db, series)
    assert [day["day"] for day in found.days] == [
        "2025-09-06", "2025-09-07", "2025-09-08", "2025-09-10", "2025-09-11",
    ]  # fmt: skip
    theirs = Selection()
    by_day: dict[str, list[sqlite3.Row]] = {}
    for row in db.execute(
        "SELECT day, bot, SUM(judged), SUM(judged_r), SUM(blocked), SUM(blocked_r) FROM limit_day"
        " WHERE filter = 'limit' GROUP BY day, bot"
    ):
        by_day.setdefault(row[0], []).append(row)
    division = {"alpha": "trend", "beta": "flow"}
    for day, made in zip(sorted(by_day), found.days, strict=True):
        rows = [BotDay(bot, division[bot], *rest) for _, bot, *rest in by_day[day]]
        row = theirs.add(date.fromisoformat(day).toordinal(), rows)
        assert (made["u"], made["h"]) == (pytest.approx(row.u), pytest.approx(row.h))
    assert any(day["odds_factor"] != 1.0 for day in found.days)


def differences(db: sqlite3.Connection, name: str = "limit") -> tuple[list[str], Proof]:
    series, proof = shown(db, name), Proof()
    assert series is not None
    hold_days_against_trades(db, series, outcomes(db, series), proof)
    return [one.of for one in proof.differs], proof


@pytest.mark.parametrize("name", ["limit", "other", "watch"])
def test_every_day_is_what_its_trades_make(db: sqlite3.Connection, name: str) -> None:
    found, proof = differences(db, name)
    assert found == [] and proof.checked["day row from its trades"] >= 48


ONE = "(SELECT MIN(t.trade_id) FROM trade t JOIN signal s ON s.signal_id = t.signal_id WHERE {})"
SOLE = ONE.format("s.sole = 'limit' AND t.kind = 'phantom'")
PLANTED = [
    "UPDATE limit_day SET judged = judged + 1 WHERE filter = 'limit' AND day = '2025-09-07'",
    "UPDATE limit_day SET judged_r = judged_r + 0.01 WHERE filter = 'limit'",
    "UPDATE limit_day SET blocked = blocked + 1 WHERE filter = 'limit'",
    "UPDATE limit_day SET blocked_r = blocked_r - 0.01 WHERE filter = 'limit'",
    "UPDATE limit_day SET best_r = best_r + 1 WHERE filter = 'limit'",
    "UPDATE limit_day SET worst_r = worst_r - 1 WHERE filter = 'limit'",
    "DELETE FROM limit_day WHERE filter = 'limit' AND day = '2025-09-06'",
    "UPDATE limit_day SET day = '2025-09-09' WHERE filter = 'limit' AND day = '2025-09-10'",
    "UPDATE limit_day SET bot = 'gamma' WHERE filter = 'limit' AND bot = 'beta'",
    f"UPDATE trade SET r = r + 1 WHERE trade_id = {SOLE}",
    f"UPDATE trade SET flags = 'gap' WHERE trade_id = {SOLE}",
    f"UPDATE trade SET flags = 'no_funding' WHERE trade_id = {SOLE}",
    f"UPDATE trade SET exit_reason = 'UNAVAILABLE' WHERE trade_id = {SOLE}",
    f"UPDATE trade SET closed_ns = closed_ns + {NS_PER_DAY} WHERE trade_id = {SOLE}",
    f"DELETE FROM trade WHERE trade_id = {SOLE}",
    f"INSERT INTO final_day VALUES ({SOLE}, '2025-09-08')",
    "UPDATE check_result SET outcome = 'no_data' WHERE filter = 'limit' AND outcome = 'fail'",
    "DELETE FROM check_result WHERE filter = 'limit'",
    "UPDATE signal SET failing = 'limit,other' WHERE sole = 'limit'",
    "UPDATE spell SET from_seq = 3000 WHERE filter = 'limit'",
    f"UPDATE series SET from_ns = {T0 + 7 * NS_PER_DAY} WHERE filter = 'limit'",
    "UPDATE rollup SET signals = 43199 WHERE mode = 'run' AND day = '2025-09-07'",
]


@pytest.mark.parametrize("script", PLANTED)
def test_a_planted_difference_is_found(damaged: Damaged, script: str) -> None:
    assert differences(damaged(script))[0], script


def test_days_of_signals_that_were_deleted_are_said_and_not_held_against_anything(
    damaged: Damaged,
) -> None:
    before = T0 + 7 * NS_PER_DAY
    gone = f"DELETE FROM signal WHERE ts_ns < {before}"
    assert differences(damaged(gone))[0]
    found, proof = differences(
        damaged(f"INSERT INTO about VALUES ('pruned_before_ns', '{before}')")
    )
    assert found == []
    assert proof.unchecked == [
        "day rows up to 2025-09-09: the signals they count were deleted for their age"
    ]
