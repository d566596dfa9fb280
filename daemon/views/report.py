"""Rows of the shadow report as they are written: each names its group and carries the bias."""

from __future__ import annotations

import msgspec
from msgspec import UNSET, UnsetType, field, structs

from shadow.report.report import Report
from shadow.report.row import ReportRow


class ReportLine(ReportRow, kw_only=True):
    """A row of the report, its name also under the key that the report is grouped by.

    `server` says of which database it is. `instruments` says in words which instruments seem dead:
    of a limit's row its own and the desk's, of any other row all of them. `bias_bps` is twin minus
    real over all pairs, `bias_within` whether it is small enough for verdicts; both are null for
    bots in the shadow stage, which have none.
    """

    server: str = ""
    instruments: list[str] = field(default_factory=list)

    filter: str | UnsetType = UNSET
    division: str | UnsetType = UNSET
    bot: str | UnsetType = UNSET
    coin: str | UnsetType = UNSET
    regime: str | UnsetType = UNSET
    day: str | UnsetType = UNSET
    bias_bps: float | None
    bias_within: bool | None


def report_lines(report: Report, server: str = "") -> list[ReportLine]:
    """Return the rows of a report; rules follow the limits, and shadow-only bots come last.

    A bot in the shadow stage has `stage` as its group's name.
    """
    rows = [(row, row.name) for row in report.rows + report.rules]
    return [
        *(_line(report, row, name, server) for row, name in rows),
        *(_line(report, row, "stage", server) for row in report.staged),
    ]


def _line(report: Report, row: ReportRow, name: str, server: str) -> ReportLine:
    bias = (None, None) if name == "stage" else (report.bias.mean_bps, report.bias.within)
    of = (row.name, "") if row.group == "filter" else {one.filter for one in report.instruments}
    told = {
        report.by: name,
        "server": server,
        "instruments": [one.words for one in report.instruments if one.filter in of],
        "bias_bps": bias[0],
        "bias_within": bias[1],
    }
    return msgspec.convert({**structs.asdict(row), **told}, ReportLine)
