"""A series from a text file: one number a line, used as it stands.

Blank lines and lines that begin with # say nothing, and the first line may be a heading.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from market.errors import InputDamaged

STDIN = Path("-")
SHOWN_MAX = 40


def read_series(path: Path) -> NDArray[np.float64]:
    """Return the numbers of a file, shape (n,) with n > 0; `-` is standard input.

    nan and inf are numbers here; it is for a lens to abstain. Raises InputDamaged naming the file
    and the line where there is anything but one number.
    """
    name = "standard input" if path == STDIN else str(path)
    try:
        raw = sys.stdin.buffer.read() if path == STDIN else path.read_bytes()
    except OSError as error:
        raise InputDamaged(f"{name}: cannot be read ({error.strerror})") from None
    values = list(numbers(raw.decode("utf-8-sig", "replace").splitlines(), name))
    if not values:
        raise InputDamaged(f"{name}: holds no number; expected one a line")
    return np.array(values, dtype=np.float64)


def numbers(lines: Iterable[str], name: str) -> Iterator[float]:
    """Yield the number of each line that holds one; `name` is what complaints call the file."""
    first = True
    for at, line in enumerate(lines, start=1):
        text = line.strip()
        if not text or text.startswith("#"):
            continue
        try:
            # Python reads 1_000 as a number; nobody else does.
            value = float(text if "_" not in text else "no")
        except ValueError:
            if not first:
                raise InputDamaged(
                    f"{name}, line {at}: expected one number, found {text[:SHOWN_MAX]!r}"
                ) from None
        else:
            yield value
        first = False
