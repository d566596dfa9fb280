from __future__ import annotations

import re
from contextlib import closing
from pathlib import Path

import pytest
from msgspec.structs import replace

from daemon.cli.shadow.report_text import LEGEND, bar_of, limit_lines, print_report
from daemon.cli.shadow.report_wide_text import print_details
from shadow.report.instruments import Dead
from shadow.report.report import Bias, Report, empty, report
from shadow.report.shortfall import NotSplit, Shortfall
from shadow.store.store import open_readonly
from tests.support.market import REPO
from tests.support.report import GUARD, HALT, SLICE, YOUNG, report_of
from tests.support.report_example import example

Captured = pytest.CaptureFixture[str]
COSTLY = replace(GUARD, name="costly", series="c3", verdict="RESTRICTIVE", value_usd=-2_534.0)
COIN = replace(YOUNG, name="control", series="d4", series_number=1)


def text_of(capsys: Captured, report: Report, *, wide: bool = False) -> str:
    print_report(report, "local: a.db", wide=wide)
    return capsys.readouterr().out


def cells_of(line: str) -> list[str]:
    return re.split(r"\s{2,}", line.strip())


def test_the_question_and_the_days_come_first(capsys: Captured) -> None:
    told = report_of()
    told.from_day, told.to_day = "2025-04-16", "2025-05-30"
    first, second, *_ = text_of(capsys, told).splitlines()
    assert first == "What did my limits do?  2025-04-16 to 2025-05-30"
    assert second == "local: a.db"
    window = text_of(capsys, report_of(since="2025-09-01")).splitlines()[0]
    assert window == "What did my limits do?  since 2025-09-01"


def test_dead_instruments_stand_above_everything_with_a_way_on(capsys: Captured) -> None:
    told = report_of()
    told.instruments = [
        Dead("guard", "guard is deaf", "listen"),
        Dead("", "the desk slept", "wake"),
    ]
    assert text_of(capsys, told).splitlines()[2:4] == [
        "instrument: guard is deaf → listen", "instrument: the desk slept → wake",
    ]  # fmt: skip


def test_the_headline_names_what_is_decided_and_nothing_else(capsys: Captured) -> None:
    told = report_of(GUARD, COSTLY, replace(YOUNG, value_usd=99_999.0), COIN)
    told.blocked_usd = -1_192.4
    told.shortfall = Shortfall(trades=3, net_usd=600.0, not_split=NotSplit(1, net_usd=14.4))
    assert text_of(capsys, told).splitlines()[2:4] == [
        "3 limits watched, 2 decided. guard saved most: +1,234 USD. costly cost most: −2,534 USD.",
        "The trades taken made +614 USD. What the limits blocked would have made −1,192 USD.",
    ]  # fmt: skip
    none = text_of(capsys, report_of(YOUNG, COIN)).splitlines()
    assert none[2] == "1 limit watched, none decided." and none[3] == ""


def test_each_figure_of_a_limit_stands_in_its_column() -> None:
    told = report_of(GUARD, YOUNG, COIN)
    told.r_usd = {"a1": 20.0}
    above, head, rule, guard, gap, young, gap_2, coin, *_ = limit_lines(told, 100)
    assert above.split() == ["only", "vs", "saved", "or", "USD", "a", "day"]
    assert head.split() == ["limit", "blocked", "this", "taken", "R", "cost", "USD", "−20", "0",
                            "+20", "verdict"]  # fmt: skip
    assert rule == "─" * 100
    assert guard.split()[:5] == ["guard", "40", "30", "−0.60", "+1,234"]
    assert guard.split()[-1] == "PROTECTIVE" and "━●━" in guard
    assert young.split()[:5] == ["young", "#2°", "1", "1", "–"] or young.startswith("young #2°")
    assert young.endswith("too early: 0 of 20 days") and "●" not in young
    assert (gap, gap_2) == ("", "") and coin.endswith("undecided, as it must be")


def test_on_a_narrow_terminal_columns_go_and_no_number_is_cut() -> None:
    told = report_of(GUARD, YOUNG)
    told.r_usd = {"a1": 20.0}
    for width in (100, 80, 60):
        lines = limit_lines(told, width)
        assert max(map(len, lines[:6])) <= width
        assert ["+1,234" in lines[3], "PROTECTIVE" in lines[3]] == [True, True]
    assert "●" not in limit_lines(told, 80)[3] and "40" not in limit_lines(told, 60)[3].split()


def test_only_what_is_decided_has_its_sentence(capsys: Captured) -> None:
    lines = text_of(capsys, report_of(GUARD, YOUNG)).splitlines()
    assert "guard  PROTECTIVE: guard turns away losers." in lines
    assert not any("Too few <days>" in line for line in lines)
    assert any(line.startswith("only this ") for line in lines)


def test_a_slice_says_what_it_is_and_that_it_is_no_verdict(capsys: Captured) -> None:
    out = text_of(capsys, report_of(SLICE, by="coin", since="2025-09-01"))
    first, _, head, row, *notes = out.splitlines()
    assert first == (
        "Blocked signals by coin: what they would have made, since 2025-09-01. No verdict."
    )
    assert cells_of(head) == [
        "coin", "blocked", "by one limit", "counted", "days", "mean R", "taken R", "drawn R",
        "95 %", "bps", "USD",
    ]  # fmt: skip
    assert cells_of(row) == [
        "SOL", "40", "30", "25", "22", "-0.50", "+0.10", "-0.30", "-0.50 … -0.10", "-12.3",
        "-61.50",
    ]  # fmt: skip
    assert "blocked because data was missing (not counted): SOL 2" in notes
    assert "bias" not in out and "only this" not in out


def test_what_is_in_no_figure_is_said_below(capsys: Captured) -> None:
    found = report_of()
    found.rules.append(HALT)
    lines = text_of(capsys, found).splitlines()
    assert lines[-6:] == [
        "blocked because data was missing (not counted): young 3",
        "size trimmed by caps would have made (not included above): young −1.25 USD",
        "rules, which have no verdict, blocked: halt 7",
        "simulator bias: a twin makes +0.10 bps (-0.20 … +0.40) more than the real trade, 9 pairs,"
        " small enough for verdicts",
        "",
        "More: --wide, --by bot   one figure: gnomon explain direction.value_usd   words: gnomon"
        " glossary",
    ]


@pytest.mark.parametrize(
    ("bias", "said"),
    [
        (Bias(1, 2.5, None, None, within=False),
         "simulator bias: a twin makes +2.50 bps (–) more than the real trade, 1 pairs, NOT known"
         " to be small: no verdicts"),
        (Bias(0, None, None, None, within=False),
         "simulator bias: no trade has closed beside its twin yet"),
        (Bias(9, 0.0, 0.0, 0.0, within=True), "on paper: simulator bias is zero by construction"),
    ],
)  # fmt: skip
def test_how_far_the_simulator_is_to_be_trusted_is_said(
    bias: Bias, said: str, capsys: Captured
) -> None:
    assert said in text_of(capsys, report_of(bias=bias)).splitlines()


def test_an_empty_report_says_how_to_fill_it(capsys: Captured) -> None:
    lines = text_of(capsys, empty("filter", "")).splitlines()
    assert lines == [
        "What did my limits do?",
        "local: a.db",
        "nothing has been judged yet; `gnomon run` makes signals",
    ]


def test_a_bar_is_the_value_in_dollars_a_day() -> None:
    bar = bar_of(GUARD, 20.0)
    assert bar is not None and (bar.at, bar.any_low, bar.any_high) == (8.0, 2.0, 14.0)
    assert bar_of(GUARD, None) is None and bar_of(YOUNG, 20.0) is None


def test_a_window_says_that_verdicts_are_of_the_whole(capsys: Captured) -> None:
    said = "The verdicts are of the whole series; the window is one look more."
    assert said in text_of(capsys, report_of(since="2025-09-01")).splitlines()
    assert said not in text_of(capsys, report_of())


def test_the_page_on_reading_a_report_shows_what_is_printed(
    tmp_path: Path, capsys: Captured
) -> None:
    with closing(open_readonly(example(tmp_path / "gnomon.db"))) as db:
        found = report(db, by="filter")
    lines = [line.rstrip() for line in text_of(capsys, found).splitlines()]
    print_details(found)
    details = [line.rstrip() for line in capsys.readouterr().out.splitlines()]
    page = (REPO / "docs" / "reading-the-report.md").read_text()
    _, plain, _, wide, *_ = (part.strip("\n").splitlines() for part in page.split("```"))
    # The second line is the database's.
    assert plain[:1] + plain[2:] == lines[:1] + lines[2:]
    assert wide == details
    readme = (REPO / "README.md").read_text()
    assert "\n".join(lines[2 : lines.index("", lines.index(LEGEND[-1]))]) in readme
