"""Rows of the shadow report, made from daily entries and effects in R."""

from __future__ import annotations

from collections.abc import Iterable
from math import isfinite
from typing import Literal

from msgspec import Struct

from shadow.report.verdict import Finding

By = Literal["filter", "division", "bot", "coin", "day"]

NO_SIGNALS = {"sole": 0, "shared": 0, "fail_closed": 0}


class ReportRow(Struct):
    """One group. Effects in R unless said otherwise; None where nothing can be said.

    `blocked` counts signals the group's filter refused (alone or with others), `sole_blocked`
    those it alone refused; `episodes` those of them with a known outcome. `fail_closed` counts
    refusals for lack of data and `clamped_usd` what caps cut off would have earned; neither is
    in any other figure. `ci_*` bounds `mean_r`, `delta_*` bounds `delta_r`, both 95 % clustered
    on days; `anytime_*` is the interval for those who look every day.
    """

    group: str
    name: str
    mode: str
    blocked: int
    sole_blocked: int
    shared_blocked: int
    fail_closed: int
    episodes: int
    days: int
    mean_bps: float | None
    mean_r: float | None
    ci_low: float | None
    ci_high: float | None
    anytime_low: float | None
    anytime_high: float | None
    delta_r: float | None
    delta_low: float | None
    delta_high: float | None
    net_usd: float
    clamped_usd: float
    verdict: str
    reason: str
    days_more: int | None


class Days(dict[str, tuple[int, float]]):
    """Entries and effects by day."""

    def add(self, day: str, entries: int, effect: float) -> None:
        """Add to a day."""
        n, total = self.get(day, (0, 0.0))
        self[day] = (n + entries, total + effect)


def merged(parts: Iterable[Days]) -> Days:
    """Return entries and effects of several bots together, added up from left to right."""
    out = Days()
    for part in parts:
        for day, (n, effect) in part.items():
            out.add(day, n, effect)
    return out


def make_row(
    group: str,
    name: str,
    mode: str,
    counts: dict[str, int],
    finding: Finding,
    *,
    bps: float,
    net_e6: int,
    clamped_e6: int,
) -> ReportRow:
    """Return the row of one group; `bps` and money are sums over its episodes."""
    theta, delta, wide = finding.theta, finding.delta, finding.theta_anytime
    return ReportRow(
        group=group,
        name=name,
        mode=mode,
        blocked=counts["sole"] + counts["shared"],
        sole_blocked=counts["sole"],
        shared_blocked=counts["shared"],
        fail_closed=counts["fail_closed"],
        episodes=finding.episodes,
        days=finding.days,
        mean_bps=bps / finding.episodes if finding.episodes else None,
        mean_r=theta.mean if theta else None,
        ci_low=finite(theta.low) if theta else None,
        ci_high=finite(theta.high) if theta else None,
        anytime_low=finite(wide.low) if wide else None,
        anytime_high=finite(wide.high) if wide else None,
        delta_r=delta.mean if delta else None,
        delta_low=finite(delta.low) if delta else None,
        delta_high=finite(delta.high) if delta else None,
        net_usd=net_e6 / 1e6,
        clamped_usd=clamped_e6 / 1e6,
        verdict=finding.verdict,
        reason=finding.reason,
        days_more=finding.days_more,
    )


def finite(value: float) -> float | None:
    """Return a bound, None where it is infinite."""
    return value if isfinite(value) else None
