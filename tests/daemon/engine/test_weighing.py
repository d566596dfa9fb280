from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import msgspec
import pytest

from daemon.engine import snapshot
from daemon.engine.outcome import Outbox
from daemon.engine.weighing import Weighing, Weights, by_division
from divisions.roster import DIVISIONS
from divisions.vote import together
from divisions.weights import DOWN, HIGH, UP
from market.decision import TradeKind
from research.weights.weight_history import differences
from shadow.ledger.trade import EXCLUDING, SUSPECT_PRICE, Change
from shadow.store.rows import day_of
from tests.support.learning import DAY_MS, EDGE, HOUR_MS, five, season
from tests.support.rows import cells
from tests.support.shadow import T0_MS, Says, Stage, make_trade

SECOND_MS = 1000


def steps(stage: Stage) -> list[tuple[str, str, str]]:
    """Return the (day, scope, name) of every weight row so far."""
    return [(row.day, row.scope, row.name) for row in stage.rows.weights]


def days_stepped(stage: Stage) -> list[str]:
    return [row.day for row in stage.rows.weights if row.name == "trend" and row.reason != "start"]


def day(number: int) -> str:
    return day_of(T0_MS + number * DAY_MS)


@pytest.fixture(scope="module")
def month() -> Iterator[Stage]:
    """Return a stage after thirty days of trading, before the midnight. Only to be read."""
    yield season(five(), range(30))


def copy_of(stage: Stage) -> Stage:
    """Return another stage in exactly the same state."""
    other = five(now_ns=stage.now_ns)
    snapshot.restore(other.engine, snapshot.whole(stage.engine))
    return other


def test_every_name_begins_at_one_on_the_first_day() -> None:
    stage = five()
    stage.second()
    assert {(row.scope, row.name, row.weight) for row in stage.rows.weights} == {
        *(("division", d, 1.0) for d in DIVISIONS),
        *(("bot", f"{d}_bot", 1.0) for d in DIVISIONS),
    }
    assert {(row.day, row.reason) for row in stage.rows.weights} == {(day(0), "start")}
    stage.wait(2 * 3600)
    stage.second()
    assert len(stage.rows.weights) == 10


def test_the_weights_step_at_each_midnight_once(month: Stage) -> None:
    assert days_stepped(month) == [day(n) for n in range(1, 30)]
    assert len(set(steps(month))) == len(steps(month))


def test_before_the_minimum_sample_nothing_moves_then_the_best_rises_and_the_worst_falls(
    month: Stage,
) -> None:
    by_name = {(row.day, row.name): row for row in month.rows.weights}
    assert by_name[day(19), "trend"].weight == 1.0
    assert by_name[day(19), "trend"].reason == "too young: 19 of 20 days"
    # After twenty days the first step is that of the day behind them.
    assert by_name[day(20), "trend"].weight == UP
    assert by_name[day(20), "relative_bot"].weight == DOWN
    assert by_name[day(20), "flow"].weight == 1.0
    assert by_name[day(29), "trend"].weight == pytest.approx(UP**10)
    assert cells(by_name[day(29), "trend"], "days closed") == (29, 58)


def test_the_next_signal_is_sized_by_division_times_bot(month: Stage) -> None:
    stage = copy_of(month)
    stage.wait(60)
    stage.book()
    for bot in ("trend_bot", "flow_bot", "relative_bot"):
        stage.signal(bot)
    sized = {row.bot: msgspec.json.decode(row.sizing) for row in stage.rows.signals}
    assert sized["trend_bot"]["weight"] == HIGH < UP**20
    assert sized["relative_bot"]["weight"] == pytest.approx(DOWN**20)
    assert sized["flow_bot"]["weight"] == 1.0
    worth = {row.bot: row.notional_e6 / sized[row.bot]["conviction"] for row in stage.rows.signals}
    assert worth["trend_bot"] / worth["flow_bot"] == pytest.approx(HIGH, rel=1e-3)


def test_returns_are_of_twins_and_phantoms_at_unit_weight() -> None:
    """A weight of 2.5 makes a trade larger, and the figure that moves the weight no better."""
    plain, heavy = five(), five()
    for stage in (plain, heavy):
        stage.second()
    heavy.engine.weighing.weights.bots["trend_bot"] = HIGH
    for stage in (plain, heavy):
        season(stage, [0])
    (only,) = plain.engine.weighing.fresh["trend_bot"].values()
    (larger,) = heavy.engine.weighing.fresh["trend_bot"].values()
    assert larger[0] == pytest.approx(only[0], rel=1e-3)
    closed = {row.trade_id: row.r for row in plain.rows.trade_updates if row.status == "closed"}
    mine = [row.trade_id for row in plain.rows.trades if row.bot == "trend_bot"]
    ranked = [t for t in mine if t % 4 in (TradeKind.TWIN, TradeKind.PHANTOM)]
    total = sum(round(closed[t] * 1e6) for t in ranked)
    assert only == (total, 2)


@pytest.mark.parametrize(
    ("kind", "cause", "shadow", "counts"),
    [
        (TradeKind.TWIN, "admit", True, True),
        (TradeKind.PAPER, "admit", True, False),
        (TradeKind.PAPER, "admit", False, True),
        (TradeKind.PHANTOM, "block", True, True),
        (TradeKind.PHANTOM, "block", False, True),
        (TradeKind.PHANTOM, "trial", True, False),
        (TradeKind.PHANTOM, "stage", True, False),
        (TradeKind.CLAMPED, "clamp", True, False),
    ],
)
def test_trials_and_clamped_remainders_count_nowhere(
    kind: TradeKind, cause: str, shadow: bool, counts: bool
) -> None:
    trade = make_trade(kind=kind)
    trade.cause, trade.risk_e6, trade.closed_ns = cause, 2_000_000, T0_MS * 10**6
    weighing = Weighing(Outbox(), shadow=shadow)
    weighing.mark(trade, T0_MS, 1_000_000)
    weighing.closed(trade)
    assert weighing.fresh == ({"alpha": {T0_MS: (500_000, 1)}} if counts else {})


def test_a_trade_that_never_filled_counts_nowhere() -> None:
    weighing = Weighing(Outbox(), shadow=True)
    trade = make_trade()
    weighing.mark(trade, T0_MS, 5)
    weighing.closed(trade)
    assert weighing.fresh == {}


@pytest.mark.parametrize("flag", EXCLUDING)
def test_a_trade_that_lacks_a_fact_leaves_the_returns_to_the_millionth(flag: str) -> None:
    """What it earned before is taken back once, on each of its days; its end does not count."""
    weighing = Weighing(Outbox(), shadow=True)
    trade = make_trade(kind=TradeKind.TWIN)
    trade.risk_e6, trade.closed_ns = 3_000_000, (T0_MS + DAY_MS) * 10**6
    for day_ms, amount_e6 in ((T0_MS, 1_000_000), (T0_MS, 1), (T0_MS + DAY_MS, -2_000_001)):
        weighing.mark(trade, day_ms, amount_e6)
        trade.days.append((day_ms, amount_e6))
    assert weighing.fresh == {"alpha": {T0_MS: (333_334, 0), T0_MS + DAY_MS: (-666_667, 0)}}
    assert not weighing.left_out(trade)
    trade.flag(flag)
    assert weighing.left_out(trade) and not weighing.left_out(trade)
    weighing.mark(trade, T0_MS, 7_000_000)
    weighing.closed(trade)
    assert weighing.fresh == {"alpha": {T0_MS: (0, 0), T0_MS + DAY_MS: (0, 0)}}


def test_a_trade_that_was_flagged_by_an_older_version_is_taken_out_at_its_next_mark() -> None:
    weighing = Weighing(Outbox(), shadow=True)
    trade = make_trade(kind=TradeKind.TWIN)
    trade.risk_e6, trade.days = 2_000_000, [(T0_MS, 1_000_000)]
    trade.flag(SUSPECT_PRICE)
    weighing.mark(trade, T0_MS + DAY_MS, 9)
    assert weighing.fresh == {"alpha": {T0_MS: (-500_000, 0)}}


@pytest.mark.parametrize("outcome", ["no_data", "fail"])
def test_what_was_blocked_for_want_of_data_or_by_several_limits_is_ranked(outcome: Says) -> None:
    stage = Stage(filters={"limit": "enforce", "other": "enforce"})
    stage.book()
    stage.script(limit=outcome, other=outcome)
    stage.signal(horizon_s=5)
    stage.books(8)
    ((r_e6, closed),) = stage.engine.weighing.fresh["alpha"].values()
    assert r_e6 < 0 and closed == 1


def test_a_phantom_whose_admitted_half_is_not_believed_leaves_the_returns_with_it(
    tmp_path: Path,
) -> None:
    """The report leaves out the whole episode; its returns still come out of the rows."""
    stage = Stage(filters={"limit": "enforce"}, now_ns=(T0_MS + DAY_MS) * 10**6 - 10 * 10**9)
    stage.book()
    stage.script(limit="fail")
    stage.context(0.0001)
    stage.signal(stop=5.0, horizon_s=60)
    stage.books(3)
    stage.script(limit="pass")
    stage.signal(stop=5.0, horizon_s=60)
    stage.books(10)
    (first,) = stage.rows.returns
    assert first.r_e6 < 0
    trades = stage.engine.branch.ledger.trades.values()
    for later in [trade for trade in trades if trade.kind != TradeKind.PHANTOM]:
        later.flag(SUSPECT_PRICE)
        stage.engine.branch.settlement.apply([Change(later, "doubted", stage.now_ns)])
    stage.books(70)
    assert stage.engine.weighing.fresh["alpha"] == {T0_MS: (-first.r_e6, 0)}
    with closing(sqlite3.connect(stage.finish(tmp_path / "gnomon.db"))) as db:
        assert {tuple(row) for row in db.execute("SELECT flags FROM trade")} == {(SUSPECT_PRICE,)}
        assert differences(db) == []


def test_the_shadow_switched_off_moves_weights_alike(month: Stage) -> None:
    dark = season(five(shadow=False), range(30))
    assert dark.engine.weighing.weights == month.engine.weighing.weights
    assert dark.rows.weights == month.rows.weights
    assert dark.rows.returns == month.rows.returns


def test_a_trade_open_over_midnight_gives_each_day_its_part() -> None:
    stage = five()
    stage.wait_until(DAY_MS - 10 * SECOND_MS)
    stage.book()
    stage.signal("trend_bot", stop=2.0)
    stage.books(5)
    stage.books(10, 101.0)
    stage.call_exit("trend_bot")
    stage.books(2, 100.5)
    first, second = (
        (int(row.r_e6) for row in stage.rows.returns),
        stage.engine.weighing.fresh["trend_bot"],
    )
    assert sum(first) == pytest.approx(0.5e6, abs=5e4)
    assert second[T0_MS + DAY_MS][0] == pytest.approx(-0.25e6, abs=5e4)
    assert second[T0_MS + DAY_MS][1] == 0 == stage.rows.returns[0].closed, "midnight is owed"
    stage.rates([(T0_MS + DAY_MS, 0.0)])
    assert second[T0_MS + DAY_MS][1] == 1


# Crashes, restarts and nights slept through.


@pytest.mark.parametrize("died_s", [-5, 1], ids=["before midnight", "after midnight"])
@pytest.mark.parametrize("down_s", [3, 30, 3600])
def test_a_restart_over_midnight_steps_exactly_once(
    tmp_path: Path, died_s: int, down_s: int
) -> None:
    stage = five()
    stage.open_store(tmp_path / "gnomon.db")
    season(stage, range(21), commit=True)
    stage.wait_until(21 * DAY_MS + died_s * SECOND_MS)
    stage.second()
    stage.commit()
    whole = season(five(), range(21))
    whole.wait_until(21 * DAY_MS + SECOND_MS)
    whole.second()
    again = stage.restart(down_s + 5)
    again.second()
    again.wait(7200)
    again.second()
    again.commit()
    assert again.engine.weighing.weights == whole.engine.weighing.weights
    assert again.store is not None
    again.store.close()
    with closing(sqlite3.connect(tmp_path / "gnomon.db")) as db:
        found = db.execute("SELECT day, COUNT(*) FROM weight GROUP BY day ORDER BY day").fetchall()
    assert found == [(day(n), 10) for n in range(22)]


def test_a_crash_that_loses_the_step_takes_it_again(tmp_path: Path) -> None:
    """What was not committed has not happened, neither the rows nor the state."""
    stage = five()
    stage.open_store(tmp_path / "gnomon.db")
    season(stage, range(21), commit=True)
    stage.wait_until(21 * DAY_MS + SECOND_MS)
    stage.second()  # steps, and dies before the commit
    again = stage.restart(5)
    again.second()
    assert again.engine.weighing.weights == stage.engine.weighing.weights
    assert [row for row in stage.rows.weights if row.day == day(21)] == again.rows.weights
    again.store.close()  # type: ignore[union-attr]


def test_nights_slept_through_get_a_row_each_and_move_nobody(month: Stage) -> None:
    stage = copy_of(month)
    stage.wait_until(33 * DAY_MS + HOUR_MS)
    stage.second()
    assert days_stepped(stage) == [day(30), day(31), day(32), day(33)]
    rows = {(row.day, row.name): row for row in stage.rows.weights}
    assert rows[day(30), "trend"].weight == pytest.approx(UP**11)
    for number in (31, 32, 33):
        assert rows[day(number), "trend"].weight == rows[day(30), "trend"].weight
        assert rows[day(number), "trend"].reason.startswith("idle")


def test_a_mark_learned_late_waits_for_the_next_step() -> None:
    weights, out = Weights(stepped_ms=T0_MS), Outbox()
    weighing = Weighing(out, shadow=True)
    weighing.weights = weights
    trade = make_trade(kind=TradeKind.TWIN)
    trade.risk_e6 = 1_000_000
    for midnight, late in ((1, 300_000), (2, 50_000)):
        weighing.mark(trade, T0_MS, late)
        weighing.step(T0_MS + midnight * DAY_MS)
    assert [(row.day, row.known) for row in out.rows.returns] == [
        (day(0), day(1)),
        (day(0), day(2)),
    ]
    assert weights.known == {"alpha": {T0_MS: (350_000, 0)}}


def test_a_step_is_never_taken_twice_or_backwards() -> None:
    out = Outbox()
    weighing = Weighing(out, shadow=True)
    weighing.enrol([("a", "trend")], T0_MS + 5)
    for at in (0, 1, 1, 0):
        weighing.step(T0_MS + at * DAY_MS)
    assert [row.day for row in out.rows.weights if row.name == "a"] == [day(0), day(1)]


def test_what_divisions_weigh_together_follows_enrolment_steps_and_other_weights() -> None:
    weighing = Weighing(Outbox(), shadow=True)

    def right() -> bool:
        w = weighing.weights
        return weighing.totals() == together(w.bots, w.homes)

    assert weighing.totals() == {}
    weighing.enrol([("a", "trend"), ("b", "trend")], T0_MS + 5)
    assert weighing.totals() == {"trend": 2.0}
    weighing.enrol([("c", "flow")], T0_MS + 6)
    assert weighing.totals() == {"trend": 2.0, "flow": 1.0}
    weighing.weights = Weights(bots={"a": 2.5, "d": 0.3}, homes={"a": "trend", "d": "flow"})
    assert weighing.totals() == {"trend": 2.5, "flow": 0.3} and right()


def test_a_step_of_the_weights_is_heard_in_the_next_vote(month: Stage) -> None:
    weighing = copy_of(month).engine.weighing
    w, before = weighing.weights, dict(weighing.totals())
    w.bots["flow_bot"] = HIGH
    weighing.step(w.stepped_ms + DAY_MS)
    assert weighing.totals() == together(w.bots, w.homes) != before


def test_the_window_forgets(month: Stage) -> None:
    stage = copy_of(month)
    stage.wait_until(75 * DAY_MS)
    stage.second()
    kept = stage.engine.weighing.weights.known["trend_bot"]
    assert min(kept) == T0_MS + 15 * DAY_MS


def test_a_saturated_scope_raises_one_alarm_until_it_is_over() -> None:
    stage = five()
    stage.second()
    weights = stage.engine.weighing.weights
    weights.bots.update({"trend_bot": HIGH, "flow_bot": HIGH})
    for number in (1, 2):
        stage.wait_until(number * DAY_MS)
        stage.second()
    assert [(row.kind, row.message) for row in stage.rows.alarms] == [
        ("weights", "more than a quarter of bot weights sit on a bound: flow_bot, trend_bot")
    ] or [row.kind for row in stage.rows.alarms] == ["weights"]
    weights.bots["flow_bot"] = 1.0
    stage.wait_until(3 * DAY_MS)
    stage.second()
    weights.bots["flow_bot"] = HIGH
    stage.wait_until(4 * DAY_MS)
    stage.second()
    assert [row.kind for row in stage.rows.alarms] == ["weights", "weights"]


def test_divisions_earn_what_their_bots_earn() -> None:
    returns = {"a": {1: (5, 1)}, "b": {1: (-2, 2), 2: (7, 0)}, "c": {2: (1, 1)}}
    homes = {"a": "trend", "b": "trend", "c": "flow"}
    assert by_division(returns, homes) == {"trend": {1: (3, 3), 2: (7, 0)}, "flow": {2: (1, 1)}}


# Determinism.


def test_cut_anywhere_the_run_goes_on_to_the_same_digest() -> None:
    whole = season(five(), range(23), EDGE)
    half = copy_of(season(five(), range(12), EDGE))
    season(half, range(12, 23), EDGE)
    assert half.engine.digest == whole.engine.digest
    assert half.engine.weighing.weights == whole.engine.weighing.weights


def test_the_digest_holds_the_weights(month: Stage) -> None:
    other = copy_of(month)
    other.engine.weighing.weights.bots["flow_bot"] = 1.1
    same = copy_of(month)
    for stage in (other, same):
        stage.wait_until(30 * DAY_MS)
        stage.second()
    assert other.engine.digest != same.engine.digest
