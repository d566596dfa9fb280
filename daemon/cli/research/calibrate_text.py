"""Tables of `gnomon research calibrate`: what was measured, beside what the rule was made on."""

from __future__ import annotations

from typing import TYPE_CHECKING

import typer

from daemon.cli.common import number, print_table

if TYPE_CHECKING:
    from daemon.backtest.known.verify import Known
    from research.calibration.figures import Figures


def print_figures(found: Figures) -> None:
    """Print every table, and last which promises are kept."""
    _print_false(found)
    _print_coverage(found)
    _print_power(found)
    _print_equivalent(found)
    cells = [(_kept(row.kept), row.promise, row.worst) for row in found.promises]
    print_table("promises", ("", "promise", "worst"), cells, left=3)


def _print_false(found: Figures) -> None:
    misses = {(row.cell, row.of): row for row in found.anytime_miss}
    control = {row.cell: row for row in found.control_undetermined}
    cells = []
    for row in found.false_verdicts:
        cells.append(
            (
                row.cell,
                f"{row.signals_a_day:g}",
                row.law,
                row.desk_years,
                _percent(row.share),
                f"≤ {_percent(row.upper)}",
                _percent(row.sheet),
                _percent(row.choice_alone),
                *(
                    _percent(misses[row.cell, of].mean) if (row.cell, of) in misses else "–"
                    for of in ("S", "V")
                ),
                _percent(control[row.cell].share),
            )
        )
    names = (
        "world", "a day", "R", "histories", "false", "95 %", "before", "S alone",
        "S missed", "V missed", "coin quiet",
    )  # fmt: skip
    print_table("desk-years with any verdict on a worthless limit", names, cells, spare=(9, 8, 2))
    typer.echo(
        "before: measured before the rule was built; missed: years in which an interval for any day"
        " (95 %) missed the truth once"
    )


def _print_coverage(found: Figures) -> None:
    rows: dict[tuple[str, str], dict[int, str]] = {}
    for row in found.coverage:
        rows.setdefault((row.cell, row.of), {})[row.day] = f"{row.mean:.1%} ({row.lowest:.0%})"
    looks = (60, 90, 180, 365)
    cells = [(*key, *(by_day.get(day, "–") for day in looks)) for key, by_day in rows.items()]
    names = ("world", "of", *(f"day {day}" for day in looks))
    print_table("single looks at 95 %: mean over limits (lowest limit)", names, cells, left=2)
    cells = [
        (
            row.law,
            f"{row.correlation:g}",
            *(f"{row.by_day[str(day)]:.1%} ({row.sheet[str(day)]:.1%})" for day in looks),
        )
        for row in found.whole_day
    ]
    names = ("R", "correlation", *(f"day {day}" for day in looks))
    print_table("the same where the whole day is the factor (before)", names, cells)


def _print_power(found: Figures) -> None:
    cells = [
        (
            f"{row.blocked_a_day:g}",
            number(row.effect_r, 1, sign=True),
            row.law,
            _percent(row.decided),
            _days(row.days, row.horizon),
            f"{_days(row.days_low, row.horizon)} … {_days(row.days_high, row.horizon)}",
            row.sheet_days or "–",
        )
        for row in found.power
    ]
    names = ("blocked a day", "planted R", "R", "decided", "days for 80 %", "95 %", "before")
    print_table("planted effects", names, cells, left=3)
    typer.echo(
        "before: without the booking delay of 14 days; a limit that chooses well for half a year"
        f" and badly for the next is PROTECTIVE in {found.lapse.then:.0%}, at the end in"
        f" {found.lapse.at_the_end:.0%}"
    )


def _print_equivalent(found: Figures) -> None:
    days = sorted({int(day) for row in found.equivalent for day in row.by_day})
    cells = [
        (
            row.cell,
            row.limit,
            *(_percent(row.by_day[str(day)]) if str(day) in row.by_day else "–" for day in days),
        )
        for row in found.equivalent
    ]
    names = ("world", "limit", *(f"by day {day}" for day in days))
    print_table("read EQUIVALENT", names, cells, left=2)


def print_known(found: Known) -> None:
    """Print whether the rows of the desk that was laid out are what they must be."""
    typer.echo(
        f"a desk laid out for {found.days} days, through engine, ledger and database:"
        f" {found.limit_days} rows of limits and {found.branch_days} of branches compared,"
        f" {len(found.unequal)} differ"
    )
    typer.echo("  " + ", ".join(f"{name} {said}" for name, said in found.verdicts.items()))
    for line in found.unequal:
        typer.echo(f"  {line}")


def _days(days: int | None, horizon: int) -> str:
    return f"> {horizon}" if days is None else str(days)


def _percent(share: float | None) -> str:
    return "–" if share is None else f"{100.0 * share:.2f} %"


def _kept(kept: bool | None) -> str:
    return "not shown" if kept is None else "kept" if kept else "BROKEN"
