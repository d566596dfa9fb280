from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from daemon.candle_files import HOUR_MS, closes_of
from market.errors import InputDamaged

pa = pytest.importorskip("pyarrow")
feather = pytest.importorskip("pyarrow.feather")

START_MS = 1_577_836_800_000


def written(path: Path, first: int, closes: list[float], *, skip: int = -1) -> Path:
    """Write candles that begin `first` hours after the start, one hour left out."""
    kept = [i for i in range(len(closes)) if i != skip]
    times = [START_MS + (first + i) * HOUR_MS for i in kept]
    table = pa.table(
        {
            "date": pa.array(times, pa.timestamp("ms", tz="UTC")),
            "close": pa.array([closes[i] for i in kept], pa.float64()),
        }
    )
    feather.write_feather(table, str(path))
    return path


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
