"""The shadow report as a table, JSON, CSV, Parquet or HTML."""

from __future__ import annotations

import csv
import html
import io
import sys
from contextlib import redirect_stdout
from pathlib import Path
from typing import Any

import msgspec
import typer

from daemon.cli.cells import cell
from daemon.cli.common import json_text, number, print_table
from daemon.views.report import report_lines
from market.errors import ExtraMissing, OperatorError
from shadow.report.report import Report
from shadow.report.row import ReportRow


def write(report: Report, format_: str, out: Path | None, title: str) -> None:
    """Write a report to a file or to standard output."""
    if format_ == "parquet":
        _parquet(report, out)
    elif format_ == "table" and out is None:
        _table(report, title)
    else:
        text = {"json": _json, "csv": _csv, "html": _html, "table": _text}[format_](report, title)
        if out is None:
            sys.stdout.write(text)
        else:
            _save(out, text.encode())


def _save(path: Path, data: bytes) -> None:
    try:
        path.write_bytes(data)
    except OSError as error:
        raise OperatorError(f"{path}: cannot be written ({error.strerror})") from None


def _json(report: Report, _: str) -> str:
    return json_text(report_lines(report))


def _csv(report: Report, _: str) -> str:
    out = io.StringIO()
    names = [report.by, *ReportRow.__struct_fields__, "bias_bps", "bias_within"]
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(names)
    for row in msgspec.to_builtins(report_lines(report)):
        writer.writerow(cell(row.get(name, "")) for name in names)
    return out.getvalue()


def _parquet(report: Report, out: Path | None) -> None:
    if out is None and sys.stdout.isatty():
        raise typer.BadParameter("parquet is binary: name a file, or redirect", param_hint="--out")
    try:
        import pyarrow as pa
        import pyarrow.parquet as pq
    except ImportError:
        instead = "--format csv needs nothing"
        raise ExtraMissing("parquet", "pyarrow", "parquet", instead=instead) from None
    sink = io.BytesIO()
    rows = msgspec.to_builtins(report_lines(report))
    pq.write_table(pa.Table.from_pylist(rows, schema=_schema(pa, report)), sink)
    if out is None:
        sys.stdout.buffer.write(sink.getvalue())
    else:
        _save(out, sink.getvalue())


def _schema(pa: Any, report: Report) -> Any:
    kinds = {int: pa.int64(), float: pa.float64(), str: pa.string(), bool: pa.bool_()}
    fields = [(report.by, pa.string())]
    for field in msgspec.structs.fields(ReportRow):
        plain = next(
            (t for t in (int, float, str) if t in (field.type, *_members(field.type))), str
        )
        fields.append((field.name, kinds[plain]))
    return pa.schema([*fields, ("bias_bps", pa.float64()), ("bias_within", pa.bool_())])


def _members(kind: Any) -> tuple[Any, ...]:
    return getattr(kind, "__args__", ())


COLUMNS = (
    "",
    "mode",
    "blocked",
    "alone",
    "episodes",
    "days",
    "mean R",
    "95 %",
    "Δ twins",
    "95 %",
    "bps",
)


def _cells(row: ReportRow) -> tuple[str, ...]:
    return (
        row.name,
        row.mode,
        str(row.blocked),
        str(row.sole_blocked),
        str(row.episodes),
        str(row.days),
        number(row.mean_r, sign=True),
        _range(row.ci_low, row.ci_high),
        number(row.delta_r, sign=True),
        _range(row.delta_low, row.delta_high),
        number(row.mean_bps, 1, sign=True),
    )


def _range(low: float | None, high: float | None) -> str:
    return "–" if low is None or high is None else f"{low:+.2f} … {high:+.2f}"


def _verdict(row: ReportRow) -> str:
    if row.verdict != "UNDETERMINED":
        return f"{row.verdict}: {row.reason}"
    more = f", about {row.days_more} more days at this effect" if row.days_more else ""
    return f"UNDETERMINED: {row.reason}{more}"


def _table(report: Report, title: str) -> None:
    since = f" since {report.since}" if report.since else ""
    typer.echo(f"What each {report.by} blocked, and what that would have earned{since}")
    typer.echo(title)
    if not report.rows:
        typer.echo(
            f"nothing was judged since {report.since}"
            if report.since
            else "nothing has been judged yet; `gnomon run` makes signals"
        )
        for line in _staged(report):
            typer.echo(line)
        return
    rows = [_cells(row) for row in report.rows]
    print_table("", (report.by, *COLUMNS[1:]), rows, left=2, spare=(10, 5, 2, 9, 8, 1))
    width = max(len(row.name) for row in report.rows)
    for row in report.rows:
        typer.echo(f"{row.name:<{width}}  {_verdict(row)}")
    for line in _notes(report):
        typer.echo(line)


def _text(report: Report, title: str) -> str:
    out = io.StringIO()
    with redirect_stdout(out):
        _table(report, title)
    return out.getvalue()


def _notes(report: Report) -> list[str]:
    closed = {r.name: r.fail_closed for r in report.rows if r.fail_closed}
    clamped = {r.name: r.clamped_usd for r in report.rows if r.clamped_usd}
    notes = []
    if closed:
        listed = ", ".join(f"{name} {count}" for name, count in closed.items())
        notes.append(f"blocked for lack of data, in no figure above: {listed}")
    if clamped:
        listed = ", ".join(f"{name} {usd:+.2f} USD" for name, usd in clamped.items())
        notes.append(f"what caps cut off would have earned, in no figure above: {listed}")
    bias = report.bias
    if bias.pairs:
        within = (
            "small enough for verdicts" if bias.within else "NOT known to be small: no verdicts"
        )
        notes.append(
            f"twin minus real: {number(bias.mean_bps, 2, sign=True)} bps "
            f"({_range(bias.low, bias.high)}) over {bias.pairs} pairs, {within}"
        )
    else:
        notes.append("twin minus real: no closed pair yet")
    notes.append(
        f"phantoms: {report.open_phantoms} open, {report.unavailable} without a book to enter on, "
        f"{report.excluded} left out for an unknown funding rate, "
        "a suspect price or a coin that went"
    )
    return notes + _staged(report)


def _staged(report: Report) -> list[str]:
    """Return a line for each shadow-only bot; they are in no figure of the table."""
    return [
        f"shadow-only {row.name}, in no figure above: {row.blocked} signals, {row.sole_blocked} of "
        f"them stopped by nothing else, {row.episodes} with a known outcome, "
        f"mean R {number(row.mean_r, sign=True)} ({_range(row.ci_low, row.ci_high)}), "
        f"{row.net_usd:+.2f} USD"
        for row in report.staged
    ]


_STYLE = (
    "body{font:15px/1.5 system-ui,sans-serif;margin:2rem auto;max-width:70rem;padding:0 1rem;"
    "color:#1b1b1b;background:#fff}table{border-collapse:collapse;margin:1rem 0}"
    "th,td{padding:.3rem .7rem;text-align:right;border-bottom:1px solid #ddd;white-space:nowrap}"
    "th:first-child,td:first-child{text-align:left}p{color:#555;margin:.2rem 0}"
    ".PROTECTIVE{color:#0a7a36;font-weight:600}.RESTRICTIVE{color:#b3261e;font-weight:600}"
)


def _html(report: Report, title: str) -> str:
    head = "".join(f"<th>{html.escape(c)}</th>" for c in (report.by, *COLUMNS[1:], "verdict"))
    body = []
    for row in report.rows:
        cells = "".join(f"<td>{html.escape(cell)}</td>" for cell in _cells(row))
        verdict = f'<td class="{row.verdict}" title="{html.escape(row.reason)}">{row.verdict}</td>'
        body.append(f"<tr>{cells}{verdict}</tr>")
    notes = "".join(f"<p>{html.escape(note)}</p>" for note in _notes(report))
    return (
        '<!doctype html><html lang="en"><meta charset="utf-8"><title>Shadow report</title>'
        f"<style>{_STYLE}</style><h1>What each {report.by} blocked</h1><p>{html.escape(title)}</p>"
        f"<table><tr>{head}</tr>{''.join(body)}</table>{notes}</html>\n"
    )
