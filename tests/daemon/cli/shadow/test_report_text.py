from __future__ import annotations

import re
from contextlib import closing
from pathlib import Path

import msgspec
import pytest

from daemon.cli.shadow.report_text import print_report
from shadow.report.instruments import Dead
from shadow.report.report import Bias, Report, empty, report
from shadow.report.sentences import PROMISE
from shadow.store.store import open_readonly
from tests.support.market import REPO
from tests.support.report import GUARD, HALT, SLICE, YOUNG, report_of
from tests.support.report_example import example

Captured = pytest.CaptureFixture[str]


def text_of(capsys: Captured, report: Report, *, wide: bool = False) -> str:
    print_report(report, "local: a.db", wide=wide)
    return capsys.readouterr().out


def cells_of(line: str) -> list[str]:
    return re.split(r"\s{2,}", line.strip())


def test_it_says_what_it_is_about(capsys: Captured) -> None:
    first, second, *_ = text_of(
        capsys, report_of(SLICE, by="coin", since="2025-09-01")
    ).splitlines()
    assert first == "Blocked by coin since 2025-09-01"
    assert second == "local: a.db"
    assert text_of(capsys, report_of()).splitlines()[0] == "What did my limits do?"


def test_dead_instruments_stand_above_the_table_with_a_way_on(capsys: Captured) -> None:
    told = report_of()
    told.instruments = [
        Dead("guard", "guard is deaf", "listen"),
        Dead("", "the desk slept", "wake"),
    ]
    assert text_of(capsys, told).splitlines()[2:4] == [
        "instrument: guard is deaf → listen", "instrument: the desk slept → wake",
    ]  # fmt: skip


def test_each_figure_of_a_limit_stands_in_its_column(capsys: Captured) -> None:
    head, guard, young = text_of(capsys, report_of()).splitlines()[2:5]
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


def test_each_figure_of_a_slice_stands_in_its_column(capsys: Captured) -> None:
    out = text_of(capsys, report_of(SLICE, by="coin"))
    head, row = out.splitlines()[2:4]
    assert cells_of(head) == [
        "coin", "blocked", "alone", "episodes", "days", "mean R", "taken R", "shrunken R", "95 %",
        "bps", "USD",
    ]  # fmt: skip
    assert cells_of(row) == [
        "SOL", "40", "30", "25", "22", "-0.50", "+0.10", "-0.30", "-0.50 … -0.10", "-12.3",
        "-61.50",
    ]  # fmt: skip
    assert "blocked for lack of data, in no figure above: SOL 2" in out.splitlines()
    assert PROMISE.split(",")[0] not in out


def test_wide_adds_tails_and_comparisons(capsys: Captured) -> None:
    plain, wide = (text_of(capsys, report_of(GUARD), wide=w) for w in (False, True))
    assert "CVaR" not in plain
    row = [line for line in wide.splitlines() if line.lstrip().startswith("guard ")][1]
    assert cells_of(row) == [
        "guard", "0.25", "0", "-0.65", "–", "-0.20", "12%", "-7", "-100", "-200", "-90", "-180",
        "300", "900", "12", "44",
    ]  # fmt: skip
    assert "CVaR" not in text_of(capsys, report_of(SLICE, by="coin"), wide=True)


def test_verdicts_stand_below_one_another_with_their_sentences_and_warnings(
    capsys: Captured,
) -> None:
    long = msgspec.structs.replace(GUARD, name="a-longer-name")
    lines = text_of(capsys, report_of(long, YOUNG)).splitlines()
    assert "a-longer-name  PROTECTIVE: guard turns away losers." in lines
    at = lines.index("young #2       UNDETERMINED: Not shown yet: too few <days>.")
    assert lines[at + 1].strip().startswith("series 2 of this limit")


@pytest.mark.parametrize(("kind", "said"), [("coin", "to a coin"), ("value", "to nothing")])
def test_what_a_limit_is_equivalent_to_is_said(kind: str, said: str, capsys: Captured) -> None:
    row = msgspec.structs.replace(GUARD, verdict="EQUIVALENT", kind=kind)
    assert f"guard  EQUIVALENT {said}: " in text_of(capsys, report_of(row))


def test_the_promise_of_all_verdicts_together_is_said_once(capsys: Captured) -> None:
    out = " ".join(text_of(capsys, report_of()).split())
    assert out.count(PROMISE) == 1
    assert "one look: 95 % if you look once; any day: holds whatever day you look" in out


def test_a_window_says_that_verdicts_are_of_the_whole(capsys: Captured) -> None:
    said = "The verdicts are of the whole series; the window is one look more."
    assert said in text_of(capsys, report_of(since="2025-09-01")).splitlines()
    assert said not in text_of(capsys, report_of())


def test_what_is_in_no_figure_is_said_below(capsys: Captured) -> None:
    found = report_of()
    found.rules.append(HALT)
    lines = text_of(capsys, found).splitlines()
    assert lines[-5:] == [
        "young #2: in no figure above 4 blocked that count on days to come, 5 refused by others too"
        " (most often guard), 3 refused for want of data",
        "what caps cut off would have earned, in no figure above: young -1.25 USD",
        "rule halt: 7 refused; it has no verdict",
        "twin minus real: +0.10 bps (-0.20 … +0.40) over 9 pairs, small enough for verdicts",
        "phantoms: 4 open, 2 without a book to enter on, 3 left out for an unknown funding rate,"
        " a suspect price or a coin that went",
    ]
    out = text_of(capsys, report_of(GUARD))
    assert "in no figure above" not in out


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
    lines = text_of(capsys, empty("filter", "")).splitlines()
    assert lines == [
        "What did my limits do?",
        "local: a.db",
        "nothing has been judged yet; `gnomon run` makes signals",
    ]


def test_the_page_on_reading_a_report_shows_what_is_printed(
    tmp_path: Path, capsys: Captured
) -> None:
    with closing(open_readonly(example(tmp_path / "gnomon.db"))) as db:
        print_report(report(db, by="filter"), "TITLE")
    lines = [line.rstrip() for line in capsys.readouterr().out.splitlines()]
    page = (REPO / "docs" / "reading-the-report.md").read_text()
    shown = page.split("```")[1].strip().splitlines()
    assert shown[:1] + shown[2:] == lines[:1] + lines[2:]
    readme = (REPO / "README.md").read_text().splitlines()
    second_gap = lines.index("", lines.index("") + 1)
    assert all(line in readme for line in lines[2:second_gap])
