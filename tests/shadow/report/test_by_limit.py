from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import msgspec
import pytest
from msgspec import structs

from shadow.report import evidence
from shadow.report.by_limit import Limits, by_limit
from shadow.report.fold import JudgedDay
from shadow.report.folds import renewed
from shadow.report.row import NONE, ReportRow
from shadow.report.verdict import EQUIVALENT, PROTECTIVE, UNDETERMINED, decide
from shadow.store.rows import Rows
from shadow.store.store import Store, open_readonly
from tests.support.evidence import Signal, day_of, evidence_of, worked
from tests.support.measured_db import MONEY_E6, Planted

DAYS = 60


@contextmanager
def opened(planted: Planted, path: Path) -> Iterator[sqlite3.Connection]:
    with closing(open_readonly(planted.write(path / "gnomon.db"))) as db:
        yield db


def limits(planted: Planted, path: Path, since: str = "", **how: bool) -> Limits:
    with opened(planted, path) as db:
        return by_limit(db, since, bias_within=True, **how)


def only(planted: Planted, path: Path, since: str = "", **how: bool) -> ReportRow:
    (row,) = limits(planted, path, since, **how).rows
    return row


def guard(days: int = DAYS, **how: int) -> Planted:
    return Planted().run(days).limit("guard", worked(days), **how)


# One row a limit, two series in it.


def test_a_row_is_the_worked_example_of_the_verdict(tmp_path: Path) -> None:
    """Selection and value of sixty days, to six decimals, and what follows from them."""
    row = only(guard(), tmp_path)
    assert (row.name, row.series, row.series_number) == ("guard", "guard 1", 1)
    assert row.selection_r == pytest.approx(-0.557558, abs=1e-6)
    assert (row.selection_low, row.selection_high) == pytest.approx(
        (-0.691271, -0.416398), abs=1e-6
    )
    assert (row.selection_any_low, row.selection_any_high) == pytest.approx(
        (-0.858154, -0.127863), abs=1e-6
    )
    assert row.limit_now == pytest.approx(0.395006, abs=1e-6)
    assert row.n_eff == pytest.approx(53.729445, abs=1e-6)
    assert row.value_r_per_day == pytest.approx(0.991667, abs=1e-6)
    assert (row.value_low, row.value_high) == pytest.approx((0.606641, 1.376692), abs=1e-6)
    assert (row.value_any_low, row.value_any_high) == pytest.approx((0.219235, 1.653169), abs=1e-6)
    assert row.value_limit_now == pytest.approx(0.868991, abs=1e-6)
    assert row.value_usd == pytest.approx(59.5 * MONEY_E6 / 1e6)
    assert (row.verdict, row.episodes, row.days, row.days_to_go) == (PROTECTIVE, 155, 60, 0)
    assert row.sentence == decide("guard", worked(DAYS)).sentence


def test_mean_r_is_the_own_r_of_what_was_blocked_and_taken_r_that_of_the_rest(
    tmp_path: Path,
) -> None:
    row = only(guard(), tmp_path)
    judged = worked(DAYS).judged
    blocked, r = sum(d.blocked for d in judged), sum(d.blocked_r for d in judged)
    assert row.mean_r == pytest.approx(r / blocked)
    rest = sum(d.judged_r for d in judged) - r
    assert row.judged == sum(d.judged for d in judged)
    assert row.taken_r == pytest.approx(rest / (row.judged - blocked))


def test_no_verdict_while_the_bias_is_not_known_to_be_small(tmp_path: Path) -> None:
    with opened(guard(), tmp_path) as db:
        (row,) = by_limit(db, "", bias_within=False).rows
    assert (row.verdict, row.selection_r) == (UNDETERMINED, pytest.approx(-0.557558, abs=1e-6))
    assert "bias" in row.reason and row.sentence.startswith("No verdict")


def test_rows_of_days_to_come_are_provisional(tmp_path: Path) -> None:
    planted = Planted().run(40).limit("guard", worked(60))
    row = only(planted, tmp_path)
    later = sum(d.blocked for d in worked(60).judged if d.day >= day_of(40))
    assert (row.days, row.provisional) == (40, later)
    assert row.episodes == 155 - later
    # Of the desks, too, only days that have ended.
    assert row.value_usd == pytest.approx(
        sum(v.r or 0.0 for v in worked(40).value) * MONEY_E6 / 1e6
    )


def test_a_series_without_rows_says_so(tmp_path: Path) -> None:
    planted = Planted().run(3).limit("fresh", worked(0, through=day_of(0)))
    row = only(planted, tmp_path)
    assert (row.verdict, row.episodes, row.selection_r, row.value_usd) == (
        UNDETERMINED, 0, None, None,
    )  # fmt: skip
    assert row.sentence == "It has not blocked anything yet."
    planted.counted("fresh", "enforce", "shared", day=1, signals=12)
    row = only(planted, tmp_path / "later")
    assert row.blocked == 12
    assert row.sentence == "None of its own blocks has closed yet."


@pytest.mark.parametrize("kind", ["observed", "enforced"])
def test_value_is_of_the_desks_of_its_mode_and_missing_data_stands_apart(
    tmp_path: Path, kind: str
) -> None:
    planted = Planted().run(DAYS).limit("guard", worked(DAYS), kind=kind, missing_e6=-500_000)
    row = only(planted, tmp_path)
    assert row.missing_data_usd == pytest.approx(-0.5 * DAYS)
    assert row.value_r_per_day == pytest.approx(0.991667, abs=1e-6)
    assert row.mode == {"observed": "enforce", "enforced": "observe"}[kind]
    assert only(guard(), tmp_path / "other").missing_data_usd is None


def test_before_its_first_day_a_limit_s_mode_is_that_of_its_living_branch(tmp_path: Path) -> None:
    path = Planted().run(3).limit("fresh", worked(0, through=day_of(0))).write(tmp_path / "g.db")
    with closing(sqlite3.connect(path)) as db:
        db.execute("INSERT INTO branch VALUES (9999, 'fresh', 'data', 'fresh 1', 0, NULL, 'first')")
        db.execute(
            "INSERT INTO branch VALUES (9998, 'fresh', 'observed', 'fresh 1', 0, NULL, 'first')"
        )
        db.commit()
    with closing(open_readonly(path)) as db:
        (row,) = by_limit(db, "", bias_within=True).rows
    assert (row.mode, row.value_usd) == ("enforce", None)


def test_a_value_that_is_not_known_in_r_is_known_in_money(tmp_path: Path) -> None:
    blind = structs.replace(
        worked(DAYS), value=[structs.replace(day, r=None) for day in worked(DAYS).value]
    )
    row = only(Planted().run(DAYS).limit("guard", blind), tmp_path)
    assert (row.value_r_per_day, row.verdict) == (None, UNDETERMINED)
    assert row.value_usd == 0.0


def test_tails_are_of_the_two_desks(tmp_path: Path) -> None:
    row = only(guard(), tmp_path)
    days = [(v.r or 0.0) * MONEY_E6 / 1e6 for v in worked(DAYS).value]
    assert row.worst_day_with_usd == pytest.approx(min(days))
    assert row.cvar_with_usd == pytest.approx(sum(sorted(days)[:3]) / 3)
    assert (row.worst_day_without_usd, row.drawdown_without_usd) == (0.0, 0.0)
    assert row.drawdown_with_usd is not None and row.drawdown_with_usd > 0.0
    assert (row.under_water_without_days, (row.under_water_with_days or 0) > 0) == (0, True)


# Which series.


def two_series() -> Planted:
    planted = Planted().run(DAYS).limit("guard", worked(30), number=1)
    return planted.limit("guard", worked(DAYS), number=2)


def test_the_running_series_is_shown_and_the_older_on_demand(tmp_path: Path) -> None:
    with opened(two_series(), tmp_path) as db:
        (row,) = by_limit(db, "", bias_within=True).rows
        new, old = by_limit(db, "", bias_within=True, everything=True).rows
    assert (row.series, row.series_number) == ("guard 2", 2) == (new.series, new.series_number)
    assert (old.series, old.mode, old.days) == ("guard 1", "ended", DAYS)
    assert old.episodes < new.episodes
    assert any("series 2 of this limit" in warning for warning in new.warnings)


def test_terms_that_came_back_run_on_in_their_first_series(tmp_path: Path) -> None:
    planted = two_series()
    planted.rows.spells.append(structs.replace(planted.rows.spells[0], from_seq=9))
    assert only(planted, tmp_path).series == "guard 1"


# What is counted, and what is left out.


def test_what_is_left_out_stands_by_reason_with_the_commonest_companion(tmp_path: Path) -> None:
    planted = guard()
    for reason, count in (
        ("no_data", 3), ("unfunded", 2), ("joint", 7), ("joint:other", 2), ("joint:third", 5),
    ):  # fmt: skip
        planted.counted("guard", "left_out", reason, day=1, entries=count)
    row = only(planted, tmp_path)
    assert row.left_out == {"joint": 7, "no_data": 3, "unfunded": 2}
    assert row.companion == "third"


def test_open_episodes_that_a_limit_judged_are_left_out(tmp_path: Path) -> None:
    path = guard().write(tmp_path / "gnomon.db")
    store = Store(path, mode="local", network="testnet")
    state = {"series": {"known": [{"filter": "other"}, {"filter": "guard"}]}}
    state |= {"trade/1": {"judged": [0, 1]}, "trade/2": {"judged": [1]}, "trade/3": {"judged": []}}
    store.write(Rows(), {key: msgspec.json.encode(value).decode() for key, value in state.items()})
    store.close()
    with closing(open_readonly(path)) as db:
        row = by_limit(db, "", bias_within=True).rows[0]
    assert (row.name, row.left_out) == ("guard", {"open": 2})


def test_rules_stand_apart_with_counts_and_no_verdict(tmp_path: Path) -> None:
    planted = guard().counted("halt", "enforce", "shared", day=9, signals=4)
    planted.counted("guard", "observe", "sole", day=8, signals=1)
    planted.counted("guard", "enforce", "sole", day=9, signals=2, entries=1, net_e6=-3_000_000)
    found = limits(planted, tmp_path)
    (row,), (rule,) = found.rows, found.rules
    assert (row.mode, row.sole_blocked, row.net_usd) == ("enforce", 3, -3.0)
    assert (rule.name, rule.blocked, rule.verdict) == ("halt", 4, NONE)


def test_a_filter_of_a_time_before_series_waits_for_its_own(tmp_path: Path) -> None:
    planted = guard().counted("old", "enforce", "sole", day=-400, signals=4)
    found = limits(planted, tmp_path)
    assert [row.name for row in found.rows] == ["guard", "old"] and found.rules == []
    assert found.rows[1].reason == "its series has not begun yet"
    assert found.rows[1].verdict == UNDETERMINED


# Order, and the coin.


def nothing(days: int = DAYS) -> list[Signal]:
    """Return signals of which a fourth are blocked, by no rule, and none is worth anything."""
    return [
        Signal(day, bot, (-1.0) ** (day + number // 4), number % 4 == day % 4)
        for day in range(days)
        for bot in ("x", "y")
        for number in range(8)
    ]


def test_what_is_decided_comes_first_and_the_coin_last_and_on_every_row(tmp_path: Path) -> None:
    coin = evidence_of(nothing(), [0.01, -0.01] * (DAYS // 2), through=day_of(DAYS - 1))
    planted = Planted().run(DAYS).limit("control", coin)
    planted.limit("young", worked(5)).limit("guard", worked(DAYS))
    found = limits(planted, tmp_path).rows
    assert [row.name for row in found] == ["guard", "young", "control"]
    assert found[2].verdict == EQUIVALENT
    assert found[2].selection_r is not None
    for row in found:
        assert row.control_r == found[2].selection_r
        assert (row.control_low, row.control_high) == (
            found[2].selection_low, found[2].selection_high,
        )  # fmt: skip


def test_a_plain_limit_stands_beside_each_and_may_be_the_better_one(tmp_path: Path) -> None:
    """It judged the same signals, and blocked others of them."""
    better = [s._replace(r=s.r + 0.3 * (s.day % 3) * s.blocked) for s in nothing()]
    plain = evidence_of(better, through=day_of(DAYS - 1))
    planted = guard().plainly("guard", plain)
    row = only(planted, tmp_path)
    alone = only(Planted().run(DAYS).limit("coin", plain), tmp_path / "alone")
    assert row.rv_z_r is not None and row.rv_z_r == alone.selection_r != row.selection_r
    assert (row.rv_z_low, row.rv_z_high) == (alone.selection_low, alone.selection_high)
    assert only(guard(), tmp_path / "none").rv_z_r is None
    with closing(open_readonly(tmp_path / "gnomon.db")) as db:
        (window,) = by_limit(db, day_of(20), bias_within=True).rows
    assert window.rv_z_r is not None and window.rv_z_r != row.rv_z_r


# Windows, and folds.


def test_a_window_is_one_look_and_the_verdict_that_of_the_whole_series(tmp_path: Path) -> None:
    with opened(guard(), tmp_path) as db:
        (row,) = by_limit(db, day_of(20), bias_within=True).rows
        (whole,) = by_limit(db, "", bias_within=True).rows
    assert (row.verdict, row.sentence) == (whole.verdict, whole.sentence)
    assert row.selection_r is not None and row.selection_r != whole.selection_r
    assert (row.selection_any_low, row.value_any_high, row.limit_now) == (None, None, None)
    assert row.episodes == sum(d.blocked for d in worked(DAYS).judged if d.day >= day_of(20))
    assert row.value_usd == pytest.approx(
        sum(v.r or 0.0 for v in worked(DAYS).value if v.day >= day_of(20)) * MONEY_E6 / 1e6
    )
    assert row.days == 40


@pytest.mark.parametrize("since", ["", day_of(20), day_of(58)])
@pytest.mark.parametrize("ended", [30, DAYS])
def test_folds_change_nothing_but_the_time_it_takes(tmp_path: Path, since: str, ended: int) -> None:
    plain = evidence_of([s._replace(r=s.r + 0.1 * s.day) for s in nothing()])
    first = Planted().run(ended).limit("guard", worked(DAYS)).plainly("guard", plain)
    path = first.write(tmp_path / "gnomon.db")
    with closing(open_readonly(path)) as db:
        folds = renewed(db)
    assert folds
    store = Store(path, mode="local", network="testnet")
    store.keep(folds)
    # Days that end after the fold was made.
    store.write(Rows(left_out=Planted().run(DAYS).rows.left_out[ended:]))
    store.close()
    with closing(open_readonly(path)) as db:
        quick = by_limit(db, since, bias_within=True)
        counts = len(read_rows(db, since))
    with closing(sqlite3.connect(path)) as db:
        db.execute("DELETE FROM limit_fold")
        db.commit()
    with closing(open_readonly(path)) as db:
        assert by_limit(db, since, bias_within=True) == quick
        assert len(read_rows(db, since)) > counts


def read_rows(db: sqlite3.Connection, since: str) -> list[JudgedDay]:
    """Return the day rows that a report reads."""
    found: list[JudgedDay] = []
    original = evidence.day_rows

    def spy(*words: Any, **how: Any) -> Iterator[JudgedDay]:
        rows = list(original(*words, **how))
        found.extend(rows)
        return iter(rows)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(evidence, "day_rows", spy)
        by_limit(db, since, bias_within=True)
    return found


def test_days_that_are_not_all_kept_are_worked_out_anew(tmp_path: Path) -> None:
    path = guard().write(tmp_path / "gnomon.db")
    with closing(open_readonly(path)) as db:
        before = by_limit(db, day_of(20), bias_within=True)
        folds = renewed(db)
    store = Store(path, mode="local", network="testnet")
    store.keep(folds)
    store.close()
    with closing(sqlite3.connect(path)) as db:
        db.execute("DELETE FROM choice_day WHERE day = ?", (day_of(30),))
        db.commit()
    with closing(open_readonly(path)) as db:
        assert by_limit(db, day_of(20), bias_within=True) == before
