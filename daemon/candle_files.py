"""Hourly candles of several coins from feather files, side by side."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from market.errors import InputDamaged, OperatorError

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

HOUR_MS = 3_600_000


def closes_of(paths: Sequence[Path]) -> tuple[int, NDArray[np.float64]]:
    """Return (first opening time in ms, closes of shape (hours, files)) of their common hours.

    Raises InputDamaged for a file that is none, lacks an hour, or shares no hours with the
    others; OperatorError when pyarrow, an extra, is not installed.
    """
    import numpy as np  # noqa: PLC0415 - studies only, like the rest

    read = [_read(path) for path in paths]
    start = max(first for first, _ in read)
    end = min(first + len(closes) * HOUR_MS for first, closes in read)
    if start >= end:
        raise InputDamaged(f"{', '.join(map(str, paths))}: have no hours in common")
    columns = [
        closes[(start - first) // HOUR_MS : (end - first) // HOUR_MS] for first, closes in read
    ]
    return start, np.stack(columns, axis=1)


def _read(path: Path) -> tuple[int, NDArray[np.float64]]:
    import numpy as np  # noqa: PLC0415

    try:
        from pyarrow import ArrowException, feather, timestamp  # noqa: PLC0415
    except ImportError:
        raise OperatorError("candle files need pyarrow: pip install 'gnomon[parquet]'") from None
    try:
        table = feather.read_table(path, columns=["date", "close"])
        times = table.column("date").cast(timestamp("ms", tz="UTC")).to_numpy().astype(np.int64)
        closes = table.column("close").to_numpy().astype(np.float64)
    except (ArrowException, OSError, ValueError) as error:
        raise InputDamaged(f"{path}: no candles ({str(error).splitlines()[0]})") from None
    if not len(times) or (np.diff(times) != HOUR_MS).any() or times[0] % HOUR_MS:
        raise InputDamaged(f"{path}: its rows are not consecutive hours")
    return int(times[0]), closes
