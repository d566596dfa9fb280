"""Rows of the shadow report: one a limit, a rule, a slice or a shadow-only bot."""

from __future__ import annotations

from math import isfinite
from typing import Literal

from msgspec import Struct, field

By = Literal["filter", "division", "bot", "coin", "regime", "day"]

NONE = "NONE"


class ReportRow(Struct, kw_only=True):
    """One group; None where nothing can be said. Intervals are 95 %.

    `blocked` counts signals that were refused, `sole_blocked` those that the limit alone refused,
    `shared_blocked` the rest and `fail_closed` refusals for want of data; `net_usd` and `mean_bps`
    are what the former would have earned (of a filter, less a later entry of the same episode) and
    `clamped_usd` what caps cut off.

    What a limit is judged by belongs to one series of it. `judged` counts signals that it answered
    for and no other enforced limit refused, `episodes` those of them it blocked, `mean_r` is their
    own R and `taken_r` that of the others; `provisional` were blocked too, and count later. Of
    selection (R per blocked signal against the same bots' others, negative is worse) and of value
    (R a day that the desk gains by it) `*_low` and `*_high` bound one look and `*_any_*` any day,
    at the verdict's α. `limit_now` and `value_limit_now` are the smallest effects that could have
    been seen, `days_to_go` until this selection decides. `slow_*` is selection with slow timing.
    `left_out` counts by reason what is in none of it, `companion` is the commonest other limit
    that refused too, `no_counterpart` the share of blocked signals of bots that are always
    blocked, `missing_data_usd` what refusals for want of data were worth to the desk.

    `control_*` is the selection of a coin, `rv_z_*` that of a plain limit which blocks the signals
    with the highest realised volatility as often as this one blocks.

    `shrunken_*` is a slice's `mean_r` drawn to what all slices have in common.
    """

    group: str
    name: str
    mode: str
    series: str = ""
    series_number: int | None = None
    blocked: int = 0
    sole_blocked: int = 0
    shared_blocked: int = 0
    fail_closed: int = 0
    judged: int = 0
    episodes: int = 0
    provisional: int = 0
    days: int = 0
    mean_bps: float | None = None
    mean_r: float | None = None
    taken_r: float | None = None
    net_usd: float = 0.0
    clamped_usd: float = 0.0
    selection_r: float | None = None
    selection_low: float | None = None
    selection_high: float | None = None
    selection_any_low: float | None = None
    selection_any_high: float | None = None
    slow_r: float | None = None
    slow_low: float | None = None
    slow_high: float | None = None
    value_r_per_day: float | None = None
    value_usd: float | None = None
    value_low: float | None = None
    value_high: float | None = None
    value_any_low: float | None = None
    value_any_high: float | None = None
    n_eff: float | None = None
    limit_now: float | None = None
    days_to_go: int | None = None
    value_limit_now: float | None = None
    missing_data_usd: float | None = None
    no_counterpart: float | None = None
    left_out: dict[str, int] = field(default_factory=dict)
    companion: str = ""
    control_r: float | None = None
    control_low: float | None = None
    control_high: float | None = None
    rv_z_r: float | None = None
    rv_z_low: float | None = None
    rv_z_high: float | None = None
    worst_day_with_usd: float | None = None
    worst_day_without_usd: float | None = None
    cvar_with_usd: float | None = None
    cvar_without_usd: float | None = None
    drawdown_with_usd: float | None = None
    drawdown_without_usd: float | None = None
    under_water_with_days: int | None = None
    under_water_without_days: int | None = None
    shrunken_r: float | None = None
    shrunken_low: float | None = None
    shrunken_high: float | None = None
    verdict: str = NONE
    kind: str = ""
    reason: str = ""
    sentence: str = ""
    warnings: list[str] = field(default_factory=list)


def finite(value: float) -> float | None:
    """Return a bound, None where it is infinite."""
    return value if isfinite(value) else None
