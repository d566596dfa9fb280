from __future__ import annotations

import pytest

from daemon.sheet.series import Seen
from daemon.sheet.table import (
    age,
    figure,
    measure_lines,
    series_rows,
    share,
)
from quant.lens import Reading


def test_a_row_says_what_was_asked_or_what_is_to_be_said() -> None:
    quiet = Reading("rqa", 0.63, 512, {})
    silent = Reading("rqa", None, 3, {}, ("too short", "by far"))
    rows = series_rows([Seen(quiet, 0.25), Seen(silent)], {"rqa": "Does it return?"})
    assert rows == [
        ("rqa", "0.63", "0.250", "–", "Does it return?"),
        ("rqa", "–", "–", "–", "too short; by far"),
    ]


def test_measures_are_lines_and_long_lists_are_cut() -> None:
    measures = {"lag": 2, "bars": [[0.5, 1.0]], "e1": [float(i) for i in range(9)], "ok": True,
                "p": None, "state": "calm"}  # fmt: skip
    assert measure_lines(measures) == [
        "  lag    2",
        "  bars   [[0.5, 1]]",
        "  e1     [0, 1, 2, 3, 4, 5, … (9)]",
        "  ok     yes",
        "  p      –",
        "  state  calm",
    ]
    assert measure_lines({}) == []


@pytest.mark.parametrize(
    ("ms", "said"),
    [(0, "0 s"), (119_000, "119 s"), (120_000, "2 min"), (7_100_000, "118 min"),
     (7_200_000, "2 h"), (172_800_000, "2 d"), (864_000_000, "10 d")],
)  # fmt: skip
def test_ages_for_a_person(ms: int, said: str) -> None:
    assert age(ms) == said


def test_figures() -> None:
    assert (figure(None), figure(1234.56789), figure(1234.56789, 4)) == ("–", "1234.57", "1235")
    assert (share(None), share(0.98765)) == ("–", "0.988")
