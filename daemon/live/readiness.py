"""Readiness: warm-up to READY, the watchdog of systemd, and the pauses of the collector.

A daemon is ready once books and history are there and the lenses are compiled, or once it has
waited long enough for them. The one long collection is part of warming up: whatever lives then
lives to the end.
"""

from __future__ import annotations

import gc
import time

from daemon.live.notify import notify, watchdog_s
from daemon.views.rim import Rim

READY_WITHIN_S = 30.0
COMPILED_WITHIN_S = 75.0
WATCHDOG_WITHIN_S = 5.0


class Readiness:
    """Warm-up state of a daemon, and what the service manager is told of it.

    `gc_pause_ms_max` is the longest pause of the collector since then.
    """

    def __init__(self, rim: Rim) -> None:
        self._rim = rim
        self._told = 0.0
        self._collecting = 0.0
        self.ready = False
        self.gc_pause_ms_max = 0.0

    def begin(self) -> None:
        """Begin to measure the collector's pauses."""
        gc.callbacks.append(self._collected)

    def end(self) -> None:
        """Tell the manager that the daemon stops, and measure no more."""
        notify("STOPPING=1")
        gc.callbacks.remove(self._collected)

    def look(self, waited_s: float) -> bool:
        """Become ready if it is time to; return whether the daemon has become so just now."""
        if self.ready or not self._warm(waited_s):
            return False
        gc.collect()
        gc.freeze()
        gc.set_threshold(50_000, 20, 100)
        self.ready = True
        notify("READY=1", f"STATUS={status_line(self._rim)}")
        return True

    def feed_watchdog(self, now_s: float) -> None:
        """Tell the manager that the loop turns, as often as it wants to hear it."""
        every_s = watchdog_s()
        if every_s is not None and now_s - self._told >= min(every_s, WATCHDOG_WITHIN_S):
            self._told = now_s
            notify("WATCHDOG=1", f"STATUS={status_line(self._rim)}")

    def _warm(self, waited_s: float) -> bool:
        figures = self._rim.figures()
        if not figures.lenses_warm and waited_s < COMPILED_WITHIN_S:
            return False
        coins = [c for c in self._rim.engine.market.coins.values() if not c.closed]
        whole = all(coin.book.ok for coin in coins) and not figures.requests
        return whole or waited_s >= READY_WITHIN_S

    def _collected(self, phase: str, _: dict[str, int]) -> None:
        if phase == "start":
            self._collecting = time.perf_counter()
        elif self.ready:
            pause_ms = (time.perf_counter() - self._collecting) * 1e3
            self.gc_pause_ms_max = max(self.gc_pause_ms_max, pause_ms)


def missing_history(rim: Rim) -> str:
    """Return the coins of which history is missing, with the timeframes, in words; "" for none."""
    missing = rim.engine.backfill.missing().items()
    return ", ".join(f"{coin} ({' '.join(timeframes)})" for coin, timeframes in missing)


def status_line(rim: Rim) -> str:
    """Return the line that systemd shows: mode, feed, signals, equity, what history lacks."""
    figures, vitals, desk = rim.figures(), rim.engine.vitals, rim.engine.branch.desk
    feed = "up" if figures.connected else "down"
    missing = missing_history(rim)
    lacks = f", without the history of {missing}" if missing else ""
    return (
        f"{figures.mode}, feed {feed}, {vitals.admitted} admitted, "
        f"{vitals.blocked} blocked, equity {desk.equity_e6 / 1e6:.2f} USD{lacks}"
    )
