from __future__ import annotations

import random
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from itertools import cycle
from pathlib import Path
from typing import Any

import pytest

from market.decision import BUY, SELL
from market.events import MS_PER_DAY, NS_PER_DAY
from shadow.report.report import empty, report
from shadow.report.row import NONE
from shadow.report.verdict import PROTECTIVE, UNDETERMINED
from shadow.store.check import broken_promises
from shadow.store.store import Store, open_readonly
from tests.support.evidence import worked
from tests.support.measured_db import Planted
from tests.support.older import as_version_9
from tests.support.planted_sums import planted
from tests.support.shadow import (
    T0,
    Puppet,
    Stage,
    assert_rollup_is_true,
    recomputed,
    rows_of,
)

DAYS = 22


def tell_days(stage: Stage, days: int, seed: int) -> None:
    """Let two bots trade around noon of every day, and now and then across midnight."""
    dice = random.Random(seed)
    for number in range(days):
        stage.wait_until(number * MS_PER_DAY + (86_380_000 if number % 3 == 2 else 43_200_000))
        for _ in range(6):
            stage.book()
            if number % 6 != 5:
                stage.context(dice.choice([1e-4, -1e-4, 3e-4]))
            stage.script(
                limit=dice.choice(["pass", "pass", "fail", "fail", "no_data"]),  # type: ignore[arg-type]
                other=dice.choice(["pass", "pass", "pass", "fail"]),  # type: ignore[arg-type]
                watch=dice.choice(["pass", "fail"]),  # type: ignore[arg-type]
            )
            stage.filters["cap"].room_e6 = dice.choice([None, 300 * 10**6])
            bot, side = dice.choice(["alpha", "beta"]), dice.choice([BUY, SELL])
            stage.signal(bot, side, lots=dice.choice([500, 900]), target=1.0, horizon_s=25)
            stage.books(4, every=2)
            if dice.random() < 0.5:
                # The same opinion again under another verdict: at times an entry after all.
                stage.script(limit="pass", other=dice.choice(["pass", "fail"]))  # type: ignore[arg-type]
                stage.signal(bot, side, lots=400, target=0.8, horizon_s=12)
            stage.books(26, 100 + dice.uniform(-1.5, 1.5), every=2)
            stage.books(20, every=5)


def forget(stage: Stage) -> None:
    """Let a fortnight pass in which nobody tells the funding rates of what is owed."""
    stage.wait(15 * 86_400)
    stage.book()


@pytest.fixture(scope="module")
def history(tmp_path_factory: pytest.TempPathFactory) -> Iterator[sqlite3.Connection]:
    stage = Stage(
        bots=[Puppet("alpha", "trend"), Puppet("beta", "flow")],
        filters={"limit": "enforce", "other": "enforce", "cap": "enforce", "watch": "observe"},
    )
    tell_days(stage, DAYS, 5)
    forget(stage)
    path: Path = tmp_path_factory.mktemp("report") / "gnomon.db"
    stage.finish(path)
    with closing(open_readonly(path)) as db:
        yield db


# By filter.


def test_the_history_has_something_of_everything(history: sqlite3.Connection) -> None:
    assert_rollup_is_true(history)
    scopes = {key[3] for key in recomputed(history)}
    assert scopes == {
        "sole", "shared", "fail_closed", "clamped", "twin", "bias", "excluded", "limits", "no_data",
    }  # fmt: skip
    later = history.execute("SELECT COUNT(later_trade_id) FROM trade").fetchone()[0]
    blind = history.execute("SELECT COUNT(*) FROM trade WHERE flags LIKE '%no_f%'").fetchone()[0]
    split = history.execute(
        "SELECT COUNT(*) FROM (SELECT 1 FROM trade_day GROUP BY trade_id HAVING COUNT(*) > 1)"
    ).fetchone()[0]
    assert later > 10
    assert min(split, blind) > 1


@pytest.mark.parametrize("since", ["", "2025-09-08", "2025-09-21"])
def test_rows_by_filter_count_what_the_rows_of_the_database_make(
    history: sqlite3.Connection, since: str
) -> None:
    sums = {key: s for key, s in recomputed(history).items() if key[0] >= since}
    found = {row.name: row for row in report(history, by="filter", since=since).rows}
    assert set(found) == {key[1] for key in sums if key[1]}
    for name, row in found.items():
        mine = {key: s for key, s in sums.items() if key[1] == name}
        count = {
            scope: sum(s[0] for key, s in mine.items() if key[3] == scope)
            for scope in ("sole", "shared", "fail_closed")
        }
        assert (row.group, row.mode) == ("filter", "observe" if name == "watch" else "enforce")
        assert row.blocked == count["sole"] + count["shared"]
        assert (row.sole_blocked, row.shared_blocked) == (count["sole"], count["shared"])
        assert row.fail_closed == count["fail_closed"]
        sole = [s for key, s in mine.items() if key[3] == "sole"]
        assert row.net_usd == pytest.approx(sum(s[4] for s in sole) / 1e6)
        cut = sum(s[4] for key, s in mine.items() if key[3] == "clamped")
        assert row.clamped_usd == pytest.approx(cut / 1e6)
        entries = sum(s[1] for s in sole)
        if entries:
            assert row.mean_bps == pytest.approx(sum(s[3] for s in sole) / entries)
        else:
            assert row.mean_bps is None


def test_the_view_shows_the_same_as_the_report(history: sqlite3.Connection) -> None:
    rows = {row.name: row for row in report(history, by="filter").rows}
    view = {v["filter"]: v for v in history.execute("SELECT * FROM shadow_report")}
    assert set(view) == set(rows)
    for name, row in rows.items():
        found = view[name]
        for column in ("blocked", "sole_blocked", "fail_closed"):
            assert found[column] == getattr(row, column), (name, column)
        assert found["mean_bps"] == pytest.approx(row.mean_bps), name
        assert found["net_e6"] / 1e6 == pytest.approx(row.net_usd)
        assert found["clamped_e6"] / 1e6 == pytest.approx(row.clamped_usd)


def test_the_view_by_day_adds_up_to_the_report(history: sqlite3.Connection) -> None:
    days: dict[tuple[str, str, str], float] = {}
    for v in history.execute("SELECT * FROM shadow_by_day"):
        key = (v["filter"], v["mode"], v["scope"])
        days[key] = days.get(key, 0.0) + v["net_e6"] / 1e6
    for row in report(history, by="filter").rows:
        assert days.get((row.name, row.mode, "sole"), 0.0) == pytest.approx(row.net_usd)
        assert days.get((row.name, row.mode, "clamped"), 0.0) == pytest.approx(row.clamped_usd)


# By regime.


def test_by_regime_days_count_where_the_desk_was_told_to_stand(
    history: sqlite3.Connection, tmp_path: Path
) -> None:
    days = {row.name: row for row in report(history, by="day").rows}
    homes = dict(zip(sorted(days), cycle(("carry", "UNDETERMINED", "carry", "")), strict=False))
    path = tmp_path / "gnomon.db"
    with closing(sqlite3.connect(path)) as db:
        history.backup(db)
        db.executemany(
            "INSERT INTO rollup VALUES (?, '', 'regime', ?, '', 1, 0, 0.0, 0.0, 0)",
            [(day, name) for day, name in homes.items() if name],
        )
        db.commit()
        found = {row.name: row for row in report(db, by="regime").rows}
        assert broken_promises(db) == []
    assert set(found) == {"carry", "UNDETERMINED", "not told yet"}
    for name, row in found.items():
        mine = [days[day] for day, home in homes.items() if (home or "not told yet") == name]
        assert (row.group, row.verdict) == ("regime", NONE)
        for column in ("blocked", "sole_blocked", "fail_closed", "episodes", "days"):
            assert getattr(row, column) == sum(getattr(day, column) for day in mine), column
        assert row.net_usd == pytest.approx(sum(day.net_usd for day in mine))
        told = [day for day in mine if day.episodes]
        r = sum((day.mean_r or 0.0) * day.episodes for day in told)
        assert row.mean_r == pytest.approx(r / row.episodes)
    means = [row.mean_r for row in found.values() if row.mean_r is not None]
    for row in found.values():
        assert row.shrunken_r is not None and min(means) <= row.shrunken_r <= max(means)


# By what the trades themselves say.

GROUPS = ("division", "bot", "coin", "day")


def day_of_ns(ns: int) -> str:
    return f"2025-09-{1 + (ns - T0) // NS_PER_DAY:02d}"


@pytest.mark.parametrize("since", ["", "2025-09-10"])
@pytest.mark.parametrize("by", list(GROUPS))
def test_rows_by_group_are_what_the_trades_make(
    history: sqlite3.Connection, by: Any, since: str
) -> None:
    """All episodes but those blocked for lack of data, on the day they closed, in their own R."""
    signals = {r["signal_id"]: dict(r) for r in history.execute("SELECT * FROM signal")}
    blocked: dict[str, list[float]] = {}
    taken: dict[str, list[float]] = {}
    net: dict[str, int] = {}
    clamped: dict[str, int] = {}
    for trade in map(dict, history.execute("SELECT * FROM trade WHERE net_e6 IS NOT NULL")):
        closed = day_of_ns(trade["closed_ns"])
        name = closed if by == "day" else trade[by]
        if "no_funding" in trade["flags"] or closed < since:
            continue
        if trade["cause"] == "clamp":
            clamped[name] = clamped.get(name, 0) + trade["net_e6"]
        elif trade["kind"] == "twin":
            taken.setdefault(name, []).append(trade["r"])
        elif trade["cause"] == "block" and not signals[trade["signal_id"]]["fail_closed"]:
            blocked.setdefault(name, []).append(trade["r"])
            net[name] = net.get(name, 0) + trade["net_e6"]
    counts: dict[str, list[int]] = {}
    for signal in signals.values():
        day = day_of_ns(signal["ts_ns"])
        if signal["verdict"] == "blocked" and day >= since:
            kind = 2 if signal["fail_closed"] else 0 if signal["sole"] else 1
            counts.setdefault(day if by == "day" else signal[by], [0, 0, 0])[kind] += 1
    found = {row.name: row for row in report(history, by=by, since=since).rows}
    assert list(found) == sorted({*blocked, *counts, *clamped})
    for name, row in found.items():
        sole, shared, closed_for_data = counts.get(name, [0, 0, 0])
        assert (row.group, row.verdict) == (by, NONE)
        assert (row.sole_blocked, row.shared_blocked) == (sole, shared)
        assert (row.blocked, row.fail_closed) == (sole + shared, closed_for_data)
        assert row.net_usd == pytest.approx(net.get(name, 0) / 1e6)
        assert row.clamped_usd == pytest.approx(clamped.get(name, 0) / 1e6)
        mine = blocked.get(name, [])
        assert row.episodes == len(mine)
        assert row.mean_r == (pytest.approx(sum(mine) / len(mine)) if mine else None)
        others = taken.get(name, [])
        assert row.taken_r == (pytest.approx(sum(others) / len(others)) if others else None)
        assert (row.shrunken_r is None) == (by == "day" or (not mine and row.shrunken_r is None))


def test_slices_are_drawn_to_what_they_have_in_common(history: sqlite3.Connection) -> None:
    rows = [row for row in report(history, by="bot").rows if row.episodes]
    assert len(rows) == 2
    lowest, highest = sorted(row.mean_r or 0.0 for row in rows)
    for row in rows:
        assert row.shrunken_r is not None and lowest <= row.shrunken_r <= highest
        assert row.shrunken_low is not None and row.shrunken_low < row.shrunken_r
        assert row.reason == "a slice has no verdict"


# A small one, in figures.


def test_an_episode_that_was_admitted_after_all_counts_with_its_own_r(tmp_path: Path) -> None:
    """Phantom: 10 bought at 100.01, sold at 100.49: 4.80 less 0.450045 and 0.452205 of fees.

    Later trade: 5 bought at 100.01, sold at 100.19: 0.90 less 0.225022 and 0.225428. By filter the
    money is the difference, 3.897750 - 0.449550.
    """
    stage = Stage()
    stage.book()
    stage.script(limit="fail")
    stage.signal(lots=1_000, stop=1.0, horizon_s=60)
    stage.books(3)
    stage.script(limit="pass")
    stage.signal(lots=500, stop=0.5, horizon_s=10)
    stage.books(5)
    stage.books(6, 100.2)
    assert len(stage.engine.branch.ledger.trades) == 1
    stage.books(60, 100.5)
    assert not stage.engine.branch.ledger.trades
    path = stage.finish(tmp_path / "gnomon.db")
    with closing(open_readonly(path)) as db:
        (row,) = report(db, by="filter").rows
        assert (row.sole_blocked, row.net_usd) == (1, pytest.approx(3.4482))
        assert row.mean_bps == pytest.approx(3.4482 / 1000.1 * 1e4)
        for by in GROUPS:
            (row,) = report(db, by=by).rows  # type: ignore[arg-type]
            assert (row.episodes, row.days, row.sole_blocked) == (1, 1, 1)
            assert row.net_usd == pytest.approx(3.89775)
            assert row.mean_r == pytest.approx(0.389775)
            assert row.taken_r == pytest.approx(0.17982)
            # One day has no spread to tell.
            assert (row.shrunken_low, row.verdict) == (None, NONE)


def test_what_a_cap_cut_off_is_shown_in_money_alone(tmp_path: Path) -> None:
    stage = Stage(filters={"cap": "enforce"})
    stage.book()
    stage.filters["cap"].room_e6 = 400 * 10**6
    stage.signal(lots=1_000, horizon_s=10)
    stage.books(20, 100.5)
    path = stage.finish(tmp_path / "gnomon.db")
    (rest,) = rows_of(path, "SELECT net_e6 FROM trade WHERE cause = 'clamp'")
    with closing(open_readonly(path)) as db:
        for by in ("filter", "division", "bot", "coin", "day"):
            (row,) = report(db, by=by).rows  # type: ignore[arg-type]
            assert row.clamped_usd == pytest.approx(rest["net_e6"] / 1e6)
            assert (row.blocked, row.sole_blocked, row.episodes, row.days) == (0, 0, 0, 0)
            assert (row.mean_r, row.net_usd) == (None, 0.0)


def test_refusals_for_want_of_data_are_outside_every_figure(tmp_path: Path) -> None:
    stage = Stage()
    stage.book()
    stage.script(limit="no_data")
    stage.signal(horizon_s=10)
    stage.books(20, 100.5)
    path = stage.finish(tmp_path / "gnomon.db")
    with closing(open_readonly(path)) as db:
        for by in ("filter", "division", "bot", "coin", "day"):
            (row,) = report(db, by=by).rows  # type: ignore[arg-type]
            assert row.fail_closed == 1
            assert (row.blocked, row.episodes, row.net_usd, row.mean_r) == (0, 0, 0.0, None)


def test_trades_that_lack_a_fact_are_in_no_group(tmp_path: Path) -> None:
    """A phantom, and what a cap cut off, open over an hour whose rate nobody knows."""
    stage = Stage(filters={"limit": "enforce", "cap": "enforce"}, now_ns=T0 + 3_590 * 10**9)
    stage.book()
    stage.filters["cap"].room_e6 = 400 * 10**6
    stage.signal(side=SELL, horizon_s=30)
    stage.script(limit="fail")
    stage.signal(side=BUY, horizon_s=30)
    stage.books(40, 100.5)
    forget(stage)
    path = stage.finish(tmp_path / "gnomon.db")
    flags = rows_of(path, "SELECT flags FROM trade")
    assert {r["flags"] for r in flags} == {"no_funding"}
    with closing(open_readonly(path)) as db:
        for by in ("filter", "division", "bot", "coin", "day"):
            found = report(db, by=by)  # type: ignore[arg-type]
            assert found.excluded == 1
            assert {row.episodes for row in found.rows} == {0}
            assert {(row.net_usd, row.clamped_usd) for row in found.rows} == {(0.0, 0.0)}


# Windows.


def test_a_window_has_what_closed_in_it(tmp_path: Path) -> None:
    stage = Stage(now_ns=T0 + (86_400 - 60) * 10**9)
    stage.book()
    stage.context(0.0)
    stage.script(limit="fail")
    stage.signal("alpha", horizon_s=20)
    stage.books(100, 100.5)
    stage.signal("alpha", SELL, horizon_s=10)
    stage.books(20, 100.5)
    path = stage.finish(tmp_path / "gnomon.db")
    with closing(open_readonly(path)) as db:
        for by in ("division", "bot", "coin"):
            (whole,) = report(db, by=by).rows  # type: ignore[arg-type]
            (part,) = report(db, by=by, since="2025-09-02").rows  # type: ignore[arg-type]
            assert (whole.episodes, part.episodes) == (2, 1)
            assert (whole.sole_blocked, part.sole_blocked) == (2, 1)
        (day,) = report(db, by="day", since="2025-09-02").rows
        assert (day.name, day.episodes) == ("2025-09-02", 1)
        (row,) = report(db, by="filter", since="2025-09-02").rows
        assert row.sole_blocked == 1
        assert report(db, by="filter", since="2025-09-03").rows[0].blocked == 0
        assert report(db, by="bot", since="2025-09-03").rows == []


# Slices, and the sums they are read from.


def test_sums_small_enough_for_years_are_those_of_the_rows(history: sqlite3.Connection) -> None:
    assert history.execute("SELECT COUNT(*) FROM slice_day").fetchone()[0] > 100
    assert [line for line in broken_promises(history) if "slice" in line or "rollup" in line] == []


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (
            "UPDATE slice_day SET entries = entries + 1 WHERE scope = 'blocked' AND by = 'coin'",
            "slice",
        ),
        ("UPDATE slice_day SET signals = signals + 1 WHERE scope = 'sole' AND by = 'bot'", "slice"),
        ("UPDATE slice_day SET r = r + 0.01 WHERE scope = 'twin' AND by = 'division'", "slice"),
        ("DELETE FROM slice_day WHERE scope = 'blocked'", "slice"),
        ("UPDATE rollup_day SET net_e6 = net_e6 + 1 WHERE scope = 'sole'", "a day's rollup"),
        ("DELETE FROM rollup_day WHERE scope = 'bias'", "a day's rollup"),
    ],
)
def test_sums_that_are_not_those_of_the_rows_are_told(
    history: sqlite3.Connection, tmp_path: Path, change: str, told: str
) -> None:
    path = tmp_path / "gnomon.db"
    with closing(sqlite3.connect(path)) as copy:
        history.backup(copy)
        copy.execute(change)
        copy.commit()
    with closing(open_readonly(path)) as db:
        assert any(told in line for line in broken_promises(db))


def test_an_older_database_gets_the_same_sums(history: sqlite3.Connection, tmp_path: Path) -> None:
    path = tmp_path / "gnomon.db"
    sums = ("rollup_day", "slice_day")
    with closing(sqlite3.connect(path)) as copy:
        history.backup(copy)
        as_version_9(copy)
    Store(path, mode="local", network="testnet").close()
    with closing(open_readonly(path)) as db:
        for name in sums:
            kept, made = (
                {tuple(row[:4]): tuple(row[4:]) for row in d.execute(f"SELECT * FROM {name}")}
                for d in (history, db)
            )
            live = {key: row for key, row in kept.items() if any(row)}
            assert live.keys() <= made.keys()
            for key, row in live.items():
                assert made[key] == pytest.approx(row), (name, key)


# The simulator's bias.

EXACT = [(3.0, 3.0)] * 25


@pytest.mark.parametrize(
    ("pairs", "bias_bps_max", "within"),
    [
        (EXACT, 2.0, True),
        ([(4.0, 3.0), (3.9, 3.0), (4.1, 3.0)], 2.0, True),
        ([(4.0, 3.0), (3.9, 3.0), (4.1, 3.0)], 1.0, False),
        ([(6.0, 3.0), (5.9, 3.0), (6.1, 3.0)], 2.0, False),
        ([(0.0, 3.0), (0.1, 3.0), (-0.1, 3.0)], 2.0, False),
        # Small on average, but nobody knows.
        ([(9.0, 3.0), (-3.0, 3.0), (3.1, 3.0)], 2.0, False),
        ([(3.1, 3.0)], 2.0, False),
        ([], 2.0, False),
        # A side that never filled earned nothing.
        ([(5.0, None), (5.0, None), (5.1, None)], 2.0, False),
        ([(None, 5.0), (None, 5.0), (None, 5.1)], 2.0, False),
        ([(None, None)] * 3 + EXACT, 2.0, True),
    ],
)
def test_no_verdict_while_the_bias_is_not_known_to_be_small(
    tmp_path: Path, pairs: list[tuple[Any, Any]], bias_bps_max: float, within: bool
) -> None:
    path = Planted().run(60).limit("guard", worked(60)).write(tmp_path / "gnomon.db", pairs)
    with closing(open_readonly(path)) as db:
        found = report(db, by="filter", bias_bps_max=bias_bps_max)
    assert found.bias.within == within
    assert found.bias.pairs == sum(1 for a, b in pairs if (a, b) != (None, None))
    assert found.rows[0].verdict == (PROTECTIVE if within else UNDETERMINED)


def test_the_bias_is_twin_minus_real_in_bps(tmp_path: Path) -> None:
    path = tmp_path / "gnomon.db"
    planted(path, [], [(4.0, 3.0), (2.5, 2.0)])
    with closing(open_readonly(path)) as db:
        bias = report(db, by="filter").bias
    # Two days: 0.75 plus or minus 12.706 x 0.25.
    assert (bias.pairs, bias.mean_bps) == (2, 0.75)
    assert (bias.low, bias.high) == pytest.approx((0.75 - 3.1766, 0.75 + 3.1766), abs=1e-3)


def test_in_paper_the_bias_is_exactly_nothing(history: sqlite3.Connection) -> None:
    bias = report(history, by="filter").bias
    closed = history.execute(
        "SELECT COUNT(*) FROM trade WHERE kind = 'twin' AND net_e6 IS NOT NULL"
    ).fetchone()[0]
    assert bias.pairs == closed > 20
    assert (bias.mean_bps, bias.low, bias.high, bias.within) == (0.0, 0.0, 0.0, True)


# The rest of the page.


def test_what_is_missing_is_counted_and_shown(tmp_path: Path) -> None:
    stage = Stage(bots=[Puppet("alpha"), Puppet("beta")])
    stage.book()
    stage.script(limit="fail")
    stage.signal("alpha")
    stage.wait(30)
    stage.second()
    stage.book()
    stage.signal("beta", horizon_s=7_200)
    stage.books(2)
    path = stage.finish(tmp_path / "gnomon.db")
    with closing(open_readonly(path)) as db:
        found = report(db, by="filter")
    assert (found.unavailable, found.excluded, found.open_phantoms) == (1, 0, 1)
    (row,) = found.rows
    assert (row.sole_blocked, row.left_out["open"]) == (2, 1)


@pytest.mark.parametrize("by", ["filter", "division", "bot", "coin", "day"])
def test_an_empty_database_makes_an_empty_report(tmp_path: Path, by: Any) -> None:
    path = tmp_path / "gnomon.db"
    Store(path, mode="local", network="testnet").close()
    with closing(open_readonly(path)) as db:
        found = report(db, by=by)
    assert found == empty(by, "")
    assert found.rows == []
    assert (found.bias.pairs, found.bias.within) == (0, False)
