from __future__ import annotations

import io
import sys
import tracemalloc
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from daemon.sheet.series_file import BYTES_MAX, NUMBERS_MAX, STDIN, numbers, read_series
from market.errors import InputDamaged


def written(tmp_path: Path, text: str | bytes) -> Path:
    path = tmp_path / "series.csv"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return path


@pytest.mark.parametrize(
    "text",
    [
        "1\n-2.5\n3e-4\n",
        "value\n1\n-2.5\n3e-4",
        "\ufeffvalue\r\n1\r\n-2.5\r\n3e-4\r\n",
        "# made up\n\nreturns\n\n  1  \n# half way\n-2.5\n+3e-4\n\n",
    ],
)
def test_one_number_a_line_with_a_heading_remarks_and_gaps(text: str, tmp_path: Path) -> None:
    found = read_series(written(tmp_path, text))
    assert found.dtype == np.float64 and found.tolist() == [1.0, -2.5, 3e-4]


def test_what_is_not_finite_is_for_a_lens_to_judge(tmp_path: Path) -> None:
    found = read_series(written(tmp_path, "1\nnan\ninf\n"))
    assert np.isnan(found[1]) and np.isinf(found[2])


def test_a_series_of_hostile_size_is_refused_in_bounded_memory(tmp_path: Path) -> None:
    many = written(tmp_path, b"1\n" * (NUMBERS_MAX + 1))
    oversized = tmp_path / "line.csv"
    oversized.write_bytes(b"1" * 5_000)
    tracemalloc.start()
    try:
        for path, why in (
            (Path("/dev/zero"), "larger than 32 MB"),
            (many, "more than 1,000,000 numbers"),
            (oversized, "holds no number"),
        ):
            with pytest.raises(InputDamaged, match=why):
                read_series(path)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < 4 * BYTES_MAX, f"{peak >> 20} MB"
    assert len(read_series(written(tmp_path, b"1\n" * 1000))) == 1000


@pytest.mark.parametrize(
    ("text", "at", "shown"),
    [
        ("1\n2\nthree\n", 3, "'three'"),
        ("t,x\n1,2\n", 2, "'1,2'"),
        ("# x\na\nb\n", 3, "'b'"),
        ("1\n1_000\n", 2, "'1_000'"),
        ("1\n2 3\n", 2, "'2 3'"),
        (b"1\n\xff\xfe\n", 2, "found"),
        ("1\n" + "x" * 500, 2, "'" + "x" * 40 + "'"),
    ],
)
def test_anything_else_is_refused_by_file_and_line(
    text: str | bytes, at: int, shown: str, tmp_path: Path
) -> None:
    path = written(tmp_path, text)
    with pytest.raises(InputDamaged) as caught:
        read_series(path)
    said = str(caught.value)
    assert said.startswith(f"{path}, line {at}: expected one number, found") and shown in said
    assert "\n" not in said


@pytest.mark.parametrize("text", ["", "\n\n", "# nothing\n", "value\n"])
def test_a_file_without_a_number_is_refused(text: str, tmp_path: Path) -> None:
    with pytest.raises(InputDamaged, match="holds no number"):
        read_series(written(tmp_path, text))


def test_a_file_that_is_not_there_or_no_file_is_refused(tmp_path: Path) -> None:
    for path in (tmp_path / "missing", tmp_path):
        with pytest.raises(InputDamaged, match="cannot be read"):
            read_series(path)


def test_a_dash_is_standard_input(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdin", SimpleNamespace(buffer=io.BytesIO(b"x\n1\n2\n")))
    assert read_series(STDIN).tolist() == [1.0, 2.0]
    monkeypatch.setattr(sys, "stdin", SimpleNamespace(buffer=io.BytesIO(b"1\n!\n")))
    with pytest.raises(InputDamaged, match="standard input, line 2"):
        read_series(STDIN)


@given(st.lists(st.floats(allow_nan=False), min_size=1, max_size=20))
def test_what_python_prints_reads_back_exactly(values: list[float]) -> None:
    assert list(numbers([repr(v) for v in values], "x")) == values
