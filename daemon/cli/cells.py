"""Cells of CSV files that a spreadsheet neither calculates nor rounds.

One that begins like a formula would be run when the file is opened, and a whole number beyond 2^53
would lose its last digits. Both get an apostrophe in front, which spreadsheets take as "this is
text"; whoever reads the file with a program takes it off. Numbers stay numbers.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any

from daemon.cli.common import EXACT_MAX

MARK = "'"
# Also as they look in wide letters; and what is marked already, so that marks can be taken off.
FORMULA = re.compile("[=+@\t\r\n＝＋－＠−-]")
NUMBER = re.compile(r"[+-]?[0-9]+(\.[0-9]+)?([eE][+-]?[0-9]+)?")


def cell(value: Any) -> Any:
    """Return a value as a cell that is shown as it is."""
    if isinstance(value, str):
        formula = FORMULA.match(value) and not NUMBER.fullmatch(value)
        return MARK + value if formula or value.startswith(MARK) else value
    if isinstance(value, int) and abs(value) > EXACT_MAX:
        return f"{MARK}{value}"
    return value


def cells(row: Iterable[Any]) -> list[Any]:
    """Return a row of such cells."""
    return [cell(value) for value in row]
