"""Candle intervals, and the folding of minute bars.

Intervals are counted from 1970-01-01, months by the calendar. Folding is exact: prices stay units
and volumes stay lots until they become text.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from msgspec import Struct

from market.events import MS_PER_DAY, MS_PER_HOUR, MS_PER_MINUTE
from market.instrument import Instrument
from venue.local.market.ticks import text_of

MONTH = "1M"
INTERVAL_MS = {
    "1m": MS_PER_MINUTE,
    "3m": 3 * MS_PER_MINUTE,
    "5m": 5 * MS_PER_MINUTE,
    "15m": 15 * MS_PER_MINUTE,
    "30m": 30 * MS_PER_MINUTE,
    "1h": MS_PER_HOUR,
    "2h": 2 * MS_PER_HOUR,
    "4h": 4 * MS_PER_HOUR,
    "8h": 8 * MS_PER_HOUR,
    "12h": 12 * MS_PER_HOUR,
    "1d": MS_PER_DAY,
    "3d": 3 * MS_PER_DAY,
    "1w": 7 * MS_PER_DAY,
    # Longer than any month, for bounds only.
    MONTH: 31 * MS_PER_DAY,
}
INTERVALS = tuple(INTERVAL_MS)
ROWS_MAX = 5_000
COLUMNS = 7

Ints = npt.NDArray[np.int64]


class Bars(Struct, frozen=True):
    """Consecutive bars as columns: prices in units, volume in lots."""

    start_ms: Ints
    open: Ints
    high: Ints
    low: Ints
    close: Ints
    lots: Ints
    count: Ints

    def __len__(self) -> int:
        return len(self.start_ms)

    def where(self, kept: npt.NDArray[np.bool_]) -> Bars:
        """Return the bars for which `kept` is true."""
        return Bars(*(column[kept] for column in columns_of(self)))


def bar_start(interval: str, ms: int) -> int:
    """Return the opening time of the candle that contains a moment."""
    if interval == MONTH:
        return int(_starts(interval, np.array([ms]))[0])
    return ms - ms % INTERVAL_MS[interval]


def bar_end(interval: str, start_ms: int) -> int:
    """Return the opening time of the candle that follows the one opening at `start_ms`."""
    following = start_ms + INTERVAL_MS[interval]
    return bar_start(interval, following) if interval == MONTH else following


def oldest_start(interval: str, now_ms: int) -> int:
    """Return the opening time of the oldest candle that the venue still gives."""
    return bar_start(interval, now_ms - (ROWS_MAX - 1) * INTERVAL_MS[interval])


def _starts(interval: str, ms: Ints) -> Ints:
    if interval == MONTH:
        months = ms.astype("datetime64[ms]").astype("datetime64[M]")
        return np.asarray(months.astype("datetime64[ms]").astype(np.int64))
    return ms - ms % INTERVAL_MS[interval]


def fold(bars: Bars, interval: str) -> Bars:
    """Return longer bars from shorter ones in order; the first and last may be partial.

    A shorter bar without trades says nothing unless the whole longer one had none.
    """
    if not len(bars):
        return bars
    starts = _starts(interval, bars.start_ms)
    first = _changes(starts)
    traded = np.repeat(np.add.reduceat(bars.count, first), np.diff(np.append(first, len(starts))))
    bars = bars.where((bars.count > 0) | (traded == 0))
    starts = _starts(interval, bars.start_ms)
    first = _changes(starts)
    last = np.append(first[1:], len(starts)) - 1
    return Bars(
        starts[first],
        bars.open[first],
        np.maximum.reduceat(bars.high, first),
        np.minimum.reduceat(bars.low, first),
        bars.close[last],
        np.add.reduceat(bars.lots, first),
        np.add.reduceat(bars.count, first),
    )


def _changes(starts: Ints) -> Ints:
    """Return where a new value begins."""
    return np.flatnonzero(np.diff(starts, prepend=starts[0] - 1))


def joined(parts: list[Bars]) -> Bars:
    """Return bars one after the other; none for no parts."""
    columns = zip(*map(columns_of, parts), strict=True)
    return Bars(*map(np.concatenate, columns)) if parts else no_bars()


def no_bars() -> Bars:
    """Return bars of which there are none."""
    return Bars(*(np.empty(0, dtype=np.int64) for _ in range(COLUMNS)))


def columns_of(bars: Bars) -> tuple[Ints, ...]:
    """Return the seven columns in order."""
    return (
        bars.start_ms,
        bars.open,
        bars.high,
        bars.low,
        bars.close,
        bars.lots,
        bars.count,
    )


def rows_of(bars: Bars, interval: str, instrument: Instrument) -> list[dict[str, object]]:
    """Return bars as the venue writes candles."""
    px, sz = instrument.px_decimals, instrument.sz_decimals
    return [
        {
            "t": start,
            "T": bar_end(interval, start) - 1,
            "s": instrument.coin,
            "i": interval,
            "o": text_of(opening, px),
            "c": text_of(close, px),
            "h": text_of(high, px),
            "l": text_of(low, px),
            "v": text_of(lots, sz),
            "n": count,
        }
        for start, opening, high, low, close, lots, count in zip(
            *(column.tolist() for column in columns_of(bars)), strict=True
        )
    ]
