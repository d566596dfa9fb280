"""Rows of the shadow report as they are written: each names its group and carries the bias."""

from __future__ import annotations

import msgspec
from msgspec import UNSET, UnsetType, structs

from shadow.report.report import Report
from shadow.report.row import ReportRow


class ReportLine(ReportRow, kw_only=True):
    """A row of the report, its name also under the key that the report is grouped by.

    `server` says of which database it is. `bias_bps` is twin minus real over all pairs,
    `bias_within` whether it is small enough for verdicts; both are null for bots in the shadow
    stage, which have none.
    """

    server: str = ""

    filter: str | UnsetType = UNSET
    division: str | UnsetType = UNSET
    bot: str | UnsetType = UNSET
    coin: str | UnsetType = UNSET
    day: str | UnsetType = UNSET
    bias_bps: float | None
    bias_within: bool | None


def report_lines(report: Report, server: str = "") -> list[ReportLine]:
    """Return the rows of a report; rules follow the limits, and shadow-only bots come last.

    A bot in the shadow stage has `stage` as its group's name.
    """
    bias = report.bias
    lines = [
        _line(row, report.by, row.name, server, bias.mean_bps, bias.within)
        for row in report.rows + report.rules
    ]
    return lines + [_line(row, report.by, "stage", server, None, None) for row in report.staged]


def _line(
    row: ReportRow, by: str, name: str, server: str, bias_bps: float | None, within: bool | None
) -> ReportLine:
    told = {"server": server, "bias_bps": bias_bps, "bias_within": within}
    return msgspec.convert({**structs.asdict(row), by: name, **told}, ReportLine)
