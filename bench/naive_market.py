"""One coin of the ordinary engine: parsed dicts, and all figures made anew on every book.

Bots and filters are the real ones, so their inputs must carry the real names: `NaiveBook` and
`NaiveCoin` are the real structs filled the naive way. Nothing is computed that nobody reads.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from msgspec import field

from market.book import CLEAN_FRAMES_AFTER_CROSS, DEPTH_AGE_MS_MAX, Book
from market.coin import (
    MINUTES_PER_DAY,
    PRIOR_BARS,
    PRIOR_DAILY_VOL,
    VOL_DECAY,
    Coin,
    Context,
)
from market.events import Level, Print

Event = dict[str, Any]
Side = list[list[float]]

KINDS = ("fast", "slow", "bbo")
EMPTY: Event = {"time": 0, "bids": [], "asks": []}


class NaiveBook(Book):
    """The merged book of one moment; levels become objects when somebody walks them."""

    bid_levels: Side = field(default_factory=list)
    ask_levels: Side = field(default_factory=list)

    def bids(self) -> list[Level]:
        """Return the merged bids, best first."""
        return [Level(px, sz) for px, sz in self.bid_levels]

    def asks(self) -> list[Level]:
        """Return the merged asks, best first."""
        return [Level(px, sz) for px, sz in self.ask_levels]


class NaiveCoin(Coin):
    """A coin whose volatility is worked out from all its minutes whenever its book changes.

    A `lean` one does so only when a minute has closed, which changes no decision.
    """

    latest: dict[str, Event] = field(default_factory=lambda: dict.fromkeys(KINDS, EMPTY))
    seen: set[tuple[int, int]] = field(default_factory=set)
    daily: float = PRIOR_DAILY_VOL
    lean: bool = False

    def daily_vol(self) -> float:
        """Return the volatility of daily log returns as of the last book."""
        return self.daily

    def revalue(self) -> None:
        """Work out the volatility from the list of closes."""
        self.daily = volatility(self.bars.series["1m"].close)

    def on_snapshot(self, event: Event) -> bool:
        """Take a book or a bbo; return False when it is older than its kind's last one."""
        kind, now_ns = event["kind"], event["recv_ns"]
        getattr(self.streams, kind).observe(now_ns)
        if event["time"] < self.latest[kind]["time"]:
            return False
        self.latest[kind] = event
        bids, asks = self._merged()
        self.book = self._book(event, bids, asks)
        if not self.lean:
            # On every tick, as most bots do it: the whole window into numpy is easier to get
            # right than a running figure, and nobody has to know when it last changed.
            self.revalue()
        if self.book.time_ms == event["time"]:
            self.venue_lag_ms = now_ns / 1e6 - event["time"]
        return self.book.ok

    def _merged(self) -> tuple[Side, Side]:
        """Put the three kinds of snapshot together: new lists on every event, read or not."""
        fast, slow, bbo = self.latest["fast"], self.latest["slow"], self.latest["bbo"]
        base = fast if fast["time"] > slow["time"] else slow
        bids, asks = base["bids"], base["asks"]
        if base is fast and fast["time"] - slow["time"] <= DEPTH_AGE_MS_MAX:
            if bids:
                bids = bids + [level for level in slow["bids"] if level[0] < bids[-1][0]]
            if asks:
                asks = asks + [level for level in slow["asks"] if level[0] > asks[-1][0]]
        if bbo["time"] > base["time"]:
            best = bbo["bids"]
            bids = best + [level for level in bids if level[0] < best[0][0]] if best else []
            best = bbo["asks"]
            asks = best + [level for level in asks if level[0] > best[0][0]] if best else []
        return bids, asks

    def _book(self, event: Event, bids: Side, asks: Side) -> NaiveBook:
        """Return a new book object with its top and mid taken from arrays of all levels."""
        old = self.book
        book = NaiveBook(
            time_ms=max(old.time_ms, event["time"]),
            recv_ns=event["recv_ns"],
            version=old.version + 1,
            unclean=old.unclean,
            bid_levels=bids,
            ask_levels=asks,
        )
        if not bids or not asks:
            return book
        # The usual way to handle a book: one array a side, best price by max and min.
        bid_array, ask_array = np.array(bids), np.array(asks)
        best_bid, best_ask = bid_array[:, 0].argmax(), ask_array[:, 0].argmin()
        book.bid, book.bid_sz = float(bid_array[best_bid, 0]), float(bid_array[best_bid, 1])
        book.ask, book.ask_sz = float(ask_array[best_ask, 0]), float(ask_array[best_ask, 1])
        book.mid = 0.5 * (book.bid + book.ask)
        if book.bid >= book.ask:
            book.unclean = CLEAN_FRAMES_AFTER_CROSS
        elif book.unclean:
            book.unclean -= 1
        book.ok = book.bid < book.ask and not book.unclean
        return book

    def on_prints(self, event: Event) -> bool:
        """Add trades not seen yet to the minute; return False when all are old."""
        fresh = [t for t in event["trades"] if (t["time"], t["tid"]) not in self.seen]
        if not fresh:
            return False
        self.streams.trades.observe(event["recv_ns"])
        self.seen.update((t["time"], t["tid"]) for t in fresh)
        event["trades"] = fresh
        for t in fresh:
            self.bars.on_print(Print(t["time"], t["px"], t["sz"], t["aggressor"]))
        return True

    def take_context(self, event: Event) -> None:
        """Take a new context."""
        self.streams.context.observe(event["recv_ns"])
        self.context = Context(
            event["funding"],
            event["open_interest"],
            event["oracle_px"],
            event["mark_px"],
            event["premium"],
            event["day_notional"],
            event["prev_day_px"],
            event["recv_ns"],
        )


def volatility(closes: list[float]) -> float:
    """Return the daily volatility from all closes: mean of 60 squares, then decaying, shrunk."""
    n = len(closes) - 1
    variance = 0.0
    if n > 0:
        squares = np.diff(np.log(np.array(closes))) ** 2
        first = int(1.0 / VOL_DECAY)
        tail = squares[first:]
        kept = (1.0 - VOL_DECAY) ** np.arange(len(tail) - 1, -1, -1)
        variance = float(
            squares[:first].mean() * (1.0 - VOL_DECAY) ** len(tail)
            + (tail * kept).sum() * VOL_DECAY
        )
    seen = min(max(n, 0), MINUTES_PER_DAY)
    prior = PRIOR_DAILY_VOL * PRIOR_DAILY_VOL / MINUTES_PER_DAY
    blended = (PRIOR_BARS * prior + seen * variance) / (PRIOR_BARS + seen)
    return float(np.sqrt(blended * MINUTES_PER_DAY))
