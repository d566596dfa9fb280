"""Reports with two filters: one that has been judged, and one too young to be."""

from __future__ import annotations

from shadow.report.report import Bias, Report, ReportRow

GUARD = ReportRow(
    group="filter", name="guard", mode="enforce", series="a1", series_number=1, blocked=40,
    sole_blocked=30, shared_blocked=10, judged=90, episodes=25, days=82, mean_bps=-12.34,
    mean_r=-0.5, taken_r=0.1, net_usd=-61.5, selection_r=-0.6, selection_low=-0.75,
    selection_high=-0.45, selection_any_low=-0.9, selection_any_high=-0.3, slow_r=-0.65,
    slow_low=-0.8, slow_high=-0.5, value_r_per_day=0.4, value_usd=1234.5, value_low=0.2,
    value_high=0.6, value_any_low=0.1, value_any_high=0.7, n_eff=71.5, limit_now=0.25,
    days_to_go=0, value_limit_now=0.3, missing_data_usd=-7.0, no_counterpart=0.125, rv_z_r=-0.2,
    worst_day_with_usd=-100.0, worst_day_without_usd=-200.0, cvar_with_usd=-90.0,
    cvar_without_usd=-180.0, drawdown_with_usd=300.0, drawdown_without_usd=900.0,
    under_water_with_days=12, under_water_without_days=44, verdict="PROTECTIVE",
    reason="both decided", sentence="guard turns away losers.",
)  # fmt: skip
YOUNG = ReportRow(
    group="filter", name="young", mode="observe", series="b2", series_number=2, blocked=1,
    sole_blocked=1, fail_closed=3, provisional=4, clamped_usd=-1.25,
    left_out={"joint": 5, "no_data": 3}, companion="guard", verdict="UNDETERMINED",
    reason="too few <days>", sentence="Too few <days>.",
    warnings=["series 2 of this limit: each has a chance of its own to be wrong"],
)  # fmt: skip
HALT = ReportRow(group="filter", name="halt", mode="enforce", blocked=6, fail_closed=1)
SLICE = ReportRow(
    group="coin", name="SOL", mode="", blocked=40, sole_blocked=30, shared_blocked=10,
    fail_closed=2, episodes=25, days=22, mean_bps=-12.34, mean_r=-0.5, taken_r=0.1, net_usd=-61.5,
    shrunken_r=-0.3, shrunken_low=-0.5, shrunken_high=-0.1, reason="a slice has no verdict",
)  # fmt: skip
SMALL = Bias(9, 0.1, -0.2, 0.4, within=True)


def report_of(*rows: ReportRow, by: str = "filter", bias: Bias = SMALL, since: str = "") -> Report:
    """Return a report of these rows, or of both filters."""
    return Report(by, since, list(rows or (GUARD, YOUNG)), [], bias, 2, 3, 4)
