"""Report by limit: each with its verdict, and the rules apart, which have none."""

from __future__ import annotations

import sqlite3
from typing import Any

from msgspec import Struct, structs

from market.events import NS_PER_MS
from quant.inference.anytime import Bounds
from shadow.report.counts import Counts, counts
from shadow.report.evidence import Book, Series, shown
from shadow.report.fold import Counted
from shadow.report.folds import MATCHED, MATCHED_DAY
from shadow.report.row import NONE, ReportRow, finite
from shadow.report.verdict import UNDETERMINED, Estimate, Once, Ruling, Window, decide, look
from shadow.store.rows import day_of

CONTROL = "control"
# The mode of a limit by what its branch toggles.
MODES = {"observed": "enforce", "enforced": "observe"}
NOT_BEGUN = "its series has not begun yet"


class Limits(Struct):
    """Rows of limits, and of filters that are none: rules, and what no series measures."""

    rows: list[ReportRow]
    rules: list[ReportRow]


def by_limit(
    db: sqlite3.Connection, since: str, *, bias_within: bool, everything: bool = False
) -> Limits:
    """Return a row for each limit, its running series first; `everything` adds the older ones.

    From `since` on there are counts and intervals of one look; the verdict is of the whole series.
    A filter that refused something since series are kept, but has none, is a rule.
    """
    book = Book(db, bias_within=bias_within)
    counted = counts(db, since)
    limits = [_row(book, one, counted, since) for one in shown(book.series, everything=everything)]
    known = {row.name for row in limits}
    limits = _with_control(_in_order(limits))
    begun = min((one.from_ns for one in book.series), default=0) // NS_PER_MS
    rules = []
    for name in sorted(counted.keys() - known - {""}):
        row = _counted(name, counted[name])
        if begun and counted[name].day >= day_of(begun):
            rules.append(row)
            continue
        row.verdict, row.reason = UNDETERMINED, NOT_BEGUN
        row.sentence = f"{NOT_BEGUN[:1].upper()}{NOT_BEGUN[1:]}."
        limits.append(row)
    return Limits(limits, rules)


def _counted(name: str, one: Counts) -> ReportRow:
    """Return the row of a filter with what is counted of it alone."""
    return ReportRow(
        group="filter",
        name=name,
        mode=one.mode,
        blocked=one.sole + one.shared,
        sole_blocked=one.sole,
        shared_blocked=one.shared,
        fail_closed=one.fail_closed,
        mean_bps=one.bps / one.entries if one.entries else None,
        net_usd=one.net_e6 / 1e6,
        clamped_usd=one.clamped_e6 / 1e6,
        left_out=dict(sorted(one.left_out.items())),
        companion=one.companion,
        reason="a rule has no verdict",
    )


def _row(book: Book, series: Series, counted: dict[str, Counts], since: str) -> ReportRow:
    # What was counted of the filter is not told apart by series; an older one has none of it.
    one = counted.get(series.filter, Counts()) if series.running else Counts(mode="ended")
    row = _counted(series.filter, one)
    whole = structs.replace(book.evidence(series), stopped=row.blocked)
    ruling = decide(series.filter, whole)
    row.series, row.series_number = series.series_id, series.number
    _tell_verdict(row, ruling)
    if since:
        days = book.days(series, since)
        rest = whole if days is not None else book.evidence(series, since=since)
        _tell_window(row, look(rest, since, days))
    else:
        _tell_whole(row, ruling)
    plain = _plain(book, series, since).selection
    row.rv_z_r = plain.r
    row.rv_z_low, row.rv_z_high = _ends(plain.single)
    _tell_desks(row, book, series, since)
    return row


def _plain(book: Book, series: Series, since: str) -> Window:
    """Return one look at what the plain limit chose that a series is held against."""
    days = book.days(series, since, sample=MATCHED, table=MATCHED_DAY) if since else None
    return look(book.plain(series, since="" if days is not None else since), since, days)


def _tell_verdict(row: ReportRow, ruling: Ruling) -> None:
    row.verdict, row.kind, row.reason = ruling.verdict, ruling.kind, ruling.reason
    row.sentence, row.warnings = ruling.sentence, list(ruling.warnings)
    row.provisional, row.no_counterpart = ruling.provisional.blocked, ruling.no_counterpart
    row.days = ruling.selection.days


def _tell_whole(row: ReportRow, ruling: Ruling) -> None:
    choice, value = ruling.selection, ruling.value
    _tell_once(row, choice, value, ruling.slow)
    _tell_booked(row, ruling.booked)
    row.selection_any_low, row.selection_any_high = _ends(choice.anytime)
    row.value_any_low, row.value_any_high = _ends(value.anytime)
    row.limit_now, row.value_limit_now = finite(choice.limit_now), finite(value.limit_now)
    row.days_to_go = choice.days_to_go


def _tell_window(row: ReportRow, seen: Window) -> None:
    _tell_once(row, seen.selection, seen.value, seen.slow)
    _tell_booked(row, seen.booked)
    row.days = seen.days


def _tell_booked(row: ReportRow, booked: Counted) -> None:
    row.judged, row.episodes = booked.judged, booked.blocked
    taken = booked.judged - booked.blocked
    row.mean_r = booked.blocked_r / booked.blocked if booked.blocked else None
    row.taken_r = (booked.judged_r - booked.blocked_r) / taken if taken else None


def _tell_once(row: ReportRow, choice: Once | Estimate, value: Once | Estimate, slow: Once) -> None:
    row.selection_r, row.value_r_per_day, row.n_eff = choice.r, value.r, choice.n_eff
    row.slow_r = slow.r
    row.slow_low, row.slow_high = _ends(slow.single)
    row.selection_low, row.selection_high = _ends(choice.single)
    row.value_low, row.value_high = _ends(value.single)


def _ends(bounds: Bounds | None) -> tuple[float | None, float | None]:
    return (None, None) if bounds is None else (bounds.low, bounds.high)


def _tell_desks(row: ReportRow, book: Book, series: Series, since: str) -> None:
    desks = book.desks(series)
    row.mode = row.mode or MODES.get(desks.kind or book.kind(series), "")
    row.value_usd, row.missing_data_usd = desks.value_usd(since), desks.missing_data_usd(since)
    with_it, without = desks.tails(since)
    if with_it is None or without is None:
        return
    row.worst_day_with_usd, row.worst_day_without_usd = with_it.worst, without.worst
    row.cvar_with_usd, row.cvar_without_usd = with_it.cvar, without.cvar
    row.drawdown_with_usd, row.drawdown_without_usd = with_it.drawdown, without.drawdown
    row.under_water_with_days = with_it.under_water_days
    row.under_water_without_days = without.under_water_days


def _in_order(rows: list[ReportRow]) -> list[ReportRow]:
    """Put what is decided first, then what will be soonest, then what shows least; control last.

    Older series stay behind the one of their limit that is shown.
    """
    first: dict[str, tuple[Any, ...]] = {}
    for row in rows:
        first.setdefault(row.name, _place(row))
    return sorted(rows, key=lambda row: first[row.name])


def _place(row: ReportRow) -> tuple[Any, ...]:
    worth = -abs(row.value_usd or 0.0)
    if row.name == CONTROL:
        return (3, 0.0, row.name)
    if row.verdict not in (UNDETERMINED, NONE):
        return (0, worth, row.name)
    if row.selection_low is not None:
        soon = float("inf") if row.days_to_go is None else row.days_to_go
        return (1, soon, row.name)
    return (2, 0.0, row.name)


def _with_control(rows: list[ReportRow]) -> list[ReportRow]:
    """Let each row carry what a coin chose, to be held against."""
    coin = next((row for row in rows if row.name == CONTROL), None)
    if coin is None:
        return rows
    told = {
        "control_r": coin.selection_r,
        "control_low": coin.selection_low,
        "control_high": coin.selection_high,
    }
    return [structs.replace(row, **told) for row in rows]
