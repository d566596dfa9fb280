from __future__ import annotations

import random
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from math import sqrt
from pathlib import Path
from typing import Any

import pytest
from scipy.special import stdtrit

from market.decision import BUY, SELL
from market.events import MS_PER_DAY, NS_PER_DAY
from shadow.report.report import empty, report
from shadow.report.row import ReportRow
from shadow.report.verdict import PROTECTIVE, RESTRICTIVE, UNDETERMINED
from shadow.store.store import Store, open_readonly
from tests.support.planted_sums import planted, sums
from tests.support.shadow import (
    T0,
    Key,
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


# Figures made by hand from the rows, to compare with.

Days = dict[str, tuple[int, float]]


def add(days: Days, day: str, entries: int, effect: float) -> None:
    n, total = days.get(day, (0, 0.0))
    days[day] = (n + entries, total + effect)


def interval(mean: float, errors: list[float]) -> tuple[float, float, float]:
    k = len(errors)
    half = float(stdtrit(k - 1, 0.975)) * sqrt(k / (k - 1) * sum(e * e for e in errors))
    return mean, mean - half, mean + half


def by_hand(blocked: Days, twins: Days) -> tuple[Any, Any]:
    days = sorted(day for day, (n, d) in blocked.items() if n or d)
    ns, ds = [blocked[day][0] for day in days], [blocked[day][1] for day in days]
    ms = [twins.get(day, (0, 0.0))[0] for day in days]
    bs = [twins.get(day, (0, 0.0))[1] for day in days]
    theta = sum(ds) / sum(ns)
    e = [(d - theta * n) / sum(ns) for d, n in zip(ds, ns, strict=True)]
    if not sum(ms):
        return interval(theta, e), None
    base = sum(bs) / sum(ms)
    f = [(b - base * m) / sum(ms) for b, m in zip(bs, ms, strict=True)]
    return interval(theta, e), interval(theta - base, [x - y for x, y in zip(e, f, strict=True)])


def twins_of(sums: dict[Key, Any], bots: set[str]) -> Days:
    twins: Days = {}
    for (day, _, _, scope, bot), (_, entries, r, _, _) in sums.items():
        if scope == "twin" and bot in bots:
            add(twins, day, entries, r)
    return twins


def assert_intervals(row: ReportRow, blocked: Days, twins: Days) -> None:
    theta, delta = by_hand(blocked, twins)
    assert (row.mean_r, row.ci_low, row.ci_high) == pytest.approx(theta, abs=1e-9)
    if delta is None:
        assert (row.delta_r, row.delta_low, row.delta_high) == (None, None, None)
        assert row.verdict == UNDETERMINED
        return
    assert (row.delta_r, row.delta_low, row.delta_high) == pytest.approx(delta, abs=1e-9)
    if row.days >= 20 and theta[2] < 0 and delta[2] < 0:
        assert row.verdict == PROTECTIVE
    elif row.days >= 20 and theta[1] > 0 and delta[1] > 0:
        assert row.verdict == RESTRICTIVE
    else:
        assert row.verdict == UNDETERMINED


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
def test_rows_by_filter_are_what_the_rows_of_the_database_make(
    history: sqlite3.Connection, since: str
) -> None:
    sums = {key: s for key, s in recomputed(history).items() if key[0] >= since}
    found = {(row.name, row.mode): row for row in report(history, by="filter", since=since).rows}
    assert set(found) == {(key[1], key[2]) for key in sums if key[1]}
    for (name, mode), row in found.items():
        mine = {key: s for key, s in sums.items() if key[1:3] == (name, mode)}
        count = {
            scope: sum(s[0] for key, s in mine.items() if key[3] == scope)
            for scope in ("sole", "shared", "fail_closed")
        }
        assert row.group == "filter"
        assert row.blocked == count["sole"] + count["shared"]
        assert (row.sole_blocked, row.shared_blocked) == (count["sole"], count["shared"])
        assert row.fail_closed == count["fail_closed"]
        blocked: Days = {}
        for key, (_, entries, r, _, _) in mine.items():
            if key[3] == "sole":
                add(blocked, key[0], entries, r)
        sole = [s for key, s in mine.items() if key[3] == "sole"]
        assert row.episodes == sum(s[1] for s in sole)
        assert row.days == sum(1 for n, d in blocked.values() if n or d)
        assert row.net_usd == pytest.approx(sum(s[4] for s in sole) / 1e6)
        cut = sum(s[4] for key, s in mine.items() if key[3] == "clamped")
        assert row.clamped_usd == pytest.approx(cut / 1e6)
        if not row.episodes:
            assert (row.mean_r, row.mean_bps, row.verdict) == (None, None, UNDETERMINED)
            continue
        assert row.mean_bps == pytest.approx(sum(s[3] for s in sole) / row.episodes)
        if row.days > 1:
            bots = {key[4] for key in mine if key[3] == "sole"}
            assert_intervals(row, blocked, twins_of(sums, bots))


def test_the_view_shows_the_same_as_the_report(history: sqlite3.Connection) -> None:
    rows = {(row.name, row.mode): row for row in report(history, by="filter").rows}
    view = {(v["filter"], v["mode"]): v for v in history.execute("SELECT * FROM shadow_report")}
    assert set(view) == set(rows)
    for key, row in rows.items():
        found = view[key]
        for name in ("blocked", "sole_blocked", "episodes", "days", "fail_closed"):
            assert found[name] == getattr(row, name), (key, name)
        for name in ("mean_bps", "mean_r"):
            assert found[name] == pytest.approx(getattr(row, name)), (key, name)
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


# By what the trades themselves say.

GROUPS = {
    "division": lambda t: t["division"],
    "bot": lambda t: t["bot"],
    "coin": lambda t: t["coin"],
    "day": lambda t: day_of_ns(t["decided_ns"]),
}


def day_of_ns(ns: int) -> str:
    return f"2025-09-{1 + (ns - T0) // NS_PER_DAY:02d}"


@pytest.mark.parametrize("since", ["", "2025-09-10"])
@pytest.mark.parametrize("by", list(GROUPS))
def test_rows_by_group_are_what_the_trades_make(
    history: sqlite3.Connection, by: Any, since: str
) -> None:
    """All episodes but those blocked for lack of data, whichever filters refused them."""
    sums = {key: s for key, s in recomputed(history).items() if key[0] >= since}
    signals = {r["signal_id"]: r for r in history.execute("SELECT * FROM signal")}
    trades = {r["trade_id"]: r for r in history.execute("SELECT * FROM trade")}
    days: dict[int, list[tuple[str, int]]] = {}
    for r in history.execute("SELECT * FROM trade_day ORDER BY day"):
        days.setdefault(r["trade_id"], []).append((r["day"], r["mtm_e6"]))
    blocked: dict[str, Days] = {}
    bots: dict[str, set[str]] = {}
    net: dict[str, int] = {}
    clamped: dict[str, int] = {}
    for trade in trades.values():
        name = GROUPS[by](trade)
        if by == "day" and name < since:
            continue
        mine = days.get(trade["trade_id"], [])
        later = trades.get(trade["later_trade_id"])
        if "no_funding" in trade["flags"] or (later and "no_funding" in later["flags"]):
            continue
        if trade["cause"] == "clamp":
            for day, mtm in mine:
                if day >= since:
                    clamped[name] = clamped.get(name, 0) + mtm
        if trade["cause"] != "block" or signals[trade["signal_id"]]["fail_closed"]:
            continue
        parts = [(day, mtm, int(i == 0)) for i, (day, mtm) in enumerate(mine)]
        parts += [(day, -mtm, 0) for day, mtm in days.get(trade["later_trade_id"], [])]
        for day, mtm, entry in parts:
            if day >= since:
                add(blocked.setdefault(name, {}), day, entry, mtm / trade["risk_e6"])
                bots.setdefault(name, set()).add(trade["bot"])
                net[name] = net.get(name, 0) + mtm
    counts: dict[str, list[int]] = {}
    for signal in signals.values():
        if signal["verdict"] == "blocked" and day_of_ns(signal["ts_ns"]) >= since:
            name = GROUPS[by]({**dict(signal), "decided_ns": signal["ts_ns"]})
            kind = 2 if signal["fail_closed"] else 0 if signal["sole"] else 1
            counts.setdefault(name, [0, 0, 0])[kind] += 1
    found = {row.name: row for row in report(history, by=by, since=since).rows}
    assert list(found) == sorted({*blocked, *counts, *clamped})
    for name, row in found.items():
        sole, shared, closed = counts.get(name, [0, 0, 0])
        assert (row.group, row.mode) == (by, "enforce")
        assert (row.sole_blocked, row.shared_blocked, row.fail_closed) == (sole, shared, closed)
        assert row.blocked == sole + shared
        assert row.net_usd == pytest.approx(net.get(name, 0) / 1e6)
        assert row.clamped_usd == pytest.approx(clamped.get(name, 0) / 1e6)
        effects = blocked.get(name, {})
        assert row.episodes == sum(n for n, _ in effects.values())
        if row.episodes and row.days > 1:
            assert_intervals(row, effects, twins_of(sums, bots[name]))


# A small one, in figures.


def test_an_episode_that_was_admitted_after_all_counts_the_difference(tmp_path: Path) -> None:
    """Phantom: 10 bought at 100.01, sold at 100.49: 4.80 less 0.450045 and 0.452205 of fees.

    Later trade: 5 bought at 100.01, sold at 100.19: 0.90 less 0.225022 and 0.225428.
    Effect 3.897750 - 0.449550 = 3.448200, in units of the phantom's risk of 10 x 1.00.
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
    nets = rows_of(path, "SELECT kind, net_e6, risk_e6 FROM trade WHERE kind <> 'twin'")
    assert [tuple(r.values()) for r in nets] == [
        ("phantom", 3_897_750, 10_000_000),
        ("paper", 449_550, 2_500_000),
    ]
    with closing(open_readonly(path)) as db:
        for by in ("filter", "division", "bot", "coin", "day"):
            (row,) = report(db, by=by).rows  # type: ignore[arg-type]
            assert (row.episodes, row.days, row.sole_blocked) == (1, 1, 1)
            assert row.net_usd == pytest.approx(3.4482)
            assert row.mean_r == pytest.approx(0.34482)
            assert row.mean_bps == pytest.approx(3.4482 / 1000.1 * 1e4)
            # One day has no interval, and infinity is no number for a table.
            assert (row.ci_low, row.ci_high, row.anytime_low) == (None, None, None)
            # The twin of the later trade: 0.449550 on a risk of 5 x 0.50.
            assert row.delta_r == pytest.approx(0.34482 - 0.17982)
            assert (row.verdict, row.clamped_usd) == (UNDETERMINED, 0.0)


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
            assert (row.mean_r, row.net_usd, row.verdict) == (None, 0.0, UNDETERMINED)


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


def test_an_episode_from_before_the_window_still_marks_in_it_but_is_no_entry(
    tmp_path: Path,
) -> None:
    stage = Stage(now_ns=T0 + (86_400 - 20) * 10**9)
    stage.book()
    stage.context(0.0)
    stage.script(limit="fail")
    stage.signal("alpha", horizon_s=60)
    stage.books(60, 100.5)
    stage.signal("alpha", SELL, horizon_s=10)
    stage.books(20, 100.5)
    path = stage.finish(tmp_path / "gnomon.db")
    with closing(open_readonly(path)) as db:
        for by in ("filter", "division", "bot", "coin"):
            (whole,) = report(db, by=by).rows  # type: ignore[arg-type]
            (part,) = report(db, by=by, since="2025-09-02").rows  # type: ignore[arg-type]
            assert (whole.episodes, part.episodes) == (2, 1)
            assert (whole.sole_blocked, part.sole_blocked) == (2, 1)
            days = rows_of(
                path, "SELECT SUM(mtm_e6) AS net FROM trade_day WHERE day > '2025-09-01'"
            )
            assert part.net_usd == pytest.approx(days[0]["net"] / 1e6)
        (day,) = report(db, by="day", since="2025-09-02").rows
        assert (day.name, day.episodes) == ("2025-09-02", 1)
        assert report(db, by="filter", since="2025-09-03").rows == []
        assert report(db, by="bot", since="2025-09-03").rows == []


# Verdicts from planted sums.


EXACT = [(3.0, 3.0)] * 25


def verdicts(path: Path, **how: Any) -> dict[tuple[str, str], str]:
    with closing(open_readonly(path)) as db:
        return {(r.name, r.mode): r.verdict for r in report(db, by="filter", **how).rows}


def test_each_filter_and_mode_gets_its_own_verdict(tmp_path: Path) -> None:
    path = tmp_path / "gnomon.db"
    planted(
        path,
        sums("guard", "enforce", "sole", -1.0)
        + sums("brake", "enforce", "sole", 1.0)
        + sums("noise", "enforce", "sole", -0.2)
        + sums("young", "enforce", "sole", -1.0, days=19)
        # The same name watched before it was enforced is a row of its own.
        + sums("guard", "observe", "sole", 1.0)
        # Neither of these may move a verdict.
        + sums("brake", "enforce", "shared", -90.0)
        + sums("guard", "enforce", "fail_closed", 90.0)
        + sums("guard", "enforce", "clamped", 90.0)
        + sums("", "admit", "twin", -0.2),
        EXACT,
    )
    assert verdicts(path) == {
        ("guard", "enforce"): PROTECTIVE,
        ("brake", "enforce"): RESTRICTIVE,
        ("noise", "enforce"): UNDETERMINED,
        ("young", "enforce"): UNDETERMINED,
        ("guard", "observe"): RESTRICTIVE,
    }
    assert set(verdicts(path, since="2025-09-10").values()) == {UNDETERMINED}


def test_a_filter_is_compared_with_the_twins_of_its_own_bots(tmp_path: Path) -> None:
    path = tmp_path / "gnomon.db"
    planted(
        path,
        sums("guard", "enforce", "sole", -1.0, bot="alpha")
        + sums("", "admit", "twin", -1.0, bot="alpha")
        + sums("", "admit", "twin", 9.0, bot="beta"),
        EXACT,
    )
    assert verdicts(path) == {("guard", "enforce"): UNDETERMINED}
    with closing(open_readonly(path)) as db:
        (row,) = report(db, by="filter").rows
    assert row.delta_r == pytest.approx(0.0)


# The simulator's bias.

GUARDED = sums("guard", "enforce", "sole", -1.0) + sums("", "admit", "twin", 0.5)


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
    path = tmp_path / "gnomon.db"
    planted(path, GUARDED, pairs)
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
    # Both were blocked; neither has an outcome by the end of a day yet.
    assert (row.sole_blocked, row.episodes) == (2, 0)


@pytest.mark.parametrize("by", ["filter", "division", "bot", "coin", "day"])
def test_an_empty_database_makes_an_empty_report(tmp_path: Path, by: Any) -> None:
    path = tmp_path / "gnomon.db"
    Store(path, mode="local", network="testnet").close()
    with closing(open_readonly(path)) as db:
        found = report(db, by=by)
    assert found == empty(by, "")
    assert found.rows == []
    assert (found.bias.pairs, found.bias.within) == (0, False)
