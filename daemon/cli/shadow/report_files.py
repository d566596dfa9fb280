"""The shadow report as a table, JSON, CSV, Parquet or HTML, to a file or to standard output."""

from __future__ import annotations

import csv
import html
import io
import sys
from contextlib import redirect_stdout
from pathlib import Path
from typing import Any, NamedTuple

import msgspec
import typer

from daemon.cli.cells import cell
from daemon.cli.common import json_text
from daemon.cli.shadow import report_text, report_wide_text
from daemon.cli.shadow.report_text import dead, heading, notes, print_report
from daemon.views.report import ReportLine, report_lines
from market.errors import ExtraMissing, OperatorError
from shadow.report.report import Report
from shadow.report.row import ReportRow
from shadow.report.sentences import PROMISE

# Columns that hold several things, as JSON text where a cell holds but one.
PACKED = ("left_out", "warnings", "instruments")


class Titled(NamedTuple):
    """The report on one database, which database that is, and the name it has in rows."""

    report: Report
    title: str
    server: str = ""


def write(reports: list[Titled], format_: str, out: Path | None, *, wide: bool = False) -> None:
    """Write the reports on one or more databases to a file or to standard output."""
    if format_ == "parquet":
        _parquet(reports, out)
    elif format_ == "table" and out is None:
        _table(reports, wide=wide)
    else:
        text = _text(reports, wide) if format_ == "table" else _PLAIN[format_](reports)
        if out is None:
            sys.stdout.write(text)
        else:
            _save(out, text.encode())


def _save(path: Path, data: bytes) -> None:
    try:
        path.write_bytes(data)
    except OSError as error:
        raise OperatorError(f"{path}: cannot be written ({error.strerror})") from None


def _lines(reports: list[Titled]) -> list[ReportLine]:
    return [line for one in reports for line in report_lines(one.report, one.server)]


def _flat(reports: list[Titled]) -> list[dict[str, Any]]:
    rows = msgspec.to_builtins(_lines(reports))
    for row in rows:
        for name in PACKED:
            row[name] = msgspec.json.encode(row[name]).decode() if row[name] else ""
    return list(rows)


def _json(reports: list[Titled]) -> str:
    return json_text(_lines(reports))


def _csv(reports: list[Titled]) -> str:
    out = io.StringIO()
    by = reports[0].report.by
    names = [by, "server", *ReportRow.__struct_fields__, "instruments", "bias_bps", "bias_within"]
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(names)
    for row in _flat(reports):
        writer.writerow(cell(row.get(name, "")) for name in names)
    return out.getvalue()


def _parquet(reports: list[Titled], out: Path | None) -> None:
    if out is None and sys.stdout.isatty():
        raise typer.BadParameter("parquet is binary: name a file, or redirect", param_hint="--out")
    try:
        import pyarrow as pa
        import pyarrow.parquet as pq
    except ImportError:
        instead = "--format csv needs nothing"
        raise ExtraMissing("parquet", "pyarrow", "parquet", instead=instead) from None
    sink = io.BytesIO()
    schema = _schema(pa, reports[0].report.by)
    pq.write_table(pa.Table.from_pylist(_flat(reports), schema=schema), sink)
    if out is None:
        sys.stdout.buffer.write(sink.getvalue())
    else:
        _save(out, sink.getvalue())


def _schema(pa: Any, by: str) -> Any:
    kinds = {int: pa.int64(), float: pa.float64(), str: pa.string(), bool: pa.bool_()}
    fields = [(by, pa.string()), ("server", pa.string())]
    for field in msgspec.structs.fields(ReportRow):
        kind = (field.type, *getattr(field.type, "__args__", ()))
        plain = next((t for t in (int, float, str) if t in kind), str)
        fields.append((field.name, kinds[str if field.name in PACKED else plain]))
    own = (("instruments", pa.string()), ("bias_bps", pa.float64()), ("bias_within", pa.bool_()))
    return pa.schema([*fields, *own])


def _table(reports: list[Titled], *, wide: bool) -> None:
    for number, one in enumerate(reports):
        if number:
            typer.echo()
        print_report(one.report, one.title, wide=wide)


def _text(reports: list[Titled], wide: bool) -> str:
    out = io.StringIO()
    with redirect_stdout(out):
        _table(reports, wide=wide)
    return out.getvalue()


_STYLE = (
    "body{font:15px/1.5 system-ui,sans-serif;margin:2rem auto;max-width:80rem;padding:0 1rem;"
    "color:#1b1b1b;background:#fff}table{border-collapse:collapse;margin:1rem 0}"
    "th,td{padding:.3rem .7rem;text-align:right;border-bottom:1px solid #ddd;white-space:nowrap}"
    "th:first-child,td:first-child{text-align:left}p{color:#555;margin:.2rem 0}"
    "td:last-child{text-align:left;white-space:normal;min-width:20rem}"
    ".PROTECTIVE{color:#0a7a36;font-weight:600}.RESTRICTIVE{color:#b3261e;font-weight:600}"
)


def _html(reports: list[Titled]) -> str:
    return (
        '<!doctype html><html lang="en"><meta charset="utf-8"><title>Shadow report</title>'
        f"<style>{_STYLE}</style>{''.join(map(_section, reports))}</html>\n"
    )


def _section(one: Titled) -> str:
    report = one.report
    judged = report.by == "filter"
    heads: tuple[str, ...] = report_text.columns_of(report)
    cells = report_text.cells
    if judged:
        heads, cells = (*report_wide_text.LIMIT_COLUMNS, "verdict"), report_wide_text.cells
    head = "".join(f"<th>{html.escape(c)}</th>" for c in heads)
    body = []
    for row in report.rows:
        found = "".join(f"<td>{html.escape(text)}</td>" for text in cells(row))
        said = html.escape(f"{report_wide_text.verdict_of(row)}: {row.sentence}")
        found += f'<td class="{row.verdict}">{said}</td>' if judged else ""
        body.append(f"<tr>{found}</tr>")
    below = [PROMISE, *notes(report)] if judged else notes(report)
    return (
        f"<h1>{html.escape(heading(report)[0])}</h1><p>{html.escape(one.title)}</p>"
        + "".join(f"<p>{html.escape(line)}</p>" for line in dead(report))
        + f"<table><tr>{head}</tr>{''.join(body)}</table>"
        + "".join(f"<p>{html.escape(note)}</p>" for note in below)
    )


_PLAIN = {"json": _json, "csv": _csv, "html": _html}
