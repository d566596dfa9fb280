from __future__ import annotations

import csv
import json
import sys
from pathlib import Path

import msgspec
import pytest
import typer

from daemon.cli.shadow.report_files import PACKED, Titled, write
from daemon.views.report import report_lines
from market.errors import OperatorError
from shadow.report.instruments import Dead
from shadow.report.report import Report, ReportRow, empty
from tests.support.report import GUARD, HALT, SLICE, YOUNG, report_of

Captured = pytest.CaptureFixture[str]


def titled(report: Report, title: str = "local: a.db", server: str = "local") -> list[Titled]:
    return [Titled(report, title, server)]


def text_of(capsys: Captured, report: Report, format_: str = "table") -> str:
    write(titled(report), format_, None)
    return capsys.readouterr().out


# Plain data.


def test_json_is_the_rows_with_null_where_nothing_can_be_said(capsys: Captured) -> None:
    rows = json.loads(text_of(capsys, report_of(), "json"))
    assert rows == msgspec.to_builtins(report_lines(report_of(), "local"))
    assert rows[1]["mean_r"] is None and rows[1]["left_out"] == {"joint": 5, "no_data": 3}
    assert text_of(capsys, empty("filter", ""), "json").strip() == "[]"


def test_rules_have_rows_of_their_own_behind_the_limits(capsys: Captured) -> None:
    report = report_of()
    report.rules.append(HALT)
    rows = json.loads(text_of(capsys, report, "json"))
    assert [(row["filter"], row["verdict"]) for row in rows] == [
        ("guard", "PROTECTIVE"), ("young", "UNDETERMINED"), ("halt", "NONE"),
    ]  # fmt: skip


def test_several_databases_are_told_apart_in_every_row(capsys: Captured) -> None:
    both = titled(report_of(GUARD), "a.db", "one") + titled(report_of(), "b.db", "two")
    write(both, "json", None)
    rows = json.loads(capsys.readouterr().out)
    assert [(row["server"], row["name"]) for row in rows] == [
        ("one", "guard"), ("two", "guard"), ("two", "young"),
    ]  # fmt: skip
    write(both, "csv", None)
    lines = list(csv.DictReader(capsys.readouterr().out.splitlines()))
    assert [line["server"] for line in lines] == ["one", "two", "two"]
    write(both, "table", None)
    out = capsys.readouterr().out
    assert out.index("a.db") < out.index("guard") < out.index("b.db") < out.index("young")
    write(both, "html", None)
    assert capsys.readouterr().out.count("<table>") == 2


def test_csv_has_a_head_even_without_rows_and_nothing_where_nothing_can_be_said(
    capsys: Captured,
) -> None:
    rows = list(csv.DictReader(text_of(capsys, report_of(), "csv").splitlines()))
    assert [row["filter"] for row in rows] == ["guard", "young"]
    assert (rows[0]["mean_bps"], rows[1]["mean_bps"]) == ("-12.34", "")
    assert rows[1]["reason"] == "too few <days>"
    # A cell holds one thing: several are JSON in it.
    assert json.loads(rows[1]["left_out"]) == YOUNG.left_out and rows[0]["left_out"] == ""
    (head,) = text_of(capsys, empty("day", ""), "csv").splitlines()
    assert head.split(",") == [
        "day", "server", *ReportRow.__struct_fields__, "instruments", "bias_bps", "bias_within",
    ]  # fmt: skip


def test_parquet_keeps_types_even_of_columns_without_a_value(tmp_path: Path) -> None:
    pq = pytest.importorskip("pyarrow.parquet")
    for name, report in (("some", report_of()), ("young", report_of(YOUNG)), ("no", report_of())):
        if name == "no":
            report.rows.clear()
        write(titled(report), "parquet", tmp_path / name)
        table = pq.read_table(tmp_path / name)
        lines = msgspec.to_builtins(report_lines(report, "local"))
        for line in lines:
            for packed in PACKED:
                line[packed] = json.dumps(line[packed], separators=(",", ":")) * bool(line[packed])
        assert table.to_pylist() == lines
        kinds = {field.name: str(field.type) for field in table.schema}
        assert kinds["filter"] == kinds["verdict"] == kinds["left_out"] == "string"
        assert kinds["blocked"] == kinds["days_to_go"] == kinds["series_number"] == "int64"
        assert kinds["mean_r"] == kinds["net_usd"] == kinds["bias_bps"] == "double"
        assert kinds["bias_within"] == "bool"


def test_parquet_is_never_written_to_a_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True)
    with pytest.raises(typer.BadParameter, match="name a file, or redirect"):
        write(titled(report_of()), "parquet", None)


def test_without_pyarrow_the_way_to_get_it_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    with pytest.raises(OperatorError, match=r"extra parquet: .*; --format csv needs nothing$"):
        write(titled(report_of()), "parquet", tmp_path / "out")
    assert not (tmp_path / "out").exists()


# HTML and files.


def test_html_escapes_what_it_shows(capsys: Captured) -> None:
    odd = msgspec.structs.replace(YOUNG, name="<b>&", sentence='say "x"')
    write(titled(report_of(odd, GUARD), "a & <b>"), "html", None)
    page = capsys.readouterr().out
    assert page.startswith("<!doctype html>") and page.endswith("</html>\n")
    assert "<td>&lt;b&gt;&amp; #2</td>" in page and "<p>a &amp; &lt;b&gt;</p>" in page
    assert "say &quot;x&quot;" in page and "<b>" not in page
    assert '<td class="PROTECTIVE">PROTECTIVE: guard turns away losers.</td>' in page
    assert page.count("<tr>") == 3 and page.count("<td") == 2 * 16 and page.count("<th>") == 16


def test_html_names_dead_instruments_above_the_table(capsys: Captured) -> None:
    report = report_of()
    report.instruments = [Dead("young", "young is <deaf>", "listen")]
    out = text_of(capsys, report, "html")
    assert out.index("instrument: young is &lt;deaf&gt; → listen") < out.index("<table>")


def test_html_of_slices_has_no_verdict(capsys: Captured) -> None:
    page = text_of(capsys, report_of(SLICE, by="coin"), "html")
    assert "<td>SOL</td>" in page and "<th>verdict" not in page


def test_html_carries_the_notes_even_without_rows(capsys: Captured) -> None:
    told = empty("bot", "")
    told.staged = [msgspec.structs.replace(SLICE, name="sandbox")]
    page = text_of(capsys, told, "html")
    assert "<p>shadow-only sandbox (not included above): " in page and "<td" not in page


@pytest.mark.parametrize("format_", ["table", "json", "csv", "html"])
def test_a_file_gets_what_standard_output_would(
    format_: str, tmp_path: Path, capsys: Captured
) -> None:
    expected = text_of(capsys, report_of(), format_)
    write(titled(report_of()), format_, tmp_path / "out")
    assert (tmp_path / "out").read_text(encoding="utf-8") == expected != ""
    assert capsys.readouterr().out == ""


@pytest.mark.parametrize("format_", ["csv", "parquet"])
def test_a_file_that_cannot_be_written_is_the_operator_s_to_mend(
    format_: str, tmp_path: Path
) -> None:
    if format_ == "parquet":
        pytest.importorskip("pyarrow")
    path = tmp_path / "missing" / "out"
    with pytest.raises(OperatorError, match="cannot be written"):
        write(titled(report_of()), format_, path)
