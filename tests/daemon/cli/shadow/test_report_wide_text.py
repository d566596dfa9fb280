from __future__ import annotations

import re

import pytest
from msgspec.structs import replace

from daemon.cli.shadow.report_wide_text import interval, named, print_details
from shadow.report.report import Report
from shadow.report.sentences import PROMISE
from tests.support.report import GUARD, HALT, YOUNG, report_of

Captured = pytest.CaptureFixture[str]


def text_of(capsys: Captured, report: Report) -> str:
    print_details(report)
    return capsys.readouterr().out


def cells_of(line: str) -> list[str]:
    return re.split(r"\s{2,}", line.strip())


def test_each_figure_of_a_limit_stands_in_its_column(capsys: Captured) -> None:
    head, guard, young = text_of(capsys, report_of()).splitlines()[:3]
    assert cells_of(head) == [
        "limit", "mode", "blocked", "counted", "judged", "days", "mean R", "taken R", "choice R",
        "one look", "any day", "value R/day", "one look", "any day", "value USD",
    ]  # fmt: skip
    assert cells_of(guard) == [
        "guard", "enforce", "40", "25", "90", "82", "-0.50", "+0.10", "-0.60", "-0.75 … -0.45",
        "-0.90 … -0.30", "+0.40", "+0.20 … +0.60", "+0.10 … +0.70", "+1,234",
    ]  # fmt: skip
    # The number of a series is said where it is not the first.
    assert cells_of(young) == ["young #2", "observe", "1", "0", "0", "0", *"–––––––––"]
    assert (named(GUARD), interval(None, 1.0)) == ("guard", "–")


def test_tails_and_comparisons_follow(capsys: Captured) -> None:
    out = text_of(capsys, report_of(GUARD))
    row = [line for line in out.splitlines() if line.lstrip().startswith("guard ")][1]
    assert cells_of(row) == [
        "guard", "0.25", "0", "-0.65", "–", "-0.20", "12%", "-7", "-100", "-200", "-90", "-180",
        "300", "900", "12", "44",
    ]  # fmt: skip


def test_every_limit_has_its_sentence_and_its_warnings(capsys: Captured) -> None:
    long = replace(GUARD, name="a-longer-name")
    lines = text_of(capsys, report_of(long, YOUNG)).splitlines()
    assert "a-longer-name  PROTECTIVE: guard turns away losers." in lines
    at = lines.index("young #2       UNDETERMINED: Too few <days>.")
    assert lines[at + 1].strip().startswith("series 2 of this limit")


@pytest.mark.parametrize(("kind", "said"), [("coin", "to a coin"), ("value", "to nothing")])
def test_what_a_limit_is_equivalent_to_is_said(kind: str, said: str, capsys: Captured) -> None:
    row = replace(GUARD, verdict="EQUIVALENT", kind=kind)
    assert f"guard  EQUIVALENT {said}: " in text_of(capsys, report_of(row))


def test_the_promise_of_all_verdicts_together_is_said_once(capsys: Captured) -> None:
    out = " ".join(text_of(capsys, report_of()).split())
    assert out.count(PROMISE) == 1
    assert "one look: 95 % if you look once; any day: holds whatever day you look" in out


def test_what_is_in_no_figure_is_said_with_its_reason(capsys: Captured) -> None:
    found = report_of()
    found.rules.append(HALT)
    assert text_of(capsys, found).splitlines()[-2:] == [
        "young #2: in no figure above 4 blocked that count on days to come, 5 blocked by others too"
        " (most often guard), 3 blocked because data was missing",
        "phantoms: 4 open, 2 without a book to enter on, 3 left out for an unknown funding rate,"
        " a suspect price or a coin that went",
    ]
    assert "in no figure above" not in text_of(capsys, report_of(GUARD))
