from __future__ import annotations

from pathlib import Path

import pytest

from market.decision import Check
from market.desk import DeskView
from market.events import MS_PER_DAY
from risk.drawdown import BY_HAND, BY_ITSELF, Drawdown, Settings
from tests.support.shadow import Stage, make_proposal, make_view

E6 = 10**6


def desk_view(*, equity: float, day_start: float = 10_000.0, peak: float = 10_000.0) -> DeskView:
    view = make_view()
    desk = view.desk
    desk.cash_e6 = round(equity * E6)
    desk.day_start_e6, desk.peak_e6 = round(day_start * E6), round(peak * E6)
    return view


def check(view: DeskView) -> Check:
    return Drawdown(Settings(), "enforce").check(make_proposal(), view)


@pytest.mark.parametrize(
    ("equity", "outcome"),
    [(10_000.0, "pass"), (9_700.01, "pass"), (9_700.0, "fail"), (1.0, "fail")],
)
def test_a_day_may_lose_less_than_three_percent(equity: float, outcome: str) -> None:
    found = check(desk_view(equity=equity))
    assert (found.outcome, found.threshold) == (outcome, 0.03)
    assert found.value == pytest.approx(1 - equity / 10_000)


@pytest.mark.parametrize(
    ("equity", "outcome"), [(9_000.01, "pass"), (9_000.0, "fail"), (8_000.0, "fail")]
)
def test_less_than_ten_percent_may_be_lost_from_the_peak(equity: float, outcome: str) -> None:
    found = check(desk_view(equity=equity, day_start=equity))
    assert (found.outcome, found.threshold) == (outcome, 0.10)
    assert found.value == pytest.approx(1 - equity / 10_000)


def test_the_open_marks_count() -> None:
    view = desk_view(equity=10_000.0)
    view.desk.open_e6 = -300 * E6
    assert check(view).outcome == "fail"


def test_a_gain_is_no_loss() -> None:
    found = check(desk_view(equity=12_000.0, peak=12_000.0))
    assert (found.outcome, found.value) == ("pass", 0.0)


def test_value_and_threshold_are_those_of_the_limit_that_is_nearer() -> None:
    # 2 % of 3 % today, 8 % of 10 % from the peak.
    found = check(desk_view(equity=9_200.0, day_start=9_200.0 / 0.98))
    assert (found.outcome, found.threshold) == ("pass", 0.10)
    assert found.value == pytest.approx(0.08)


@pytest.mark.parametrize("day_start", [0.0, -5.0])
def test_a_desk_that_begins_with_nothing_has_lost_everything(day_start: float) -> None:
    assert check(desk_view(equity=0.0, day_start=day_start, peak=0.0)).outcome == "fail"


def test_breach_names_the_limit_that_is_broken() -> None:
    f = Drawdown(Settings(), "enforce")
    assert f.breach(desk_view(equity=9_999.0)) == ""
    daily = desk_view(equity=9_700.0)
    assert f.breach(daily) == f"daily loss 3.00% of 3.00%; {BY_ITSELF}"
    daily.rearms = False
    assert f.breach(daily) == f"daily loss 3.00% of 3.00%; {BY_HAND}"
    slow = desk_view(equity=9_000.0, day_start=9_000.0)
    assert f.breach(slow) == f"loss from the peak 10.00% of 10.00%; {BY_HAND}"


def test_of_both_limits_the_one_that_waits_for_a_person_is_named() -> None:
    found = Drawdown(Settings(), "enforce").breach(desk_view(equity=8_000.0))
    assert found.startswith("loss from the peak")


def test_a_latched_desk_stays_shut_although_it_has_recovered() -> None:
    view = desk_view(equity=10_000.0)
    view.desk.latched = "daily loss 3.50% of 3.00%; a way out"
    found = check(view)
    assert (found.outcome, found.value) == ("fail", 0.0)
    assert found.reason == view.desk.latched


class Latching(Stage):
    """A stage whose gate holds the real loss limits."""

    def __init__(self, *, rearms: bool = True) -> None:
        super().__init__(real=[Drawdown(Settings(), "enforce")], equity_usd=10_000.0)
        self.engine.branch.view.rearms = rearms

    def lose(self, cash_usd: float) -> None:
        """Let the desk have so much left."""
        self.engine.branch.desk.cash_e6 = round(cash_usd * E6)
        self.book()
        self.second()

    def past_midnight(self) -> None:
        """Let a UTC day begin."""
        self.wait_until(MS_PER_DAY + 1_000)
        self.book()
        self.second()

    def told(self) -> list[str]:
        """Return what alarms say of the loss limits."""
        return [row.message for row in self.rows.alarms if row.kind == "drawdown"]


def test_the_days_latch_holds_over_recovery_and_opens_by_itself_at_midnight() -> None:
    stage = Latching()
    desk = stage.engine.branch.desk
    stage.lose(10_000)
    assert desk.latched == ""
    stage.lose(9_650)
    assert desk.latched == f"daily loss 3.50% of 3.00%; {BY_ITSELF}"
    stage.lose(9_980)
    assert stage.signal() is not None
    assert (desk.latched != "", stage.engine.vitals.blocked) == (True, 1)
    stage.past_midnight()
    assert (desk.latched, desk.day_start_e6, desk.peak_e6) == ("", 9_980 * E6, 10_000 * E6)
    assert stage.told() == [
        f"entries latched: daily loss 3.50% of 3.00%; {BY_ITSELF}",
        "latch released at 00:00 UTC: daily loss 3.50% of 3.00%",
    ]
    stage.wait(20)
    stage.book()
    stage.signal()
    assert stage.engine.vitals.admitted == 1


@pytest.mark.parametrize(("rearms", "cash_usd"), [(True, 8_950), (False, 9_650)])
def test_the_peaks_latch_and_with_real_orders_the_days_wait_for_the_operator(
    rearms: bool, cash_usd: float
) -> None:
    stage = Latching(rearms=rearms)
    desk = stage.engine.branch.desk
    stage.lose(cash_usd)
    latched = desk.latched
    assert latched.endswith(BY_HAND)
    stage.past_midnight()
    assert desk.latched == latched
    assert "open" in stage.command("resume")
    assert desk.latched == ""
    assert stage.told() == [
        f"entries latched: {latched}",
        f"latch released by the operator: {latched.partition(';')[0]}",
    ]


def test_a_new_day_does_not_forgive_a_loss_from_the_peak() -> None:
    stage = Latching()
    desk = stage.engine.branch.desk
    stage.lose(9_650)
    stage.lose(8_950)
    assert desk.latched.startswith("daily loss")
    stage.past_midnight()
    assert desk.latched.startswith("loss from the peak")


def test_the_days_latch_is_durable_and_so_is_its_release(tmp_path: Path) -> None:
    stage = Latching()
    stage.open_store(tmp_path / "gnomon.db")
    stage.lose(9_650)
    stage.commit()
    kept = stage.engine.branch.desk.latched
    stage.past_midnight()
    assert (kept != "", stage.engine.branch.desk.latched) == (True, "")
    assert "desk" in stage.engine.out.dirty


def test_after_resume_the_limits_measure_from_there() -> None:
    stage = Latching()
    desk = stage.engine.branch.desk
    desk.cash_e6 = 9_000 * E6
    stage.book()
    stage.second()
    assert desk.latched != ""
    stage.command("resume")
    stage.second()
    assert desk.latched == ""
    desk.cash_e6 = round(9_000 * 0.97 * E6)
    stage.second()
    assert desk.latched.startswith("daily loss 3.00% of 3.00%")


def test_a_halt_of_the_daemon_does_not_release_the_latch() -> None:
    stage = Latching()
    stage.engine.branch.desk.cash_e6 = 9_000 * E6
    stage.book()
    stage.second()
    stage.command("halt", "lunch")
    stage.wait_until(MS_PER_DAY)
    stage.second()
    assert stage.engine.branch.desk.latched != ""
