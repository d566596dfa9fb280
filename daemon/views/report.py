"""Rows of the shadow report as they are written: each names its group and carries the bias."""

from __future__ import annotations

import msgspec
from msgspec import UNSET, UnsetType, structs

from shadow.report.report import Report
from shadow.report.row import ReportRow


class ReportLine(ReportRow, kw_only=True):
    """A row of the report, its name also under the key that the report is grouped by.

    `bias_bps` is twin minus real over all pairs, `bias_within` whether it is small enough for
    verdicts; both are null for bots in the shadow stage, which have none.
    """

    filter: str | UnsetType = UNSET
    division: str | UnsetType = UNSET
    bot: str | UnsetType = UNSET
    coin: str | UnsetType = UNSET
    day: str | UnsetType = UNSET
    bias_bps: float | None
    bias_within: bool | None


def report_lines(report: Report) -> list[ReportLine]:
    """Return the rows of a report; shadow-only bots come last, under the name `stage`."""
    bias = report.bias
    lines = [_line(row, report.by, row.name, bias.mean_bps, bias.within) for row in report.rows]
    return lines + [_line(row, report.by, "stage", None, None) for row in report.staged]


def _line(
    row: ReportRow, by: str, name: str, bias_bps: float | None, bias_within: bool | None
) -> ReportLine:
    bias = {"bias_bps": bias_bps, "bias_within": bias_within}
    return msgspec.convert({**structs.asdict(row), by: name, **bias}, ReportLine)
