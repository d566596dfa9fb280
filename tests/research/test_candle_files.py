from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from market.errors import InputDamaged
from research.candle_files import HOUR_MS, candles_of, closes_of, dated
from tests.support.candles import START_MS, as_csv, as_json, gz, written

pa = pytest.importorskip("pyarrow")
feather = pytest.importorskip("pyarrow.feather")


def test_the_hours_all_have_are_put_side_by_side(tmp_path: Path) -> None:
    a = written(tmp_path / "a", 0, [1.0, 2.0, 3.0, 4.0])
    b = written(tmp_path / "b", 2, [30.0, 40.0, 50.0])
    start, closes = closes_of([a, b])
    assert start == START_MS + 2 * HOUR_MS
    assert np.array_equal(closes, [[3.0, 30.0], [4.0, 40.0]])


def test_a_hole_or_nothing_in_common_is_refused(tmp_path: Path) -> None:
    a = written(tmp_path / "a", 0, [1.0, 2.0, 3.0])
    with pytest.raises(InputDamaged, match="hours in common"):
        closes_of([a, written(tmp_path / "b", 9, [1.0])])
    with pytest.raises(InputDamaged, match="consecutive hours"):
        closes_of([written(tmp_path / "c", 0, [1.0, 2.0, 3.0], skip=1)])


def test_what_is_no_candle_file_is_named(tmp_path: Path) -> None:
    (tmp_path / "text").write_text("not feather")
    for name in ("text", "missing"):
        with pytest.raises(InputDamaged, match=f"{name}: no candles"):
            closes_of([tmp_path / name])


BARS = [(START_MS + i * 300_000, 100.0 + i) for i in range(12)]


@pytest.mark.parametrize(("write", "name"), [(as_json, "x.json.gz"), (as_csv, "x.csv.gz")])
def test_both_packed_formats_are_read(write: Any, name: str, tmp_path: Path) -> None:
    found = candles_of(write(tmp_path / name, BARS))
    assert (found.name, found.step_ms) == ("x", 300_000)
    assert found.times_ms.tolist() == [t for t, _ in BARS]
    assert found.closes.tolist() == [close for _, close in BARS]


def test_feather_of_any_length_of_bar_is_read(tmp_path: Path) -> None:
    found = candles_of(written(tmp_path / "a.feather", 0, [1.0, 2.0, 3.0, 4.0], skip=1))
    assert found.step_ms == HOUR_MS and found.closes.tolist() == [1.0, 3.0, 4.0]


def test_doubled_and_unsorted_rows_are_put_right_and_holes_stay(tmp_path: Path) -> None:
    bars = [BARS[3], *BARS[:2], BARS[1], *BARS[3:]]
    found = candles_of(as_json(tmp_path / "x.json.gz", bars))
    assert found.times_ms.tolist() == [t for i, (t, _) in enumerate(BARS) if i != 2]


def test_bars_are_joined_and_an_unfinished_one_is_left_out(tmp_path: Path) -> None:
    path = as_json(tmp_path / "x.json.gz", [b for b in BARS[:10] if b != BARS[5]])
    found = candles_of(path, 15)
    assert found.times_ms.tolist() == [START_MS, START_MS + 2 * 900_000]
    assert found.closes.tolist() == [BARS[2][1], BARS[8][1]]
    with pytest.raises(InputDamaged, match="do not make up 7"):
        candles_of(path, 7)


@pytest.mark.parametrize(
    ("name", "text", "said"),
    [
        ("a.json.gz", "[[1, 2", "no candles"),
        ("b.json.gz", "[[1, 2]]", "no candles"),
        ("c.json.gz", "[]", "fewer than two"),
        ("d.csv.gz", "date,close\n1,2\n", "no candles"),
        ("e.json.gz", "[[0,1,1,1,1,1],[7,1,1,1,1,1],[14,1,1,1,1,1]]", "common length"),
        ("f.json.gz", "[[0,1,1,1,1,1],[60000,1,1,1,-1,1]]", "not a positive number"),
    ],
)
def test_what_is_no_packed_candle_file_is_refused(
    name: str, text: str, said: str, tmp_path: Path
) -> None:
    with pytest.raises(InputDamaged, match=said):
        candles_of(gz(tmp_path / name, text))
    (tmp_path / name).write_bytes(b"not gzip")
    with pytest.raises(InputDamaged, match="no candles"):
        candles_of(tmp_path / name)


def test_dates_bound_what_is_kept(tmp_path: Path) -> None:
    days = [(START_MS + i * 24 * HOUR_MS, 100.0 + i) for i in range(6)]
    found = candles_of(as_json(tmp_path / "x.json.gz", days))
    assert dated(found, "", "").closes.tolist() == found.closes.tolist()
    assert dated(found, "2020-01-02", "2020-01-04").closes.tolist() == [101.0, 102.0, 103.0]
    with pytest.raises(InputDamaged, match="no candles from 2021"):
        dated(found, "2021-01-01", "")
