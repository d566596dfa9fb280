"""The live book of one coin, merged from three kinds of whole snapshots.

The venue sends 20 levels every five seconds, 5 levels every half second and the best bid and
offer on every change; each frame replaces what its kind said before. Merging takes the newest
snapshot, lengthens it with the deeper levels of the slow one, and cuts it to a newer bbo.
The top and the mid are kept at every update; the merged levels are built only when read.

Invariant: when `ok` is true both sides exist and bid < ask.
"""

from __future__ import annotations

from msgspec import Struct, field

from market.events import BboUpdate, BookUpdate, Level

DEPTH_AGE_MS_MAX = 12_000
CLEAN_FRAMES_AFTER_CROSS = 3
# No frame is late by this much: so many of them in a row say that the venue's clock was set back,
# or was ahead before, and waiting for it to catch up would leave the coin without a book.
SET_BACK_MS = 30_000
SET_BACK_FRAMES = 3


class Book(Struct):
    """One coin's book. Prices in USD, sizes in base units, times as in `market.events`."""

    ok: bool = False
    bid: float = 0.0
    bid_sz: float = 0.0
    ask: float = 0.0
    ask_sz: float = 0.0
    mid: float = 0.0
    time_ms: int = 0
    recv_ns: int = 0
    version: int = 0
    skipped: int = 0
    out_of_order: int = 0
    crossed: int = 0
    unclean: int = 0
    behind: int = 0
    fast_ms: int = 0
    fast_bids: list[Level] = field(default_factory=list)
    fast_asks: list[Level] = field(default_factory=list)
    slow_ms: int = 0
    slow_bids: list[Level] = field(default_factory=list)
    slow_asks: list[Level] = field(default_factory=list)
    bbo_ms: int = 0
    bbo_bid: Level | None = None
    bbo_ask: Level | None = None
    merged_version: int = -1
    merged_bids: list[Level] = field(default_factory=list)
    merged_asks: list[Level] = field(default_factory=list)

    def apply_book(self, update: BookUpdate) -> bool:
        """Take a snapshot; return False when it is older than what its kind already said."""
        time_ms = update.time_ms
        bids = update.bids
        asks = update.asks
        self.skipped += update.skipped
        if time_ms < self.time_ms - SET_BACK_MS:
            self._notice_set_back()
        elif self.behind:
            self.behind = 0
        if update.fast:
            if time_ms < self.fast_ms:
                self.out_of_order += 1
                return False
            self.fast_ms = time_ms
            self.fast_bids = bids
            self.fast_asks = asks
        else:
            if time_ms < self.slow_ms:
                self.out_of_order += 1
                return False
            self.slow_ms = time_ms
            self.slow_bids = bids
            self.slow_asks = asks
        self.version += 1
        self.recv_ns = update.recv_ns
        if time_ms >= self.time_ms:
            self.time_ms = time_ms
            self._set_top(bids[0] if bids else None, asks[0] if asks else None)
        return True

    def apply_bbo(self, update: BboUpdate) -> bool:
        """Take a best bid and offer; return False when it is older than the last one."""
        time_ms = update.time_ms
        self.skipped += update.skipped
        if time_ms < self.time_ms - SET_BACK_MS:
            self._notice_set_back()
        elif self.behind:
            self.behind = 0
        if time_ms < self.bbo_ms:
            self.out_of_order += 1
            return False
        self.bbo_ms = time_ms
        self.bbo_bid = update.bid
        self.bbo_ask = update.ask
        self.version += 1
        self.recv_ns = update.recv_ns
        if time_ms >= self.time_ms:
            self.time_ms = time_ms
            self._set_top(update.bid, update.ask)
        return True

    def _notice_set_back(self) -> None:
        self.behind += 1
        if self.behind == SET_BACK_FRAMES:
            self.behind = 0
            self.invalidate()
            self.time_ms = 0

    def _set_top(self, bid: Level | None, ask: Level | None) -> None:
        if bid is None or ask is None:
            self.ok = False
            return
        self.bid = bid.px
        self.bid_sz = bid.sz
        self.ask = ask.px
        self.ask_sz = ask.sz
        self.mid = 0.5 * (bid.px + ask.px)
        if bid.px < ask.px:
            if self.unclean:
                self.unclean -= 1
            self.ok = not self.unclean
        else:
            # One crossed frame may be a glitch on either side of it, so the coin earns
            # trust back only after a few clean ones.
            self.crossed += 1
            self.unclean = CLEAN_FRAMES_AFTER_CROSS
            self.ok = False

    def invalidate(self) -> None:
        """Distrust the book until the next frame: the connection that filled it is gone."""
        self.ok = False
        self.unclean = 0
        self.fast_bids = self.fast_asks = self.slow_bids = self.slow_asks = []
        self.bbo_bid = self.bbo_ask = None
        # What is forgotten must not outrank a new frame of the same venue time in the merge.
        self.fast_ms = self.slow_ms = self.bbo_ms = 0
        self.version += 1

    def forget(self, kind: str) -> None:
        """Forget what a dead stream (fast, slow or bbo) has said; the others make up the book."""
        if kind == "fast":
            self.fast_ms, self.fast_bids, self.fast_asks = 0, [], []
        elif kind == "slow":
            self.slow_ms, self.slow_bids, self.slow_asks = 0, [], []
        else:
            self.bbo_ms, self.bbo_bid, self.bbo_ask = 0, None, None
        self.version += 1
        if not (self.fast_ms or self.slow_ms or self.bbo_ms):
            self.ok = False

    @property
    def spread_bps(self) -> float:
        """Return the touch spread in basis points of the mid; meaningful only when `ok`."""
        return (self.ask - self.bid) / self.mid * 1e4

    def bids(self) -> list[Level]:
        """Return the merged bids, best first."""
        if self.merged_version != self.version:
            self._merge()
        return self.merged_bids

    def asks(self) -> list[Level]:
        """Return the merged asks, best first."""
        if self.merged_version != self.version:
            self._merge()
        return self.merged_asks

    def best_bid(self) -> Level | None:
        """Return the first of the merged bids without merging; None when there is none."""
        if self.bbo_ms > max(self.fast_ms, self.slow_ms):
            return self.bbo_bid
        bids = self.fast_bids if self.fast_ms > self.slow_ms else self.slow_bids
        return bids[0] if bids else None

    def best_ask(self) -> Level | None:
        """Return the first of the merged asks without merging; None when there is none."""
        if self.bbo_ms > max(self.fast_ms, self.slow_ms):
            return self.bbo_ask
        asks = self.fast_asks if self.fast_ms > self.slow_ms else self.slow_asks
        return asks[0] if asks else None

    def _merge(self) -> None:
        if self.fast_ms > self.slow_ms:
            base_ms, bids, asks = self.fast_ms, self.fast_bids, self.fast_asks
            if self.fast_ms - self.slow_ms <= DEPTH_AGE_MS_MAX:
                if bids:
                    last = bids[-1].px
                    bids = bids + [level for level in self.slow_bids if level.px < last]
                if asks:
                    last = asks[-1].px
                    asks = asks + [level for level in self.slow_asks if level.px > last]
        else:
            base_ms, bids, asks = self.slow_ms, self.slow_bids, self.slow_asks
        if self.bbo_ms > base_ms:
            bid, ask = self.bbo_bid, self.bbo_ask
            bids = [] if bid is None else [bid, *(b for b in bids if b.px < bid.px)]
            asks = [] if ask is None else [ask, *(a for a in asks if a.px > ask.px)]
        self.merged_bids = bids
        self.merged_asks = asks
        self.merged_version = self.version
