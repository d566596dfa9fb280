"""Days and forks of branches, by hand on a scripted desk."""

from __future__ import annotations

import msgspec
import pytest

from daemon.engine import branch_state, snapshot
from daemon.engine.branches.booking import MONDAY
from daemon.engine.branches.variant import Variant
from market.events import MS_PER_DAY, MS_PER_HOUR, NS_PER_MS, NS_PER_S
from market.uptime import SECOND_NS_MAX
from risk.drawdown import Drawdown
from risk.drawdown import Settings as Losses
from risk.filter import NoSettings
from risk.halt import Halt
from shadow.store.tables.branches import BranchDayRow
from tests.support.shadow import T0_MS, Stage

NOTHING = Variant("nothing")
OBSERVED = Variant("observed", "limit", ignored=frozenset({"limit"}))
DATA = Variant("data", "limit", lenient=frozenset({"limit"}))
STEP_S = SECOND_NS_MAX / 1e9
DAY_S = 86_400


def stage_of(*variants: Variant, real=(), **options) -> Stage:  # type: ignore[no-untyped-def]
    # Late enough for the first day to be short, early enough for it to count.
    options.setdefault("now_ns", (T0_MS + 11 * MS_PER_HOUR) * NS_PER_MS)
    stage = Stage(
        filters={"limit": "enforce"}, variants=variants or (NOTHING, OBSERVED, DATA), real=real,
        **options,
    )  # fmt: skip
    stage.up()
    stage.book()
    stage.second()
    return stage


def run_until(stage: Stage, ms: int, mid: float = 100.0) -> None:
    """Let seconds pass, as far apart as still count as run, with a book at each."""
    while stage.now_ns + SECOND_NS_MAX < (T0_MS + ms) * NS_PER_MS:
        stage.books(STEP_S, mid, every=STEP_S)
    stage.wait_until(ms)
    stage.book(mid)
    stage.second()


def days(stage: Stage) -> dict[str, BranchDayRow]:
    """Return the newest day's rows by the kind of branch."""
    kinds = {row.branch_id: row.kind for row in stage.rows.branches}
    return {kinds[row.branch_id]: row for row in stage.rows.branch_days}


def first_midnight_ms() -> int:
    return MS_PER_DAY - T0_MS % MS_PER_DAY


def on_a_day(weekday: int) -> int:
    """Return the first midnight, in milliseconds after the beginning, that opens a weekday."""
    ms = first_midnight_ms()
    while (T0_MS + ms) // MS_PER_DAY % 7 != weekday:
        ms += MS_PER_DAY
    return ms


def test_a_fresh_state_forks_at_its_first_event() -> None:
    stage = Stage(variants=(NOTHING, OBSERVED, DATA))
    stage.book()
    assert [(row.kind, row.filter, row.why) for row in stage.rows.branches] == [
        ("nothing", "", "first"), ("observed", "limit", "first"), ("data", "limit", "first"),
    ]  # fmt: skip
    assert len({row.branch_id for row in stage.rows.branches}) == 3
    stage.book()
    assert len(stage.rows.branches) == 3


def test_a_day_shows_what_the_limit_took_and_gave() -> None:
    """The limit refuses a trade that loses; the branch in which it observes takes it."""
    stage = stage_of()
    stage.script(limit="fail")
    stage.signal(stop=1.0, lots=1_000)
    stage.books(3)
    stage.books(3, 98.0)
    run_until(stage, first_midnight_ms(), 98.0)
    found = days(stage)
    (lost,) = stage.rows.branch_trades
    assert lost.net_e6 < 0 and lost.branch_id == found["observed"].branch_id
    assert (found["observed"].with_e6, found["observed"].without_e6) == (0, lost.net_e6)
    assert (found["nothing"].with_e6, found["nothing"].without_e6) == (0, 0)
    assert (found["observed"].trades, found["data"].trades) == (1, 0)
    assert found["observed"].drawdown_e6 >= -lost.net_e6


def test_what_missing_data_costs_stands_apart_from_the_value() -> None:
    stage = stage_of()
    stage.script(limit="no_data")
    stage.signal(stop=1.0, lots=1_000)
    stage.books(3)
    stage.books(3, 98.0)
    run_until(stage, first_midnight_ms(), 98.0)
    found = days(stage)
    # Both branches took it, so the limit is worth nothing; its missing data was.
    assert found["observed"].with_e6 == found["observed"].without_e6 < 0
    assert found["data"].with_e6 == 0 > found["data"].without_e6


def test_an_open_trade_is_marked_at_the_day_s_end_and_the_next_day_begins_there() -> None:
    stage = stage_of()
    stage.script(limit="fail")
    stage.signal(stop=5.0, lots=1_000, horizon_s=5 * DAY_S)
    stage.books(3)
    run_until(stage, first_midnight_ms(), 102.0)
    first = days(stage)["observed"]
    side = stage.engine.desks.branches.sides[1]
    assert first.without_e6 == side.desk.equity_e6 - side.desk.start_e6 > 0
    if stage.rows.branch_ends:
        pytest.fail("the first midnight must not be a Monday's")
    run_until(stage, first_midnight_ms() + MS_PER_DAY, 101.0)
    second = days(stage)["observed"]
    assert second.day > first.day
    assert first.without_e6 + second.without_e6 == side.desk.equity_e6 - side.desk.start_e6


def test_a_day_run_less_than_half_has_no_row() -> None:
    stage = stage_of()
    half_ms = first_midnight_ms() - MS_PER_DAY // 2
    stage.wait_until(half_ms + 60_000)
    run_until(stage, first_midnight_ms())
    assert stage.rows.branch_days == []
    run_until(stage, first_midnight_ms() + MS_PER_DAY)
    assert {round(row.run_fraction, 2) for row in stage.rows.branch_days} == {1.0}


def test_halted_and_latched_time_is_not_run_but_for_the_limit_that_latches() -> None:
    losing = Drawdown(Losses(daily_loss_share_max=1.0, peak_loss_share_max=0.001), "enforce")
    own = Variant("observed", "drawdown", ignored=frozenset({"drawdown"}))
    data = Variant("data", "drawdown", lenient=frozenset({"drawdown"}))
    stage = stage_of(NOTHING, OBSERVED, DATA, own, data, real=[losing])
    midnight = first_midnight_ms()
    run_until(stage, midnight)
    stage.rows.branch_days.clear()
    stage.signal(stop=1.0, lots=200_000)
    stage.books(3)
    stage.books(3, 98.0)
    assert stage.engine.branch.desk.latched.startswith("loss from the peak")
    run_until(stage, midnight + MS_PER_DAY, 98.0)
    (first, second) = stage.rows.branch_days
    assert {first.filter, second.filter} == {"drawdown"}
    assert first.run_fraction > 0.99
    latches = {s.variant.name: s.desk.latched != "" for s in stage.engine.desks.branches.sides}
    assert latches == {
        "nothing": True, "observed limit": True, "data limit": True,
        "observed drawdown": False, "data drawdown": True,
    }  # fmt: skip


def test_on_mondays_all_are_forked_anew_and_what_is_not_the_desk_s_is_sold() -> None:
    stage = stage_of()
    monday = on_a_day(MONDAY)
    stage.wait_until(monday - MS_PER_DAY)
    run_until(stage, monday - MS_PER_DAY // 2)
    stage.signal(stop=5.0, lots=500, horizon_s=5 * DAY_S)
    stage.script(limit="fail")
    stage.signal("alpha", side=-1, stop=5.0, lots=1_000, horizon_s=5 * DAY_S)
    stage.books(3)
    branches = stage.engine.desks.branches
    (mine,) = (t for t in branches.sides[1].account.trades.values() if t.side < 0)
    run_until(stage, monday - 1000, 101.0)
    stage.wait_until(monday)
    stage.second()
    sold = [row for row in stage.rows.branch_trades if row.exit_reason == "fork"]
    assert [row.trade_id for row in sold] == [mine.trade_id]
    (sold_row,) = sold
    assert sold_row.exit_px == pytest.approx(101.01) and sold_row.fees_e6 > mine.fees_e6 // 2
    row = days(stage)["observed"]
    assert row.without_e6 - row.with_e6 == sold_row.net_e6, "the kept trade is in both"
    ended = {end.branch_id: end.why for end in stage.rows.branch_ends}
    assert ended == dict.fromkeys([r.branch_id for r in stage.rows.branches[:3]], "Monday")
    for side in branches.sides:
        assert side.desk == stage.engine.branch.desk
        assert len(side.account.trades) == 1
    stage.books(3, 101.0)
    assert all(side.desk == stage.engine.branch.desk for side in branches.sides)


def test_a_branch_that_should_equal_the_desk_and_does_not_is_an_alarm_once() -> None:
    stage = stage_of()
    stage.engine.desks.branches.sides[0].desk.cash_e6 += 1
    stage.books(3)
    (alarm,) = stage.rows.branch_alarms
    assert alarm.kind == "branch" and "not the desk" in alarm.message
    assert "apart in cash_e6;" in alarm.message
    assert stage.rows.alarms == []


def test_the_operator_reaches_every_branch() -> None:
    stage = stage_of(real=[Halt(NoSettings(), "enforce")])
    sides = stage.engine.desks.branches.sides
    stage.command("halt", "a pause")
    assert all(side.desk.halts == stage.engine.branch.desk.halts != {} for side in sides)
    stage.script(limit="fail")
    stage.signal(lots=1_000)
    assert not any(side.account.trades for side in sides)
    stage.command("resume")
    assert not any(side.desk.halts for side in sides)
    stage.wait(60)
    stage.book()
    stage.signal(lots=1_000)
    stage.books(3)
    assert sides[1].account.trades
    stage.command("flatten")
    stage.books(3)
    assert not sides[1].account.trades and sides[1].desk.halts


def test_a_branch_latched_alone_is_opened_by_the_operator_or_by_the_next_fork() -> None:
    losing = Drawdown(Losses(daily_loss_share_max=0.0001, peak_loss_share_max=0.0001), "enforce")
    stage = stage_of(real=[losing])
    stage.script(limit="fail")
    stage.signal(stop=1.0, lots=200_000)
    stage.books(3)
    stage.books(3, 98.0)
    side = stage.engine.desks.branches.sides[1]
    assert side.desk.latched and not stage.engine.branch.desk.latched
    assert side.tally.latches == 1
    stage.command("resume")
    assert not side.desk.latched


def test_a_branch_latched_alone_by_a_days_loss_opens_by_itself_at_midnight() -> None:
    losing = Drawdown(Losses(daily_loss_share_max=0.0001, peak_loss_share_max=1.0), "enforce")
    stage = stage_of(real=[losing])
    stage.engine.desks.booking.lasting = True
    stage.script(limit="fail")
    stage.signal(stop=1.0, lots=200_000)
    stage.books(3)
    stage.books(3, 98.0)
    side = stage.engine.desks.branches.sides[1]
    assert side.desk.latched.startswith("daily loss")
    run_until(stage, first_midnight_ms(), mid=98.0)
    assert not side.desk.latched and not stage.rows.branch_alarms


def test_a_changed_configuration_is_a_fork_when_the_day_ends() -> None:
    stage = stage_of()
    forks = stage.engine.desks.booking.forks
    forks.due = "the configuration changed"
    run_until(stage, first_midnight_ms())
    assert {end.why for end in stage.rows.branch_ends} == {"the configuration changed"}
    assert forks.due == "" and stage.engine.desks.booking.forks is forks


def test_a_whole_state_goes_on_exactly() -> None:
    stage = stage_of()
    stage.script(limit="fail")
    stage.signal(stop=1.0, lots=1_000)
    stage.books(3)
    desks = stage.engine.desks
    state = branch_state.whole(desks)
    plain = msgspec.json.encode(state)
    other = stage_of()
    branch_state.restore(other.engine.desks, msgspec.json.decode(plain, type=type(state)))
    assert msgspec.json.encode(branch_state.whole(other.engine.desks)) == plain


@pytest.mark.parametrize("how", ["lives on", "is forked", "is restored", "is killed"])
def test_what_is_owed_is_settled_on_every_desk_alike(how: str) -> None:
    """Its rate comes after the trade has closed, and after whatever happens meanwhile."""
    stage = stage_of(now_ns=(T0_MS + MS_PER_HOUR) * NS_PER_MS - 10 * NS_PER_S)
    stage.signal(stop=5.0, lots=1_000, horizon_s=20)
    stage.books(60)
    desks = stage.engine.desks
    owed = {"SOL": (T0_MS + MS_PER_HOUR,) * 2}
    assert desks.owed() == owed and not desks.main.ledger.trades
    assert not desks.branches.ledger.trades and len(desks.branches.ledger.owing.closed) == 1
    assert stage.rows.branch_trades == [], "what it came to is not known yet"
    if how == "is forked":
        desks.booking.fork("told to")
        stage.second()
        assert {row.flags for row in stage.rows.branch_trades} == {"owed"}
    elif how == "is restored":
        other = stage_of()
        snapshot.restore(other.engine, snapshot.whole(stage.engine))
        stage.engine = other.engine
    elif how == "is killed":
        pieces = {name: text for name, text in snapshot.durable(stage.engine).items() if text}
        other = Stage(filters={"limit": "enforce"}, variants=(NOTHING, OBSERVED, DATA))
        snapshot.recover(other.engine, pieces, 1)
        stage.engine = other.engine
    desks = stage.engine.desks
    assert desks.owed() == owed
    before = desks.main.desk.cash_e6
    stage.rates([(T0_MS + MS_PER_HOUR, 0.0001)])
    stage.second()
    assert before - desks.main.desk.cash_e6 == 100_000
    for side in desks.branches.sides:
        assert side.desk == desks.main.desk
    assert desks.owed() == {} and not desks.branches.ledger.owing.unsettled()
    final = [row for row in stage.rows.branch_trades if not row.flags]
    assert [row.funding_e6 for row in final] == ([] if how == "is forked" else [100_000] * 3)


def test_a_monday_that_nobody_saw_begin_is_made_up_for_when_the_next_day_ends() -> None:
    stage = stage_of()
    monday = on_a_day(MONDAY)
    stage.wait_until(monday - MS_PER_DAY - 60_000)
    stage.second()
    stage.wait_until(monday + 60_000)
    stage.second()
    assert not stage.rows.branch_ends
    run_until(stage, monday + MS_PER_DAY)
    assert {end.why for end in stage.rows.branch_ends} == {"Monday"}
