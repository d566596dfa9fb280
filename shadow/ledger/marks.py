"""Mark-to-market of one coin's open trades, kept as columns.

Marking costs the same for one trade or for 100,000. A new mid is compared with the two nearest
exit levels and the coin's running extremes: a few float comparisons, whatever the number of
trades. Only when a level is reached, or once a second, are the columns swept. The extremes since
the last sweep are exact for every trade, because profit is monotone in the mid and the columns are
swept before a trade is added.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from shadow.ledger.trade import Trade

Column = NDArray[np.float64]

FAR = float("inf")
NEVER_NS = 1 << 63


class Marks:
    """Columns of one coin's open trades; row i belongs to `trades[i]`.

    Prices in USD; `horizon` in nanoseconds as int64; a missing target or trail is 0.
    """

    __slots__ = (
        "_loose", "_trailing_hi", "_trailing_lo", "_trails", "ceiling", "due_ns", "floor", "hi",
        "high", "horizon", "last_ns", "lo", "low", "rows", "side", "signed_cost", "signed_size",
        "stop", "target", "trades", "trail",
    )  # fmt: skip

    def __init__(self, capacity: int = 8) -> None:
        self.trades: list[Trade] = []
        self.rows: dict[int, int] = {}
        self.side: Column = np.zeros(capacity)
        self.stop: Column = np.zeros(capacity)
        self.target: Column = np.zeros(capacity)
        self.trail: Column = np.zeros(capacity)
        self.hi: Column = np.zeros(capacity)
        self.lo: Column = np.zeros(capacity)
        self.horizon: NDArray[np.int64] = np.zeros(capacity, dtype=np.int64)
        self.floor = -FAR
        self.ceiling = FAR
        self.high = -FAR
        self.low = FAR
        self.last_ns = 0
        self.signed_size = 0.0
        self.signed_cost = 0.0
        # The earliest horizon, and the mids beyond which some trailing stop would be pulled.
        self.due_ns = NEVER_NS
        self._trails = 0
        self._trailing_hi = FAR
        self._trailing_lo = -FAR
        # Whether extremes were written to the columns that no stop was pulled behind yet.
        self._loose = False

    def __len__(self) -> int:
        return len(self.trades)

    def stop_of(self, trade: Trade) -> float:
        """Return where a trade's stop stands now; the trade itself learns of it now and then."""
        row = self.rows.get(trade.trade_id)
        return trade.stop_px if row is None else float(self.stop[row])

    def touch(self, mid: float) -> bool:
        """Take a new mid; return True when some trade's stop or target may have been reached."""
        # Called for every book; a call of `max` would cost more than all the rest.
        if mid > self.high:  # noqa: PLR1730
            self.high = mid
        if mid < self.low:  # noqa: PLR1730
            self.low = mid
        return mid <= self.floor or mid >= self.ceiling

    def total(self, mid: float) -> float:
        """Return the summed open profit in USD at `mid`, before costs."""
        return mid * self.signed_size - self.signed_cost

    def add(self, trade: Trade, size: float) -> None:
        """Put an open trade of `size` base units under watch; it knows its extremes so far."""
        self.sweep()
        n = len(self.trades)
        if n == len(self.side):
            self._grow(2 * n)
        self.trades.append(trade)
        self.rows[trade.trade_id] = n
        self.side[n] = trade.side
        self.stop[n] = trade.stop_px
        self.target[n] = trade.plan.target_px
        self.trail[n] = trade.plan.trail
        self.hi[n] = trade.hi
        self.lo[n] = trade.lo
        self.horizon[n] = trade.decided_ns + trade.plan.horizon_ns
        self.signed_size += trade.side * size
        self.signed_cost += trade.side * size * trade.entry_px
        self._trails += trade.plan.trail > 0.0
        self._loose = True
        self._aim()

    def remove(self, trade: Trade, size: float) -> None:
        """Take a trade out, writing its extremes and stop back to it."""
        self.sweep()
        i = self.rows.pop(trade.trade_id)
        self._write_back(i)
        last = len(self.trades) - 1
        if i != last:
            moved = self.trades[last]
            self.trades[i] = moved
            self.rows[moved.trade_id] = i
            for column in (self.side, self.stop, self.target, self.trail, self.hi, self.lo):
                column[i] = column[last]
            self.horizon[i] = self.horizon[last]
        self.trades.pop()
        self.signed_size -= trade.side * size
        self.signed_cost -= trade.side * size * trade.entry_px
        self._trails -= trade.plan.trail > 0.0
        if not self.trades:
            self.signed_size = self.signed_cost = 0.0
        self._aim()

    def sweep(self) -> None:
        """Let every row's extremes include those of the coin since the last sweep."""
        n = len(self.trades)
        if n and self.high >= self.low:
            np.maximum(self.hi[:n], self.high, out=self.hi[:n])
            np.minimum(self.lo[:n], self.low, out=self.lo[:n])
            self._loose = True
        self.high, self.low = -FAR, FAR

    def ratchet(self) -> None:
        """Pull trailing stops behind the best mid so far."""
        n = len(self.trades)
        beyond = self.high > self._trailing_hi or self.low < self._trailing_lo
        if not self._trails or not (beyond or self._loose):
            return
        self.sweep()
        self._loose = False
        trail = self.trail[:n]
        stop = self.stop[:n]
        long = self.side[:n] > 0
        pulled = np.where(
            long, np.maximum(stop, self.hi[:n] - trail), np.minimum(stop, self.lo[:n] + trail)
        )
        np.copyto(stop, pulled, where=trail > 0.0)
        self._aim()

    def reached(self, mid: float) -> list[tuple[Trade, str]]:
        """Return the trades whose stop or target `mid` has reached, oldest first.

        The stop counts before the target.
        """
        n = len(self.trades)
        long = self.side[:n] > 0
        stop, target = self.stop[:n], self.target[:n]
        stopped = np.where(long, mid <= stop, mid >= stop)
        gained = (target > 0.0) & np.where(long, mid >= target, mid <= target)
        hits = np.flatnonzero(stopped | gained)
        found = []
        for i in hits:
            trade = self.trades[i]
            moved = float(stop[i]) != trade.plan.stop_px
            found.append((trade, ("trail" if moved else "stop") if stopped[i] else "target"))
        return sorted(found, key=lambda hit: hit[0].trade_id)

    def expired(self, now_ns: int) -> list[Trade]:
        """Return the trades whose horizon has passed, oldest first."""
        if now_ns < self.due_ns:
            return []
        n = len(self.trades)
        ended = [self.trades[i] for i in np.flatnonzero(self.horizon[:n] <= now_ns)]
        return sorted(ended, key=lambda trade: trade.trade_id)

    def write_back(self) -> None:
        """Write every row's extremes and stop to its trade."""
        self.sweep()
        for i in range(len(self.trades)):
            self._write_back(i)

    def _write_back(self, i: int) -> None:
        trade = self.trades[i]
        trade.hi = float(self.hi[i])
        trade.lo = float(self.lo[i])
        trade.stop_px = float(self.stop[i])

    def _aim(self) -> None:
        """Find the exit levels nearest below and above."""
        n = len(self.trades)
        self.floor, self.ceiling, self.due_ns = -FAR, FAR, NEVER_NS
        if not n:
            return
        self.due_ns = int(self.horizon[:n].min())
        long = self.side[:n] > 0
        stop, target = self.stop[:n], self.target[:n]
        has_target = target > 0.0
        below = np.where(long, stop, np.where(has_target, target, -FAR))
        above = np.where(long, np.where(has_target, target, FAR), stop)
        self.floor = float(below.max())
        self.ceiling = float(above.min())
        if self._trails:
            trails = self.trail[:n] > 0.0
            self._trailing_hi = float(np.where(trails & long, self.hi[:n], FAR).min())
            self._trailing_lo = float(np.where(trails & ~long, self.lo[:n], -FAR).max())

    def _grow(self, capacity: int) -> None:
        for name in ("side", "stop", "target", "trail", "hi", "lo", "horizon"):
            old = getattr(self, name)
            new = np.zeros(capacity, dtype=old.dtype)
            new[: len(old)] = old
            setattr(self, name, new)
