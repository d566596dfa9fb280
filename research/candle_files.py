"""Candles from files: feather (date, close), json.gz ([[ms, o, h, l, c, v], …]) and csv.gz."""

from __future__ import annotations

import csv
import gzip
import io
import zlib
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from market.errors import ExtraMissing, InputDamaged

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

HOUR_MS = 3_600_000
# Ten years of minutes are half of it; a file that unpacks to more is none of candles.
BYTES_MAX = 512 << 20
# Of 1, 5, 15 and 30 minutes, 1 and 4 hours, and a day.
STEPS_MS = (60_000, 300_000, 900_000, 1_800_000, HOUR_MS, 4 * HOUR_MS, 24 * HOUR_MS)


class Candles(NamedTuple):
    """Closes of one file in order of time, each opening time once; missing bars are just missing.

    `times_ms` (n,) are opening times, `step_ms` is the length of a bar.
    """

    name: str
    step_ms: int
    times_ms: NDArray[np.int64]
    closes: NDArray[np.float64]


def candles_of(path: Path, minutes: int = 0) -> Candles:
    """Return the candles of a file, joined to bars of `minutes` (0: as they are).

    Raises InputDamaged for a file that is none, or whose bars do not make up the length asked
    for; ExtraMissing when pyarrow, an extra, is not installed for feather.
    """
    import numpy as np  # noqa: PLC0415 - studies only, like the rest

    times, closes = _rows(path)
    times, first = np.unique(times, return_index=True)
    closes = closes[first]
    if len(times) < 2:
        raise InputDamaged(f"{path}: holds fewer than two candles")
    steps, counts = np.unique(np.diff(times), return_counts=True)
    step = int(steps[counts.argmax()])
    if step not in STEPS_MS or (times % step).any():
        raise InputDamaged(f"{path}: its rows are not candles of a common length")
    if not (np.isfinite(closes) & (closes > 0.0)).all():
        raise InputDamaged(f"{path}: a close is not a positive number")
    name = path.name.split(".")[0]
    if minutes and minutes * 60_000 != step:
        return _joined(Candles(name, step, times, closes), minutes * 60_000, path)
    return Candles(name, step, times, closes)


def _joined(candles: Candles, step_ms: int, path: Path) -> Candles:
    """Return longer bars: the last close of each, of those whose last short bar is there."""
    if step_ms % candles.step_ms:
        raise InputDamaged(
            f"{path}: bars of {candles.step_ms // 60_000} minutes do not make up "
            f"{step_ms // 60_000}"
        )
    last = candles.times_ms % step_ms == step_ms - candles.step_ms
    times = candles.times_ms[last] // step_ms * step_ms
    return Candles(candles.name, step_ms, times, candles.closes[last])


def dated(candles: Candles, since: str, to: str) -> Candles:
    """Return the candles that open on the UTC dates from `since` to `to`; "" is no bound.

    Raises InputDamaged when fewer than two are left.
    """
    import numpy as np  # noqa: PLC0415

    day = candles.times_ms.astype("datetime64[ms]").astype("datetime64[D]")
    kept = np.ones(len(day), dtype=bool)
    if since:
        kept &= day >= np.datetime64(since)
    if to:
        kept &= day <= np.datetime64(to)
    if kept.sum() < 2:
        raise InputDamaged(f"{candles.name}: has no candles from {since or 'the first'} on")
    return candles._replace(times_ms=candles.times_ms[kept], closes=candles.closes[kept])


def closes_of(paths: Sequence[Path]) -> tuple[int, NDArray[np.float64]]:
    """Return (first opening time in ms, closes of shape (hours, files)) of their common hours.

    Raises InputDamaged for a file that is none, lacks an hour, or shares no hours with the
    others; ExtraMissing when pyarrow, an extra, is not installed.
    """
    import numpy as np  # noqa: PLC0415

    read = [_hourly(path) for path in paths]
    start = max(first for first, _ in read)
    end = min(first + len(closes) * HOUR_MS for first, closes in read)
    if start >= end:
        raise InputDamaged(f"{', '.join(map(str, paths))}: have no hours in common")
    columns = [
        closes[(start - first) // HOUR_MS : (end - first) // HOUR_MS] for first, closes in read
    ]
    return start, np.stack(columns, axis=1)


def _hourly(path: Path) -> tuple[int, NDArray[np.float64]]:
    import numpy as np  # noqa: PLC0415

    times, closes = _rows(path)
    if not len(times) or (np.diff(times) != HOUR_MS).any() or times[0] % HOUR_MS:
        raise InputDamaged(f"{path}: its rows are not consecutive hours")
    return int(times[0]), closes


def _rows(path: Path) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """Return opening times in ms and closes as the file has them; its name says its format."""
    try:
        if path.name.endswith(".json.gz"):
            return _json(path)
        if path.name.endswith(".csv.gz"):
            return _csv(path)
    except (OSError, EOFError, zlib.error, LookupError, TypeError, ValueError) as error:
        raise InputDamaged(f"{path}: no candles ({_first_line(error)})") from None
    return _feather(path)


def _first_line(error: Exception) -> str:
    return (str(error) or type(error).__name__).splitlines()[0]


def _json(path: Path) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    import msgspec  # noqa: PLC0415
    import numpy as np  # noqa: PLC0415

    with gzip.open(path) as file:
        text = file.read(BYTES_MAX + 1)
    if len(text) > BYTES_MAX:
        raise ValueError(f"more than {BYTES_MAX >> 20} MB")
    rows = msgspec.json.decode(text, type=list[list[float]])
    return np.array([int(r[0]) for r in rows], np.int64), np.array([r[4] for r in rows])


def _csv(path: Path) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    import numpy as np  # noqa: PLC0415

    with gzip.open(path) as file:
        raw = file.read(BYTES_MAX + 1)
    if len(raw) > BYTES_MAX:
        raise ValueError(f"more than {BYTES_MAX >> 20} MB")
    rows = list(csv.DictReader(io.StringIO(raw.decode("ascii"), newline="")))
    times = np.array([r["timestamp"] for r in rows], dtype="datetime64[ms]")
    return times.astype(np.int64), np.array([float(r["close"]) for r in rows])


def _feather(path: Path) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    import numpy as np  # noqa: PLC0415

    try:
        from pyarrow import ArrowException, feather, timestamp  # noqa: PLC0415
    except ImportError:
        raise ExtraMissing("a feather file", "pyarrow", "parquet") from None
    try:
        table = feather.read_table(path, columns=["date", "close"])
        times = table.column("date").cast(timestamp("ms", tz="UTC")).to_numpy().astype(np.int64)
        closes = table.column("close").to_numpy().astype(np.float64)
    except (ArrowException, OSError, ValueError) as error:
        raise InputDamaged(f"{path}: no candles ({_first_line(error)})") from None
    return times, closes
