"""Cells of CSV files: nothing is run by a spreadsheet, nothing rounded, numbers stay numbers."""

from __future__ import annotations

from typing import Any

import pytest

from daemon.cli.cells import cell, cells


@pytest.mark.parametrize(
    "text",
    [
        '=HYPERLINK("http://x","y")', "+1+cmd|' /C calc'!A0", "-2+3", "@SUM(A1)", "\t=1", "\r=1",
        "\n=1", "=", "-", "\u2212" "5 R", "－1+2", "＝1", "+direction", "-1.5e", "'quoted",
    ],
)  # fmt: skip
def test_what_a_spreadsheet_would_run_is_marked_as_text(text: str) -> None:
    assert cell(text) == "'" + text


@pytest.mark.parametrize(
    "value",
    [
        "halted by operator: =1", "", "BTC", "-1.5", "+2", "1e-9", "-1.5E+3", 0, -5, 2.5, -0.1,
        None, 2**53, -(2**53), True,
    ],
)  # fmt: skip
def test_numbers_and_words_stay_what_they_are(value: Any) -> None:
    assert cell(value) is value


def test_whole_numbers_that_would_be_rounded_are_text() -> None:
    row = [2**53 + 1, -(2**53) - 1, 1790000000123456789, 5]
    assert cells(row) == ["'9007199254740993", "'-9007199254740993", "'1790000000123456789", 5]
