"""Public trades of accounts, and the minute bars of them.

Kept are the newest of each coin, minute bars of all of them, and a running number by which a
reader knows what it has not seen.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field
from itertools import islice

from market.events import MS_PER_MINUTE
from venue.local.exchange.state.exchange_state import Trade

KEPT = 2_000
MINUTES_KEPT = 40 * 1_440


@dataclass(slots=True)
class Bar:
    """One minute of accounts' trades: units and lots; `first_ms` and `last_ms` are of trades."""

    start_ms: int
    first_ms: int
    last_ms: int
    open: int
    high: int
    low: int
    close: int
    lots: int = 0
    count: int = 0

    def add(self, trade: Trade) -> None:
        """Take a trade."""
        self.high = max(self.high, trade.px)
        self.low = min(self.low, trade.px)
        self.close = trade.px
        self.last_ms = trade.ms
        self.lots += trade.lots
        self.count += 1


@dataclass(slots=True)
class Tape:
    """The trades of one coin; `count` is how many there have ever been."""

    count: int = 0
    newest: deque[Trade] = field(default_factory=lambda: deque(maxlen=KEPT))
    bars: dict[int, Bar] = field(default_factory=dict)

    def since(self, number: int) -> list[Trade]:
        """Return the trades after the first `number`, as far as they are kept."""
        missing = min(self.count - number, len(self.newest))
        return list(islice(reversed(self.newest), missing))[::-1] if missing > 0 else []


class Published:
    """The trades of all coins."""

    def __init__(self) -> None:
        self.tapes: dict[str, Tape] = {}

    def add(self, trade: Trade) -> None:
        """Take a trade."""
        tape = self.tapes.get(trade.coin)
        if tape is None:
            tape = self.tapes[trade.coin] = Tape()
        tape.count += 1
        tape.newest.append(trade)
        start = trade.ms - trade.ms % MS_PER_MINUTE
        bar = tape.bars.get(start)
        if bar is None:
            bar = tape.bars[start] = Bar(
                start, trade.ms, trade.ms, trade.px, trade.px, trade.px, trade.px
            )
            if len(tape.bars) > MINUTES_KEPT:
                del tape.bars[next(iter(tape.bars))]
        bar.add(trade)
