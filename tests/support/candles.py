"""Files of candles in every form that is read."""

from __future__ import annotations

import gzip
import json
from pathlib import Path

import numpy as np

from research.candle_files import HOUR_MS

START_MS = 1_577_836_800_000


def written(path: Path, first: int, closes: list[float], *, skip: int = -1) -> Path:
    """Write candles that begin `first` hours after the start, one hour left out."""
    import pyarrow as pa  # noqa: PLC0415 - a third of a second, for those alone who write feather
    from pyarrow import feather  # noqa: PLC0415

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


def gz(path: Path, text: str) -> Path:
    path.write_bytes(gzip.compress(text.encode()))
    return path


def as_json(path: Path, bars: list[tuple[int, float]]) -> Path:
    """Write candles as lists of milliseconds, open, high, low, close, volume."""
    return gz(path, json.dumps([[t, 1.0, 2.0, 0.5, close, 3.0] for t, close in bars]))


def as_csv(path: Path, bars: list[tuple[int, float]]) -> Path:
    """Write candles as lines with a header and written times."""
    lines = [f"{np.datetime64(t, 'ms')},{close}" for t, close in bars]
    return gz(path, "timestamp,close\n" + "\n".join(line.replace("T", " ") for line in lines))
