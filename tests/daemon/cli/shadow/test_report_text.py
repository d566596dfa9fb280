from __future__ import annotations

import csv
import json
import re
import sys
from pathlib import Path

import msgspec
import pytest
import typer

from daemon.cli.shadow.report_text import write
from daemon.views.report import report_lines
from market.errors import OperatorError
from shadow.report.report import Bias, Report, ReportRow, empty
from tests.support.report import GUARD, YOUNG, report_of

Captured = pytest.CaptureFixture[str]


def text_of(capsys: Captured, report: Report, format_: str = "table") -> str:
    write(report, format_, None, "local: a.db")
    return capsys.readouterr().out


# Plain data.


def test_json_is_the_rows_with_null_where_nothing_can_be_said(capsys: Captured) -> None:
    rows = json.loads(text_of(capsys, report_of(), "json"))
    assert rows == msgspec.to_builtins(report_lines(report_of())) and rows[1]["mean_r"] is None
    assert text_of(capsys, empty("filter", ""), "json").strip() == "[]"


def test_csv_has_a_head_even_without_rows_and_nothing_where_nothing_can_be_said(
    capsys: Captured,
) -> None:
    rows = list(csv.DictReader(text_of(capsys, report_of(), "csv").splitlines()))
    assert [row["filter"] for row in rows] == ["guard", "young"]
    assert (rows[0]["mean_bps"], rows[1]["mean_bps"]) == ("-12.34", "")
    assert rows[1]["reason"] == "too few <days>"
    (head,) = text_of(capsys, empty("day", ""), "csv").splitlines()
    assert head.split(",") == ["day", *ReportRow.__struct_fields__, "bias_bps", "bias_within"]


def test_parquet_keeps_types_even_of_columns_without_a_value(tmp_path: Path) -> None:
    pq = pytest.importorskip("pyarrow.parquet")
    for name, report in (("some", report_of()), ("young", report_of(YOUNG)), ("no", report_of())):
        if name == "no":
            report.rows.clear()
        write(report, "parquet", tmp_path / name, "title")
        table = pq.read_table(tmp_path / name)
        assert table.to_pylist() == msgspec.to_builtins(report_lines(report))
        kinds = {field.name: str(field.type) for field in table.schema}
        assert kinds["filter"] == kinds["verdict"] == "string"
        assert kinds["blocked"] == kinds["days_more"] == "int64"
        assert kinds["mean_r"] == kinds["net_usd"] == kinds["bias_bps"] == "double"
        assert kinds["bias_within"] == "bool"


def test_parquet_is_never_written_to_a_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True)
    with pytest.raises(typer.BadParameter, match="name a file, or redirect"):
        write(report_of(), "parquet", None, "title")


def test_without_pyarrow_the_way_to_get_it_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    with pytest.raises(OperatorError, match=r"extra parquet: .*; --format csv needs nothing$"):
        write(report_of(), "parquet", tmp_path / "out", "title")
    assert not (tmp_path / "out").exists()


# The table.


def test_the_table_says_what_it_is_about(capsys: Captured) -> None:
    first, second, *_ = text_of(capsys, report_of(by="coin", since="2025-09-01")).splitlines()
    assert first == "What each coin blocked, and what that would have earned since 2025-09-01"
    assert second == "local: a.db"
    assert text_of(capsys, report_of()).splitlines()[0].endswith("would have earned")


def test_each_figure_stands_in_its_column(capsys: Captured) -> None:
    head, guard, young = text_of(capsys, report_of()).splitlines()[2:5]
    assert re.split(r"\s{2,}", head.strip()) == [
        "filter", "mode", "blocked", "alone", "episodes", "days", "mean R", "95 %", "Δ twins",
        "95 %", "bps",
    ]  # fmt: skip
    assert guard.replace(" … ", "…").split() == [
        "guard", "enforce", "40", "30", "25", "22", "-0.500", "-0.75…-0.25", "-0.400",
        "-0.60…-0.20", "-12.3",
    ]  # fmt: skip
    assert young.split() == ["young", "observe", "1", "1", "0", "0", *"–––––"]


def test_an_interval_open_on_one_side_is_no_interval(capsys: Captured) -> None:
    half = msgspec.structs.replace(GUARD, ci_high=None)
    row = text_of(capsys, report_of(half)).splitlines()[3]
    assert "-0.75" not in row and "-0.60 … -0.20" in row


def test_verdicts_stand_below_one_another_with_reasons_and_days_to_go(capsys: Captured) -> None:
    long = msgspec.structs.replace(GUARD, name="a-longer-name")
    lines = text_of(capsys, report_of(long, YOUNG)).splitlines()
    assert "a-longer-name  PROTECTIVE: both below zero" in lines
    assert "young          UNDETERMINED: too few <days>, about 17 more days at this effect" in lines
    never = msgspec.structs.replace(YOUNG, days_more=None)
    assert "young  UNDETERMINED: too few <days>" in text_of(capsys, report_of(never)).splitlines()


def test_what_is_in_no_figure_is_said_below(capsys: Captured) -> None:
    lines = text_of(capsys, report_of()).splitlines()
    assert lines[-4:] == [
        "blocked for lack of data, in no figure above: young 3",
        "what caps cut off would have earned, in no figure above: young -1.25 USD",
        "twin minus real: +0.10 bps (-0.20 … +0.40) over 9 pairs, small enough for verdicts",
        "phantoms: 4 open, 2 without a book to enter on, 3 left out for an unknown funding rate,"
        " a suspect price or a coin that went",
    ]
    out = text_of(capsys, report_of(GUARD))
    assert "for lack of data" not in out and "caps cut off" not in out


@pytest.mark.parametrize(
    ("bias", "said"),
    [
        (Bias(1, 2.5, None, None, within=False),
         "twin minus real: +2.50 bps (–) over 1 pairs, NOT known to be small: no verdicts"),
        (Bias(0, None, None, None, within=False), "twin minus real: no closed pair yet"),
    ],
)  # fmt: skip
def test_a_bias_that_forbids_verdicts_is_said(bias: Bias, said: str, capsys: Captured) -> None:
    assert said in text_of(capsys, report_of(bias=bias)).splitlines()


def test_an_empty_report_says_how_to_fill_it(capsys: Captured) -> None:
    assert text_of(capsys, empty("filter", "")).splitlines() == [
        "What each filter blocked, and what that would have earned",
        "local: a.db",
        "nothing has been judged yet; `gnomon run` makes signals",
    ]


# HTML and files.


def test_html_escapes_what_it_shows(capsys: Captured) -> None:
    odd = msgspec.structs.replace(YOUNG, name="<b>&", reason='say "x"')
    write(report_of(odd, GUARD), "html", None, "a & <b>")
    page = capsys.readouterr().out
    assert page.startswith("<!doctype html>") and page.endswith("</html>\n")
    assert "<td>&lt;b&gt;&amp;</td>" in page and "<p>a &amp; &lt;b&gt;</p>" in page
    assert 'title="say &quot;x&quot;"' in page and "<b>" not in page
    assert '<td class="PROTECTIVE" title="both below zero">PROTECTIVE</td>' in page
    assert page.count("<tr>") == 3 and page.count("<td") == 2 * 12 and page.count("<th>") == 12


def test_html_carries_the_notes_even_without_rows(capsys: Captured) -> None:
    page = text_of(capsys, empty("bot", ""), "html")
    assert "<p>twin minus real: no closed pair yet</p>" in page and "<td" not in page


@pytest.mark.parametrize("format_", ["table", "json", "csv", "html"])
def test_a_file_gets_what_standard_output_would(
    format_: str, tmp_path: Path, capsys: Captured
) -> None:
    expected = text_of(capsys, report_of(), format_)
    write(report_of(), format_, tmp_path / "out", "local: a.db")
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
        write(report_of(), format_, path, "title")
