"""A series from a text file: one number a line, used as it stands.

Blank lines and lines that begin with # say nothing, and the first line may be a heading.
"""

from __future__ import annotations

import io
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from market.errors import InputDamaged

STDIN = Path("-")
SHOWN_MAX = 40
# A number a second of a year; a longer series is of no use to a lens, and this much fits anywhere.
BYTES_MAX = 32 << 20
NUMBERS_MAX = 1_000_000
LINE_MAX = 4096


def read_series(path: Path) -> NDArray[np.float64]:
    """Return the numbers of a file, shape (n,) with n > 0; `-` is standard input.

    nan and inf are numbers here; it is for a lens to abstain. Raises InputDamaged naming the file
    and the line where there is anything but one number.
    """
    name = "standard input" if path == STDIN else str(path)
    try:
        if path == STDIN:
            raw = sys.stdin.buffer.read(BYTES_MAX + 1)
        else:
            with path.open("rb") as file:
                raw = file.read(BYTES_MAX + 1)
    except OSError as error:
        raise InputDamaged(f"{name}: cannot be read ({error.strerror})") from None
    if len(raw) > BYTES_MAX:
        raise InputDamaged(f"{name}: larger than {BYTES_MAX >> 20} MB; no series of numbers")
    lines = io.TextIOWrapper(io.BytesIO(raw), "utf-8-sig", "replace")
    values = np.fromiter(_few(numbers(lines, name), name), dtype=np.float64)
    if not len(values):
        raise InputDamaged(f"{name}: holds no number; expected one a line")
    return values


def _few(values: Iterator[float], name: str) -> Iterator[float]:
    for count, value in enumerate(values):
        if count == NUMBERS_MAX:
            raise InputDamaged(f"{name}: more than {NUMBERS_MAX:,} numbers")
        yield value


def numbers(lines: Iterable[str], name: str) -> Iterator[float]:
    """Yield the number of each line that holds one; `name` is what complaints call the file."""
    first = True
    for at, line in enumerate(lines, start=1):
        text = line.strip()
        if not text or text.startswith("#"):
            continue
        try:
            # Python reads 1_000 as a number; nobody else does.
            value = float(text if "_" not in text and len(text) <= LINE_MAX else "no")
        except ValueError:
            if not first:
                raise InputDamaged(
                    f"{name}, line {at}: expected one number, found {text[:SHOWN_MAX]!r}"
                ) from None
        else:
            yield value
        first = False
