"""Details of the shadow report: every interval, the paths of both desks, what is in no figure."""

from __future__ import annotations

import textwrap

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
PATH_COLUMNS = (
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
# On a narrow terminal these go first, by their places.
SPARE = (1, 14, 4, 7, 12, 9, 5, 3)
READ = (
    "counted: blocked by only this limit, with an outcome that counts by now. choice: their R "
    "less what the same bots' other signals made; negative is worse. value: the desk with the "
    "limit less the desk without it. one look: 95 % if you look once; any day: holds whatever day "
    "you look, and only this decides."
)
REASONS = {
    "open": "open",
    "unfunded": "a funding rate unknown",
    "no_book": "no book to enter on",
    "called_off": "called off",
    "suspect": "a suspect price",
    "wound_down": "a coin that went",
    "no_risk": "no risk",
    "no_data": "blocked because data was missing",
    "joint": "blocked by others too",
}
WIDTH = 100


def print_details(report: Report) -> None:
    """Print both tables of details, then every limit's sentence and what is in no figure."""
    print_table("", LIMIT_COLUMNS, [cells(row) for row in report.rows], spare=SPARE)
    print_table("", PATH_COLUMNS, [_path(row) for row in report.rows])
    for line in (*verdicts(report), *left_out(report), *_head(report)):
        typer.echo(line)
    for line in shortfall_lines(report.shortfall):
        typer.echo(line)


def cells(row: ReportRow) -> tuple[str, ...]:
    """Return the cells of a limit under `LIMIT_COLUMNS`."""
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
        interval(row.selection_low, row.selection_high),
        interval(row.selection_any_low, row.selection_any_high),
        number(row.value_r_per_day, 2, sign=True),
        interval(row.value_low, row.value_high),
        interval(row.value_any_low, row.value_any_high),
        _usd(row.value_usd),
    )


def _path(row: ReportRow) -> tuple[str, ...]:
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


def interval(low: float | None, high: float | None) -> str:
    """Return an interval with its two ends."""
    return "–" if low is None or high is None else f"{low:+.2f} … {high:+.2f}"


def verdict_of(row: ReportRow) -> str:
    """Return a verdict in a few words."""
    kind = {"coin": "a coin", "value": "nothing"}.get(row.kind)
    return f"{row.verdict} to {kind}" if kind else row.verdict


def sentence_lines(rows: list[ReportRow]) -> list[str]:
    """Return a line or more for each limit with its verdict and its warnings."""
    lines = []
    width = max((len(named(row)) for row in rows), default=0)
    for row in rows:
        early = row.sentence.startswith("Too early")
        said = row.sentence if early else f"{verdict_of(row)}: {row.sentence}"
        head = f"{named(row):<{width}}  "
        lines += textwrap.wrap(said, WIDTH, initial_indent=head, subsequent_indent=" " * len(head))
        for warning in row.warnings:
            lines += textwrap.wrap(
                warning, WIDTH, initial_indent=" " * len(head), subsequent_indent=" " * len(head)
            )
    return lines


def verdicts(report: Report) -> list[str]:
    """Return every limit's sentence, and what all of them promise."""
    rows = [row for row in report.rows if row.verdict != NONE]
    if not rows:
        return []
    below = [*textwrap.wrap(PROMISE, WIDTH), *textwrap.wrap(READ, WIDTH)]
    return ["", *sentence_lines(rows), "", *below]


def left_out(report: Report) -> list[str]:
    """Return a line for each limit some of whose signals are in none of its figures."""
    found = ((named(row), _left_out(row)) for row in report.rows)
    return [f"{name}: in no figure above {', '.join(parts)}" for name, parts in found if parts]


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
    return [
        f"phantoms: {report.open_phantoms} open, {report.unavailable} without a book to enter on, "
        f"{report.excluded} left out for an unknown funding rate, "
        "a suspect price or a coin that went",
    ]
