"""Closed bars of one timeframe as contiguous columns.

Invariant: `start_ms` rises by exactly one step; a hole starts the series anew, so the last
`len(series)` bars are always contiguous.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable
from typing import Any

from msgspec import Struct, field

from market.events import MS_PER_MINUTE, Candle

KEEP = 240
# The lenses look at 512 returns, and from where their recurrence threshold was last set.
KEEP_MINUTES = 600
SLACK = 120


class Series(Struct):
    """Closed bars of one timeframe as parallel columns, oldest first.

    There are always the last `keep`, once so many have closed, and fewer than SLACK more. Prices
    in USD, volume in base units. `fresh` counts bars closed since the series began and
    never shrinks when old bars are dropped, so it can stand for the bar's number. `revision` rises
    with every bar that is added or dropped, history put in the place of bars included. `anew`
    holds from when a hole has cost bars until somebody has taken note.
    """

    step_ms: int
    start_ms: list[int] = field(default_factory=list)
    open: list[float] = field(default_factory=list)
    high: list[float] = field(default_factory=list)
    low: list[float] = field(default_factory=list)
    close: list[float] = field(default_factory=list)
    volume: list[float] = field(default_factory=list)
    count: list[int] = field(default_factory=list)
    fresh: int = 0
    revision: int = 0
    anew: bool = False

    @property
    def keep(self) -> int:
        """Return how many bars are kept.

        It is no part of the state: what an older version wrote down kept fewer minutes.
        """
        return KEEP_MINUTES if self.step_ms == MS_PER_MINUTE else KEEP

    def __len__(self) -> int:
        return len(self.close)

    def append(self, bar: Candle) -> None:
        """Add a closed bar; a bar that does not follow the last one restarts the series."""
        if self.start_ms and bar.start_ms != self.start_ms[-1] + self.step_ms:
            if bar.start_ms <= self.start_ms[-1]:
                return
            self.clear()
            self.anew = True
        self.start_ms.append(bar.start_ms)
        self.open.append(bar.open)
        self.high.append(bar.high)
        self.low.append(bar.low)
        self.close.append(bar.close)
        self.volume.append(bar.volume)
        self.count.append(bar.count)
        self.fresh += 1
        self.revision += 1
        if len(self.close) >= self.keep + SLACK:
            self._drop(SLACK)

    def replace(self, bars: Iterable[Candle]) -> None:
        """Put other bars, in order, in the place of all; the last contiguous ones stay."""
        before, anew = len(self), self.anew
        # One that is put in the place of another is not one more.
        fresh = self.fresh
        self.clear()
        for bar in bars:
            self.append(bar)
        self.fresh = max(fresh, len(self))
        self.anew = anew or (self.anew and len(self) < before)

    def span(self, start_ms: int, end_ms: int) -> range | None:
        """Return the places of the bars that make up [start, end), None unless all are there."""
        if not self.start_ms or start_ms < self.start_ms[0]:
            return None
        first = (start_ms - self.start_ms[0]) // self.step_ms
        last = (end_ms - self.start_ms[0]) // self.step_ms
        return range(first, last) if last <= len(self) else None

    def clear(self) -> None:
        """Forget every bar."""
        self._drop(len(self.close))

    def void(self, since_ms: int) -> None:
        """Forget the bars that had not ended by then."""
        kept = bisect_right(self.start_ms, since_ms - self.step_ms)
        self.revision += 1
        for column in self._columns():
            del column[kept:]

    def _drop(self, n: int) -> None:
        self.revision += 1
        for column in self._columns():
            del column[:n]

    def _columns(self) -> tuple[list[Any], ...]:
        return (
            self.start_ms,
            self.open,
            self.high,
            self.low,
            self.close,
            self.volume,
            self.count,
        )

    def bar(self, index: int) -> Candle:
        """Return one bar as a value; negative indices count from the newest."""
        return Candle(
            self.start_ms[index],
            self.open[index],
            self.high[index],
            self.low[index],
            self.close[index],
            self.volume[index],
            self.count[index],
        )
