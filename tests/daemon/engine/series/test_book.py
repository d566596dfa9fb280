from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import msgspec
import pytest

from daemon.engine import snapshot
from daemon.engine.outcome import Outbox
from daemon.engine.series.book import TWINS_MAX, TWINS_MIN, SeriesBook, SeriesState, lack_of
from daemon.engine.series.terms import Terms
from market.decision import BUY, SELL, Check, Proposal, TradeKind, Verdict
from market.desk import DeskView
from market.events import NS_PER_DAY, NS_PER_S
from shadow.ledger.trade import Trade, TradeState
from shadow.store.check import broken_promises
from shadow.store.tables.limits import LimitDayRow
from tests.support.shadow import T0, Puppet, Scripted, Stage, make_trade, quoted, rows_of

DAY_S = 86_400
FIRST, DUE = "2025-09-01", "2025-09-15"
TWO = {"limit": "enforce", "other": "enforce"}


def judged(stage: Stage) -> set[tuple[str, int, int]]:
    """Return, by limit, how many outcomes count and how many of them it blocked."""
    found: dict[str, list[int]] = {}
    for row in stage.rows.limit_days:
        sums = found.setdefault(row.filter, [0, 0])
        sums[0] += row.judged
        sums[1] += row.blocked
    return {(name, *sums) for name, sums in found.items()}  # type: ignore[misc]


def left_out(stage: Stage) -> dict[tuple[str, str], int]:
    """Return how many episodes were left out by limit and reason."""
    found: dict[tuple[str, str], int] = {}
    for row in stage.rows.left_out:
        if row.mode == "left_out":
            key = row.filter, row.scope
            found[key] = found.get(key, 0) + row.entries
    return found


def episode(stage: Stage, bot: str = "alpha", side: int = BUY, **says: Any) -> int | None:
    """Let one episode open and close."""
    stage.script(**{**dict.fromkeys(stage.filters, "pass"), **says})
    found = stage.signal(bot, side, horizon_s=3)
    stage.books(8)
    return found


def whole(stage: Stage, tmp_path: Path) -> Path:
    """Write the database and see that all of it is true."""
    path = stage.finish(tmp_path / "gnomon.db")
    with closing(sqlite3.connect(path)) as db:
        assert broken_promises(db) == []
    return path


# Who is judged.


def test_an_admitted_signal_is_judged_by_all_with_the_net_of_its_twin(tmp_path: Path) -> None:
    stage = quoted(filters={**TWO, "watch": "observe"})
    signal_id = episode(stage)
    assert judged(stage) == {("limit", 1, 0), ("other", 1, 0), ("watch", 1, 0)}
    path, query = whole(stage, tmp_path), "SELECT * FROM trade WHERE kind = 'twin'"
    (twin,) = rows_of(path, f"{query} AND signal_id = ?", signal_id)
    (kept,) = rows_of(path, "SELECT * FROM limit_day WHERE filter = 'limit'")
    assert kept["judged_r"] == kept["best_r"] == kept["worst_r"] == twin["r"]
    assert (kept["day"], kept["bot"], kept["sample"]) == (DUE, "alpha", "clean")


def test_what_one_limit_alone_refused_is_judged_by_it_alone(tmp_path: Path) -> None:
    stage = quoted(filters={**TWO, "watch": "observe"})
    episode(stage, limit="fail", watch="fail")
    assert judged(stage) == {("limit", 1, 1)}
    assert left_out(stage) == {("watch", "joint"): 1, ("watch", "joint:limit"): 1}
    whole(stage, tmp_path)


def test_of_several_that_refused_none_judges_and_each_names_the_others(tmp_path: Path) -> None:
    stage = quoted(filters={**TWO, "third": "enforce"})
    episode(stage, limit="fail", other="fail")
    assert judged(stage) == set()
    assert left_out(stage) == {
        ("limit", "joint"): 1,
        ("limit", "joint:other"): 1,
        ("other", "joint"): 1,
        ("other", "joint:limit"): 1,
    }
    whole(stage, tmp_path)


def test_a_limit_that_lacked_data_judges_nothing_and_nor_do_those_beside_it(tmp_path: Path) -> None:
    stage = quoted(filters={**TWO, "watch": "observe"})
    episode(stage, limit="no_data")
    assert judged(stage) == set()
    assert left_out(stage) == {("limit", "no_data"): 1}
    episode(stage, "alpha", SELL, watch="no_data")
    assert judged(stage) == {("limit", 1, 0), ("other", 1, 0)}
    assert left_out(stage) == {("limit", "no_data"): 1, ("watch", "no_data"): 1}
    whole(stage, tmp_path)


def test_an_observer_blocks_what_it_would_have_blocked(tmp_path: Path) -> None:
    stage = quoted(filters={**TWO, "watch": "observe"})
    episode(stage, watch="fail")
    assert judged(stage) == {("limit", 1, 0), ("other", 1, 0), ("watch", 1, 1)}
    whole(stage, tmp_path)


def test_repeats_and_joins_are_never_judged(tmp_path: Path) -> None:
    stage = quoted(filters=TWO)
    stage.script(limit="fail")
    assert stage.signal(horizon_s=20) is not None
    stage.books(2)
    assert stage.signal() is None, "a repeat"
    stage.script(limit="pass", other="fail")
    assert stage.signal() is not None, "a row that joins the phantom"
    stage.books(30)
    assert judged(stage) == {("limit", 1, 1)}
    whole(stage, tmp_path)


class Cutting(Scripted):
    """Filter whose raised alarm leaves half of the size."""

    def check(self, proposal: Proposal, view: DeskView) -> Check:
        if self.say == "pass":
            return self.passed(0.5, 1.0)
        check = self.passed(2.0, 1.0, proposal.notional_e6 // 2)
        check.cuts = True
        return check


def test_a_raised_alarm_that_only_cuts_counts_as_blocking_and_a_full_cap_does_not(
    tmp_path: Path,
) -> None:
    alarm = Cutting("alarm")
    stage = quoted(filters={"cap": "enforce"}, real=[alarm])
    alarm.say = "fail"
    stage.filters["cap"].room_e6 = 400 * 10**6
    signal_id = stage.signal(horizon_s=3)
    stage.books(8)
    assert judged(stage) == {("alarm", 1, 1), ("cap", 1, 0)}
    path = whole(stage, tmp_path)
    kept = rows_of(path, "SELECT filter, outcome FROM check_result WHERE signal_id = ?", signal_id)
    assert [tuple(row.values()) for row in kept] == [("alarm", "pass")], "it stands with the check"


def test_bots_that_are_not_admitted_are_judged_by_nobody(tmp_path: Path) -> None:
    stage = quoted(bots=[Puppet("alpha")], staged=["alpha"], filters=TWO)
    episode(stage)
    episode(stage, side=SELL, limit="fail")
    assert judged(stage) == set() and left_out(stage) == {}
    whole(stage, tmp_path)


def test_without_the_shadow_nothing_is_judged(tmp_path: Path) -> None:
    stage = quoted(filters=TWO, shadow=False)
    episode(stage)
    episode(stage, side=SELL, limit="fail")
    assert stage.rows.limit_days == [] and left_out(stage) == {}
    assert len(stage.engine.series.state.risks_e6) == 1, "its own trade stands in for the twin"
    whole(stage, tmp_path)


# What has no outcome that counts.


@pytest.mark.parametrize(
    ("flags", "reason", "lack"),
    [
        (["no_funding"], "stop", "unfunded"),
        (["suspect_price"], "stop", "suspect"),
        (["wound_down"], "wound_down", "wound_down"),
        ([], "UNAVAILABLE", "no_book"),
        (["cancelled"], "UNAVAILABLE", "called_off"),
        (["gap"], "stop", ""),
    ],
)
def test_what_a_trade_lacks_is_named(flags: list[str], reason: str, lack: str) -> None:
    trade = make_trade()
    trade.flags, trade.exit_reason, trade.risk_e6 = flags, reason, 10**7
    assert lack_of(trade) == lack


def test_an_entry_that_met_no_book_is_left_out(tmp_path: Path) -> None:
    stage = quoted(filters=TWO)
    stage.script(limit="fail")
    stage.signal()
    for _ in range(30):
        stage.wait(1)
        stage.second()
    assert left_out(stage) == {("limit", "no_book"): 1} and judged(stage) == set()
    whole(stage, tmp_path)


def test_a_trade_that_risked_nothing_has_no_r_and_is_refused() -> None:
    book, out = book_of("limit")
    trade = closed_trade()
    trade.judged, trade.risk_e6 = (0,), 0
    book.final(trade)
    assert out.rows.limit_days == []
    assert [(row.scope, row.entries) for row in out.rows.left_out] == [("no_risk", 1)]


# When outcomes count.


def book_of(*limits: str, delay_days: int = 14, now_ns: int = T0) -> tuple[SeriesBook, Outbox]:
    out = Outbox()
    out.vitals.now_ns = out.vitals.venue_ns = now_ns
    terms = Terms({name: f'{{"filter":"{name}"}}' for name in limits}, delay_days)
    book = SeriesBook(terms, out, shadow=True)
    book.begin(fresh=True)
    return book, out


def closed_trade(close_s: float = 10.0, *flags: str) -> Trade:
    trade = make_trade(kind=TradeKind.TWIN)
    trade.state, trade.exit_reason, trade.flags = TradeState.CLOSED, "target", list(flags)
    trade.closed_ns = T0 + round(close_s * NS_PER_S)
    trade.risk_e6, trade.exit_notional_e6, trade.judged = 10**7, 5 * 10**6, (0,)
    return trade


@pytest.mark.parametrize(
    ("close_s", "day"),
    [(10, DUE), (13 * DAY_S, DUE), (14 * DAY_S + 5, DUE), (15 * DAY_S, "2025-09-16")],
)
def test_an_outcome_counts_fourteen_days_after_its_signal_or_when_it_closed(
    close_s: float, day: str
) -> None:
    book, out = book_of("limit")
    trade = closed_trade(close_s)
    out.vitals.now_ns = trade.closed_ns
    book.final(trade)
    (row,) = out.rows.limit_days
    assert (row.day, row.sample, row.judged_r) == (day, "clean", 0.5)
    assert out.rows.final_days == []


def test_what_became_final_on_a_later_day_counts_no_sooner() -> None:
    book, out = book_of("limit", delay_days=2)
    trade = closed_trade(10, "repaired")
    out.vitals.now_ns = T0 + 3 * NS_PER_DAY
    book.final(trade)
    (row,) = out.rows.limit_days
    assert (row.day, row.sample) == ("2025-09-04", "repaired")
    assert [(found.trade_id, found.day) for found in out.rows.final_days] == [
        (trade.trade_id, "2025-09-04")
    ]


def seconds(stage: Stage, count: int) -> None:
    """Let seconds pass in big steps that still count as run."""
    for _ in range(count // 5):
        stage.wait(5)
        stage.second()


@pytest.fixture
def ends(tmp_path: Path) -> Iterator[Stage]:
    """A stage with one outcome due on the first day, an hour before its middle."""
    stage = Stage(filters={"limit": "enforce"}, now_ns=T0 + 1, delay_days=0)
    stage.open_store(tmp_path / "gnomon.db")
    stage.up()
    stage.book()
    stage.signal(horizon_s=3)
    stage.books(8)
    yield stage
    assert stage.store is not None
    stage.commit()
    stage.store.close()
    with closing(sqlite3.connect(tmp_path / "gnomon.db")) as db:
        assert broken_promises(db) == []


def days_of(stage: Stage) -> list[tuple[str, int]]:
    stage.commit()
    assert stage.store is not None
    return [
        tuple(row.values())  # type: ignore[misc]
        for row in rows_of(stage.store.path, "SELECT day, SUM(judged) FROM limit_day GROUP BY day")
    ]


def test_what_is_due_on_a_day_that_was_run_half_stays_there(ends: Stage) -> None:
    seconds(ends, DAY_S // 2)
    ends.now_ns = T0 + NS_PER_DAY
    ends.second()
    assert days_of(ends) == [(FIRST, 1)]


def test_what_is_due_on_a_day_that_was_not_moves_to_the_next_that_was(ends: Stage) -> None:
    seconds(ends, DAY_S // 2 - 60)
    assert days_of(ends) == [(FIRST, 1)], "the day has not ended"
    ends.now_ns = T0 + 4 * NS_PER_DAY + NS_PER_S
    ends.up()
    ends.second()
    assert days_of(ends) == [("2025-09-05", 1)], "three days more were not run at all"
    seconds(ends, 60)
    ends.now_ns = T0 + 5 * NS_PER_DAY
    ends.second()
    assert days_of(ends) == [("2025-09-06", 1)]


def test_halted_hours_are_not_run(ends: Stage) -> None:
    ends.command("halt")
    seconds(ends, DAY_S * 3 // 4)
    ends.now_ns = T0 + NS_PER_DAY
    ends.second()
    assert days_of(ends) == [("2025-09-02", 1)]


def test_days_latched_at_the_peak_count_for_the_limit_that_latches_alone(tmp_path: Path) -> None:
    stage = quoted(filters={"limit": "enforce", "drawdown": "enforce"}, delay_days=0)
    stage.up()
    episode(stage)
    stage.open_store(tmp_path / "gnomon.db")
    stage.engine.branch.desk.latched = "loss from the peak 11.00% of 10.00%"
    seconds(stage, DAY_S * 3 // 4)
    stage.now_ns = T0 + NS_PER_DAY
    stage.second()
    stage.commit()
    found = rows_of(tmp_path / "gnomon.db", "SELECT filter, day FROM limit_day ORDER BY filter")
    assert [tuple(row.values()) for row in found] == [
        ("drawdown", FIRST),
        ("limit", "2025-09-02"),
    ]
    with closing(sqlite3.connect(tmp_path / "gnomon.db")) as db:
        assert [line for line in broken_promises(db) if "limit_day" in line] == []


# Series.


def series_of(stage: Stage) -> dict[str, tuple[str, int, int]]:
    """Return id, number and beginning of each running series."""
    book, found = stage.engine.series, {}
    for name in stage.filters:
        series = book.of(name)
        if series is not None:
            found[name] = (series.series_id, series.number, series.from_ns)
    return found


def test_a_fresh_desk_s_series_begin_with_its_first_event() -> None:
    stage = Stage(filters=TWO, now_ns=T0 + 7 * NS_PER_S)
    assert series_of(stage) == {}
    stage.book()
    assert {(number, ns) for _, number, ns in series_of(stage).values()} == {(1, T0 + 7 * NS_PER_S)}
    assert [(row.filter, row.from_seq) for row in stage.rows.spells] == [("limit", 1), ("other", 1)]
    stage.books(5)
    assert len(stage.rows.series) == 2


@pytest.fixture
def stored(tmp_path: Path) -> Stage:
    stage = quoted(filters=TWO)
    stage.open_store(tmp_path / "gnomon.db")
    episode(stage)
    stage.commit()
    return stage


def sound(stage: Stage) -> list[dict[str, Any]]:
    """Return all series once everything written is seen to be true."""
    stage.commit()
    assert stage.store is not None
    with closing(sqlite3.connect(stage.store.path)) as db:
        assert broken_promises(db) == []
    return rows_of(stage.store.path, "SELECT * FROM series ORDER BY filter, number")


def test_a_restart_inside_a_day_changes_nothing(stored: Stage) -> None:
    before = series_of(stored)
    after = stored.restart(30)
    after.book()
    assert series_of(after) == before
    assert (after.rows.series, after.rows.spells) == ([], [])
    episode(after)
    assert judged(after) == {("limit", 1, 0), ("other", 1, 0)}
    assert len(sound(after)) == 2


def test_observing_and_enforcing_are_one_series(stored: Stage) -> None:
    before = series_of(stored)
    after = stored.restart(30, {"limit": "observe", "other": "enforce"})
    after.book()
    assert series_of(after) == before
    episode(after, limit="fail")
    assert judged(after) == {("limit", 1, 1), ("other", 1, 0)}
    sound(after)


def test_a_changed_limit_begins_anew_at_midnight_and_splits_no_other(stored: Stage) -> None:
    before = series_of(stored)
    after = stored.restart(30, tuned="limit")
    after.book()
    found = series_of(after)
    assert found["other"] == before["other"]
    assert found["limit"][0] != before["limit"][0]
    assert found["limit"][1:] == (2, T0 + NS_PER_DAY)
    episode(after)
    assert judged(after) == {("other", 1, 0)}, "earlier signals are not judged by it"
    after.now_ns = T0 + NS_PER_DAY
    after.book()
    episode(after)
    assert judged(after) == {("other", 2, 0), ("limit", 1, 0)}
    back = [row["number"] for row in sound(after) if row["filter"] == "limit"]
    assert back == [1, 2]


def test_what_was_tried_and_taken_back_goes_on_as_the_series_it_was(stored: Stage) -> None:
    before = series_of(stored)
    tried = stored.restart(30, tuned="limit")
    tried.book()
    tried.commit()
    after = tried.restart(30)
    after.book()
    assert series_of(after) == before
    assert [(row.filter, row.series_id) for row in after.rows.spells] == [
        ("limit", before["limit"][0])
    ]
    episode(after)
    assert judged(after) == {("limit", 1, 0), ("other", 1, 0)}
    sound(after)


def test_a_limit_that_is_off_judges_nothing_and_goes_on_when_it_is_on_again(stored: Stage) -> None:
    before = series_of(stored)
    off = stored.restart(30, {"limit": "off", "other": "enforce"})
    off.book()
    assert series_of(off) == {"other": before["other"]}
    assert [(row.filter, row.series_id) for row in off.rows.spells] == [("limit", "")]
    episode(off)
    assert judged(off) == {("other", 1, 0)}
    off.commit()
    on = off.restart(30, TWO)
    on.book()
    assert series_of(on) == before
    episode(on)
    assert judged(on) == {("limit", 1, 0), ("other", 1, 0)}
    sound(on)


def test_a_limit_switched_on_on_the_way_begins_at_midnight(stored: Stage) -> None:
    after = stored.restart(30, {**TWO, "late": "observe"})
    after.book()
    assert series_of(after)["late"][1:] == (1, T0 + NS_PER_DAY)
    episode(after)
    assert judged(after) == {("limit", 1, 0), ("other", 1, 0)}
    sound(after)


def test_an_older_state_that_knows_no_series_begins_them_at_midnight(stored: Stage) -> None:
    state = msgspec.json.decode(snapshot.whole(stored.engine))
    del state["series"], state["vitals"]["uptime"]
    for trade in state["trades"]:
        del trade["judged"], trade["blocked"]
    other = Stage(filters=TWO, now_ns=stored.now_ns)
    snapshot.restore(other.engine, msgspec.json.encode(state))
    other.book()
    assert {ns for _, _, ns in series_of(other).values()} == {T0 + NS_PER_DAY}


def test_a_trade_in_no_known_series_is_judged_by_none(stored: Stage) -> None:
    """A state that lost the series of its trades is taken up all the same."""
    stored.script(limit="fail")
    stored.signal("alpha", SELL, horizon_s=60)
    stored.books(2)
    stored.commit()
    assert stored.store is not None
    pieces = {k: v for k, v in stored.store.state().items() if k != "series"}
    other = Stage(filters=TWO, now_ns=stored.now_ns + NS_PER_S)
    assert snapshot.recover(other.engine, pieces, 0) == []
    assert {trade.judged for trade in other.engine.branch.ledger.trades.values()} == {()}


# The plain limit that each limit is held against.


def verdict_of(volatility: float | None, outcome: str = "pass") -> Verdict:
    """Return a verdict of an observing limit beside one on realised volatility."""
    checks = [
        Check("limit", outcome, "observe", 1.0, 2.0),  # type: ignore[arg-type]
        Check("volatility", "pass" if volatility is not None else "no_data", "observe", volatility),
    ]
    return Verdict(True, checks, (), "", 1, [])


def judge(book: SeriesBook, day: int, *says: Any) -> Trade:
    trade = closed_trade()
    trade.decided_ns = T0 + day * NS_PER_DAY
    book.judge(trade, verdict_of(*says))
    return trade


def test_a_limit_is_held_against_one_that_blocks_the_wildest_as_often() -> None:
    book, out = book_of("limit")
    for i in range(40):
        first = judge(book, 0, i / 10.0, "fail" if i < 10 else "pass")
        assert (first.judged, first.matched, first.wild) == ((0,), (), ())
    calm, wild = judge(book, 1, 2.5, "fail"), judge(book, 1, 3.5)
    assert (calm.blocked, calm.matched, calm.wild) == ((0,), (0,), ())
    assert (wild.blocked, wild.matched, wild.wild) == ((), (0,), (0,))
    for trade in (first, calm, wild):
        book.final(trade)
    assert [(row.blocked, row.blocked_r) for row in out.rows.limit_days] == [
        (0, 0.0), (1, 0.5), (0, 0.0),
    ]  # fmt: skip
    assert [(row.judged, row.blocked, row.blocked_r) for row in out.rows.matched_days] == [
        (1, 0, 0.0), (1, 1, 0.5),
    ]  # fmt: skip
    assert [row.day for row in out.rows.matched_days] == ["2025-09-16"] * 2


def test_without_the_figure_there_is_nothing_to_hold_a_limit_against() -> None:
    book, _ = book_of("limit")
    before = msgspec.json.encode(book.state)
    assert judge(book, 0, None).judged == (0,)
    trade = closed_trade()
    book.judge(trade, Verdict(True, [Check("limit", "pass", "observe", 1.0)], (), "", 1, []))
    assert (trade.judged, trade.matched) == ((0,), ())
    assert msgspec.json.encode(book.state) == before


def test_what_is_known_of_the_figure_survives(tmp_path: Path) -> None:
    filters = {**TWO, "volatility": "observe"}
    stage = quoted(filters=filters)
    stage.open_store(tmp_path / "gnomon.db")
    episode(stage)
    stage.commit()
    matched = stage.engine.series.state.matched
    assert sum(matched.new.values()) == 1 and len(matched.rates) == 3
    other = Stage(filters=filters, now_ns=stage.now_ns)
    snapshot.restore(other.engine, snapshot.whole(stage.engine))
    assert other.engine.series.state.matched == matched
    assert stage.store is not None
    again = Stage(filters=filters, now_ns=stage.now_ns + NS_PER_S)
    snapshot.recover(again.engine, stage.store.state(), 0)
    assert again.engine.series.state.matched == matched


# What one R is worth.


def fill(book: SeriesBook, risks: list[int], kind: TradeKind = TradeKind.TWIN) -> None:
    for risk in risks:
        trade = make_trade(kind=kind)
        trade.risk_e6 = risk
        book.entered(trade)


def test_one_r_is_the_median_risk_of_thirty_twins_and_then_stays() -> None:
    book, out = book_of("limit")
    risks = [10**7 + 3 * i for i in range(TWINS_MIN)]
    fill(book, risks[:-1])
    assert book.money_e6 is None and book.of("limit").money_r_e6 is None  # type: ignore[union-attr]
    fill(book, [10**9] * 5, TradeKind.PHANTOM)
    assert book.money_e6 is None, "twins alone count"
    fill(book, risks[-1:])
    middle = 10**7 + 3 * 14 + 2  # half way between the two in the middle, to even
    assert book.of("limit").money_r_e6 == book.money_e6 == middle  # type: ignore[union-attr]
    assert [(row.money_r_e6) for row in out.rows.series_updates] == [middle]
    fill(book, [10**8] * TWINS_MAX)
    assert book.money_e6 == 10**8
    assert book.of("limit").money_r_e6 == middle  # type: ignore[union-attr]
    assert len(book.state.risks_e6) == TWINS_MAX and len(out.rows.series_updates) == 1


def test_a_later_series_takes_what_one_r_is_worth_then() -> None:
    book, _ = book_of("limit")
    fill(book, [10**7] * TWINS_MIN)
    later = SeriesBook(Terms({"limit": "{}"}), Outbox(), shadow=True)
    later.state = book.state
    fill(later, [10**8] * TWINS_MAX)
    later.begin(fresh=False)
    assert [(s.number, s.money_r_e6) for s in later.state.known] == [(1, 10**7), (2, 10**8)]


def test_a_whole_state_goes_on_without_a_word() -> None:
    book, out = book_of("limit", "other")
    raw = msgspec.json.encode(book.state)
    other = SeriesBook(book._terms, out, shadow=True)
    other.go_on(msgspec.json.decode(raw, type=SeriesState))
    assert other.begun and other.of("limit") == book.of("limit")
    assert [row.series_id for row in other.rows(9).series] == [
        row.series_id for row in out.rows.series
    ]
    assert {row.from_seq for row in other.rows(9).spells} == {9}


def test_rows_of_a_day_to_come_add_up() -> None:
    book, out = book_of("limit")
    for _ in range(2):
        book.final(closed_trade())
    first, second = out.rows.limit_days
    assert first == second
    assert first == LimitDayRow(
        DUE, "limit", book.state.known[0].series_id, "alpha", "clean", 1, 0.5, 0, 0.0, 0.5, 0.5
    )
