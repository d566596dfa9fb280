"""The shadow report for a person with a minute: a headline, a row a limit, a legend."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable, Sequence

import typer
from rich.text import Text

from daemon.cli.common import number as plain
from daemon.cli.common import print_table
from daemon.cli.shadow.interval_text import Axis, Bar, axis_of
from daemon.cli.shadow.report_wide_text import (
    interval,
    named,
    print_details,
    sentence_lines,
    verdict_of,
)
from daemon.screen.columns import Column, number, table
from daemon.views.standing import is_decided, standing
from shadow.report.by_limit import CONTROL
from shadow.report.report import Report
from shadow.report.row import ReportRow

WIDTH = 100
SLICE_COLUMNS = (
    "",
    "blocked",
    "by one limit",
    "counted",
    "days",
    "mean R",
    "taken R",
    "drawn R",
    "95 %",
    "bps",
    "USD",
)
LEGEND = (
    "only this   signals that no other limit would have stopped; a limit is judged by these",
    "vs taken R  what a blocked trade made, less what the same bots made where they were let in",
    "saved/cost  what the desk made with this limit less what it made without it, fees paid",
    "├━●━┤       thin: true whatever day you look; thick: one look. Undecided is not “no effect”.",
)
WINDOW = "The verdicts are of the whole series; the window is one look more."
NOTHING = "nothing has been judged yet; `gnomon run` makes signals"


def print_report(report: Report, title: str, *, wide: bool = False) -> None:
    """Print a report."""
    for line in (*heading(report), title, *dead(report)):
        typer.echo(line)
    if not report.rows:
        typer.echo(f"nothing was judged since {report.since}" if report.since else NOTHING)
    elif report.by == "filter":
        for line in (*headline(report), "", *limit_lines(report, _width())):
            typer.echo(line)
        if wide:
            print_details(report)
    else:
        rows = [cells(row) for row in report.rows]
        print_table("", columns_of(report), rows, spare=(9, 2, 4, 6))
    for line in notes(report):
        typer.echo(line)


def _width() -> int:
    """Return how wide the report may be: a hundred columns read best, fewer where there are."""
    if not sys.stdout.isatty():
        return WIDTH
    return min(WIDTH, int(os.environ.get("COLUMNS") or os.get_terminal_size().columns))


def heading(report: Report) -> list[str]:
    """Return the question, over which days, and of a slice that there is no verdict."""
    one = report.from_day == report.to_day
    days = report.from_day if one else f"{report.from_day} to {report.to_day}"
    since = f"since {report.since}" if report.since else days
    if report.by == "filter":
        return [f"What did my limits do?  {since}".rstrip()]
    when = f", {since}" if since else ""
    return [f"Blocked signals by {report.by}: what they would have made{when}. No verdict."]


def headline(report: Report) -> list[str]:
    """Return how many limits are decided, which saved and cost most, and what trades made."""
    limits = [row for row in report.rows if row.name != CONTROL]
    decided = [row for row in limits if is_decided(row)]
    plural = "" if len(limits) == 1 else "s"
    said = f"{len(limits)} limit{plural} watched, {len(decided) or 'none'} decided."
    worth = [row for row in decided if row.value_usd]
    best = max(worth, key=lambda row: row.value_usd or 0.0, default=None)
    worst = min(worth, key=lambda row: row.value_usd or 0.0, default=None)
    if best is not None and (best.value_usd or 0.0) > 0:
        said += f" {named(best)} saved most: {_usd(best.value_usd)} USD."
    if worst is not None and (worst.value_usd or 0.0) < 0:
        said += f" {named(worst)} cost most: {_usd(worst.value_usd)} USD."
    made = []
    if report.taken_usd is not None:
        made.append(f"The trades taken made {_usd(report.taken_usd)} USD.")
    if report.blocked_usd is not None:
        made.append(f"What the limits blocked would have made {_usd(report.blocked_usd)} USD.")
    return [said, " ".join(made)] if made else [said]


def limit_lines(report: Report, width: int) -> list[str]:
    """Return the table by limit, the legend, and the sentences of what is decided."""
    rows = report.rows
    bars = {row.series: bar_of(row, report.r_usd.get(row.series)) for row in rows}
    decided = [row for row in rows if is_decided(row) and row.name != CONTROL]
    drawn = [bars[row.series] for row in decided]
    axis = axis_of(
        [bar for bar in drawn if bar is not None], [bar for bar in bars.values() if bar is not None]
    )
    lines = table(_columns(rows, bars, axis), width)
    rule = "─" * width
    heads, body = [line.plain for line in lines[:2]], [line.plain for line in lines[2:]]
    grouped = _apart(rows, body)
    told = sentence_lines(decided)
    legend = [line[:width] for line in LEGEND]
    window = [WINDOW] if report.since else []
    return [*heads, rule, *grouped, rule, *legend, *window, *([""] if told else []), *told]


def _apart(rows: Sequence[ReportRow], lines: Sequence[str]) -> list[str]:
    """Return the lines with a space between what is decided, what is not, and the placebo."""
    found: list[str] = []
    kinds = [2 if row.name == CONTROL else 1 - is_decided(row) for row in rows]
    for at, line in enumerate(lines):
        if at and kinds[at] != kinds[at - 1]:
            found.append("")
        found.append(line)
    return found


def _columns(rows: Sequence[ReportRow], bars: dict[str, Bar | None], axis: Axis) -> list[Column]:
    def cells(texts: Iterable[str]) -> list[Text]:
        return [Text(text) for text in texts]

    return [
        Column(head="limit", cells=cells(map(_name, rows)), left=True),
        Column(head="blocked", cells=cells(str(r.blocked) for r in rows), leaves=2),
        Column(above="only", head="this", cells=cells(str(r.sole_blocked) for r in rows)),
        Column(
            above="vs",
            head="taken R",
            cells=cells(number(r.selection_r, sign=True) for r in rows),
            leaves=1,
        ),
        Column(above="saved or", head="cost USD", cells=cells(_usd(r.value_usd) for r in rows)),
        Column(
            above="USD a day",
            head=axis.head(),
            cells=cells(axis.draw(bars[r.series]) for r in rows),
            left=True,
            leaves=3,
        ),
        Column(head="verdict", cells=cells(map(_verdict, rows)), left=True),
    ]


def _name(row: ReportRow) -> str:
    return f"{named(row)}°" if row.mode == "observe" else named(row)


def _verdict(row: ReportRow) -> str:
    if row.name == CONTROL and not is_decided(row):
        return "undecided, as it must be"
    return verdict_of(row) if is_decided(row) else standing(row)


def bar_of(row: ReportRow, r_usd: float | None) -> Bar | None:
    """Return what a limit was worth in USD a day, None until that is shown."""
    if r_usd is None or row.value_r_per_day is None or row.value_low is None:
        return None
    ends = (
        row.value_r_per_day,
        row.value_low,
        row.value_high,
        row.value_any_low,
        row.value_any_high,
    )
    at, low, high, any_low, any_high = (None if r is None else r * r_usd for r in ends)
    assert at is not None and low is not None and high is not None
    return Bar(at, low, high, any_low, any_high)


def dead(report: Report) -> list[str]:
    """Return a line for each instrument that seems dead, and what to do about it."""
    return [f"instrument: {one.words} → {one.remedy}" for one in report.instruments]


def columns_of(report: Report) -> tuple[str, ...]:
    """Return the heads of the columns of slices."""
    return (report.by, *SLICE_COLUMNS[1:])


def cells(row: ReportRow) -> tuple[str, ...]:
    """Return the cells of a slice."""
    return (
        row.name,
        str(row.blocked),
        str(row.sole_blocked),
        str(row.episodes),
        str(row.days),
        plain(row.mean_r, 2, sign=True),
        plain(row.taken_r, 2, sign=True),
        plain(row.shrunken_r, 2, sign=True),
        interval(row.shrunken_low, row.shrunken_high),
        plain(row.mean_bps, 1, sign=True),
        f"{row.net_usd:+,.2f}",
    )


def notes(report: Report) -> list[str]:
    """Return what is in no figure, what the figures rest on, and where there is more."""
    lines = []
    missing = {row.name: row.fail_closed for row in report.rows if row.fail_closed}
    if missing:
        listed = ", ".join(f"{name} {count}" for name, count in missing.items())
        lines.append(f"blocked because data was missing (not counted): {listed}")
    clamped = {row.name: row.clamped_usd for row in report.rows if row.clamped_usd}
    if clamped:
        listed = ", ".join(f"{name} {_usd(usd, 2)} USD" for name, usd in clamped.items())
        lines.append(f"size trimmed by caps would have made (not included above): {listed}")
    if report.rules:
        listed = ", ".join(f"{row.name} {row.blocked + row.fail_closed}" for row in report.rules)
        lines.append(f"rules, which have no verdict, blocked: {listed}")
    if report.by == "filter" and report.rows:
        lines.append(_bias(report))
    lines += [
        f"shadow-only {row.name} (not included above): {row.blocked} signals, {row.sole_blocked} of"
        f" them stopped by nothing else, {row.episodes} with a known outcome, "
        f"mean R {plain(row.mean_r, sign=True)}, {_usd(row.net_usd, 2)} USD"
        for row in report.staged
    ]
    if report.by == "filter" and report.rows:
        more = "one figure: gnomon explain direction.value_usd   words: gnomon glossary"
        lines += ["", f"More: --wide, --by bot   {more}"]
    return lines


def _bias(report: Report) -> str:
    """Return how far the simulator is to be trusted."""
    bias = report.bias
    if not bias.pairs:
        return "simulator bias: no trade has closed beside its twin yet"
    if bias.within and not bias.mean_bps and not bias.low and not bias.high:
        return "on paper: simulator bias is zero by construction"
    said = "small enough for verdicts" if bias.within else "NOT known to be small: no verdicts"
    return (
        f"simulator bias: a twin makes {plain(bias.mean_bps, 2, sign=True)} bps"
        f" ({interval(bias.low, bias.high)}) more than the real trade, {bias.pairs} pairs, {said}"
    )


def _usd(value: float | None, decimals: int = 0) -> str:
    return number(value, decimals, sign=True)
