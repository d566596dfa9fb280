"""Reports with two filters: one that has been judged, and one too young to be."""

from __future__ import annotations

from shadow.report.report import Bias, Report, ReportRow

GUARD = ReportRow(
    group="filter", name="guard", mode="enforce", blocked=40, sole_blocked=30, shared_blocked=10,
    fail_closed=0, episodes=25, days=22, mean_bps=-12.34, mean_r=-0.5, ci_low=-0.75, ci_high=-0.25,
    anytime_low=-0.9, anytime_high=-0.1, delta_r=-0.4, delta_low=-0.6, delta_high=-0.2,
    net_usd=-61.5, clamped_usd=0.0, verdict="PROTECTIVE", reason="both below zero", days_more=None,
)  # fmt: skip
YOUNG = ReportRow(
    group="filter", name="young", mode="observe", blocked=1, sole_blocked=1, shared_blocked=0,
    fail_closed=3, episodes=0, days=0, mean_bps=None, mean_r=None, ci_low=None, ci_high=None,
    anytime_low=None, anytime_high=None, delta_r=None, delta_low=None, delta_high=None,
    net_usd=0.0, clamped_usd=-1.25, verdict="UNDETERMINED", reason="too few <days>", days_more=17,
)  # fmt: skip
SMALL = Bias(9, 0.1, -0.2, 0.4, within=True)


def report_of(*rows: ReportRow, by: str = "filter", bias: Bias = SMALL, since: str = "") -> Report:
    """Return a report of these rows, or of both filters."""
    return Report(by, since, list(rows or (GUARD, YOUNG)), [], bias, 2, 3, 4)
