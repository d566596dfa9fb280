"""The shadow report as a table for a person."""

from __future__ import annotations

import textwrap
from collections.abc import Iterable

import typer

from daemon.cli.common import number, print_table
from daemon.cli.shortfall_text import shortfall_lines
from shadow.report.report import Report
from shadow.report.row import NONE, ReportRow
from shadow.report.sentences import PROMISE

LIMIT_COLUMNS = (
    "limit",
    "mode",
    "blocked",
    "counted",
    "judged",
    "days",
    "mean R",
    "taken R",
    "choice R",
    "one look",
    "any day",
    "value R/day",
    "one look",
    "any day",
    "value USD",
)
SLICE_COLUMNS = (
    "",
    "blocked",
    "alone",
    "episodes",
    "days",
    "mean R",
    "taken R",
    "shrunken R",
    "95 %",
    "bps",
    "USD",
)
WIDE_COLUMNS = (
    "limit",
    "sees now R",
    "days to go",
    "slow timing R",
    "control R",
    "rv_z R",
    "no counterpart",
    "missing data USD",
    "worst day",
    "without",
    "CVaR 5 %",
    "without",
    "drawdown",
    "without",
    "under water",
    "without",
)
READ = (
    "counted: blocked by this limit alone, with an outcome that counts by now. choice: their R "
    "less what the same bots' other signals made; negative is worse. value: the desk with the "
    "limit less the desk without it. one look: 95 % if you look once; any day: holds whatever day "
    "you look, and alone decides."
)
REASONS = {
    "open": "open",
    "unfunded": "a funding rate unknown",
    "no_book": "no book to enter on",
    "called_off": "called off",
    "suspect": "a suspect price",
    "wound_down": "a coin that went",
    "no_risk": "no risk",
    "no_data": "refused for want of data",
    "joint": "refused by others too",
}
WIDTH = 100


def print_report(report: Report, title: str, *, wide: bool = False) -> None:
    """Print a report."""
    since = f" since {report.since}" if report.since else ""
    what = "What did my limits do?" if report.by == "filter" else f"Blocked by {report.by}"
    typer.echo(f"{what}{since}")
    typer.echo(title)
    for line in dead(report):
        typer.echo(line)
    if report.rows:
        print_table(
            "", columns_of(report), [cells(row) for row in report.rows], spare=_spare(report)
        )
        if wide and report.by == "filter":
            print_table("", WIDE_COLUMNS, [_wide(row) for row in report.rows], spare=())
        below = [*verdicts(report), *notes(report)]
    else:
        typer.echo(
            f"nothing was judged since {report.since}"
            if report.since
            else "nothing has been judged yet; `gnomon run` makes signals"
        )
        below = _beside(report)
    for line in below:
        typer.echo(line)


def dead(report: Report) -> list[str]:
    """Return a line for each instrument that seems dead, and what to do about it."""
    return [f"instrument: {one.words} → {one.remedy}" for one in report.instruments]


def columns_of(report: Report) -> tuple[str, ...]:
    """Return the heads of the columns."""
    return LIMIT_COLUMNS if report.by == "filter" else (report.by, *SLICE_COLUMNS[1:])


def _spare(report: Report) -> tuple[int, ...]:
    return (1, 14, 4, 7, 12, 9, 5, 3) if report.by == "filter" else (9, 2, 4, 6)


def cells(row: ReportRow) -> tuple[str, ...]:
    """Return the cells of a row."""
    if row.group != "filter":
        return (
            row.name,
            str(row.blocked),
            str(row.sole_blocked),
            str(row.episodes),
            str(row.days),
            number(row.mean_r, 2, sign=True),
            number(row.taken_r, 2, sign=True),
            number(row.shrunken_r, 2, sign=True),
            _range(row.shrunken_low, row.shrunken_high),
            number(row.mean_bps, 1, sign=True),
            f"{row.net_usd:+,.2f}",
        )
    return (
        named(row),
        row.mode,
        str(row.blocked),
        str(row.episodes),
        str(row.judged),
        str(row.days),
        number(row.mean_r, 2, sign=True),
        number(row.taken_r, 2, sign=True),
        number(row.selection_r, 2, sign=True),
        _range(row.selection_low, row.selection_high),
        _range(row.selection_any_low, row.selection_any_high),
        number(row.value_r_per_day, 2, sign=True),
        _range(row.value_low, row.value_high),
        _range(row.value_any_low, row.value_any_high),
        _usd(row.value_usd),
    )


def _wide(row: ReportRow) -> tuple[str, ...]:
    share = row.no_counterpart
    return (
        named(row),
        number(row.limit_now, 2),
        "–" if row.days_to_go is None else str(row.days_to_go),
        number(row.slow_r, 2, sign=True),
        number(row.control_r, 2, sign=True),
        number(row.rv_z_r, 2, sign=True),
        "–" if share is None else f"{share:.0%}",
        _usd(row.missing_data_usd),
        _usd(row.worst_day_with_usd),
        _usd(row.worst_day_without_usd),
        _usd(row.cvar_with_usd),
        _usd(row.cvar_without_usd),
        _usd(row.drawdown_with_usd, sign=False),
        _usd(row.drawdown_without_usd, sign=False),
        number(row.under_water_with_days, 0),
        number(row.under_water_without_days, 0),
    )


def named(row: ReportRow) -> str:
    """Return a limit's name, with the number of its series where that is not the first."""
    number_ = row.series_number or 1
    return f"{row.name} #{number_}" if number_ > 1 else row.name


def _usd(value: float | None, *, sign: bool = True) -> str:
    return "–" if value is None else f"{value:{'+' if sign else ''},.0f}"


def _range(low: float | None, high: float | None) -> str:
    return "–" if low is None or high is None else f"{low:+.2f} … {high:+.2f}"


def verdict_of(row: ReportRow) -> str:
    """Return a verdict in a few words."""
    kind = {"coin": "a coin", "value": "nothing"}.get(row.kind)
    return f"{row.verdict} to {kind}" if kind else row.verdict


def verdicts(report: Report) -> list[str]:
    """Return a line or more for each limit with its verdict, and what all of them promise."""
    rows = [row for row in report.rows if row.verdict != NONE]
    if not rows:
        return []
    if report.since:
        lines = ["", "The verdicts are of the whole series; the window is one look more."]
    else:
        lines = [""]
    width = max(len(named(row)) for row in rows)
    for row in rows:
        said = f"{verdict_of(row)}: {row.sentence}"
        head = f"{named(row):<{width}}  "
        lines += textwrap.wrap(said, WIDTH, initial_indent=head, subsequent_indent=" " * len(head))
        for warning in row.warnings:
            lines += textwrap.wrap(
                warning, WIDTH, initial_indent=" " * len(head), subsequent_indent=" " * len(head)
            )
    return [*lines, "", *textwrap.wrap(PROMISE, WIDTH), *textwrap.wrap(READ, WIDTH)]


def notes(report: Report) -> list[str]:
    """Return what is in no figure, and how far the simulator is to be trusted."""
    lines = []
    for row in report.rows:
        parts = _left_out(row)
        if parts:
            lines.append(f"{named(row)}: in no figure above {', '.join(parts)}")
    if report.by != "filter":
        closed = {row.name: row.fail_closed for row in report.rows if row.fail_closed}
        if closed:
            listed = ", ".join(f"{name} {count}" for name, count in closed.items())
            lines.append(f"blocked for lack of data, in no figure above: {listed}")
    clamped = {row.name: row.clamped_usd for row in report.rows if row.clamped_usd}
    if clamped:
        listed = ", ".join(f"{name} {usd:+.2f} USD" for name, usd in clamped.items())
        lines.append(f"what caps cut off would have earned, in no figure above: {listed}")
    for row in report.rules:
        lines.append(f"rule {row.name}: {row.blocked + row.fail_closed} refused; it has no verdict")
    return lines + _head(report) + _beside(report)


def _left_out(row: ReportRow) -> list[str]:
    parts = []
    if row.provisional:
        parts.append(f"{row.provisional} blocked that count on days to come")
    for reason, count in row.left_out.items():
        words = REASONS.get(reason, reason)
        if reason == "joint" and row.companion:
            words += f" (most often {row.companion})"
        parts.append(f"{count} {words}")
    return parts


def _head(report: Report) -> list[str]:
    bias = report.bias
    if bias.pairs:
        within = (
            "small enough for verdicts" if bias.within else "NOT known to be small: no verdicts"
        )
        lines = [
            f"twin minus real: {number(bias.mean_bps, 2, sign=True)} bps "
            f"({_range(bias.low, bias.high)}) over {bias.pairs} pairs, {within}"
        ]
    else:
        lines = ["twin minus real: no closed pair yet"]
    return [
        *lines,
        f"phantoms: {report.open_phantoms} open, {report.unavailable} without a book to enter on, "
        f"{report.excluded} left out for an unknown funding rate, "
        "a suspect price or a coin that went",
    ]


def _beside(report: Report) -> list[str]:
    """Return what stands beside the verdicts: bots in the shadow stage, what the desk paid."""
    paid = shortfall_lines(report.shortfall) if report.by == "filter" else []
    return _staged(report.staged) + paid


def _staged(rows: Iterable[ReportRow]) -> list[str]:
    """Return a line for each shadow-only bot; they are in no figure of the table."""
    return [
        f"shadow-only {row.name}, in no figure above: {row.blocked} signals, {row.sole_blocked} of "
        f"them stopped by nothing else, {row.episodes} with a known outcome, "
        f"mean R {number(row.mean_r, sign=True)}, {row.net_usd:+.2f} USD"
        for row in rows
    ]
