"""Synthetic market from arrays of paths, sizes and trades, played to a bot.

One row a coin and one column a tick. Prices in USD, sizes in base units, funding as an hourly rate.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

import numpy as np

from market.events import (
    MS_PER_MINUTE,
    NS_PER_MS,
    TIMEFRAME_MS,
    TIMEFRAMES,
    BookUpdate,
    Candle,
    Candles,
    ContextUpdate,
    Event,
    Level,
    Print,
    Timer,
    TradesUpdate,
)
from market.instrument import Instrument
from tests.support.market import START_MS

HALF_SPREAD = 0.25e-4
Array = np.ndarray


@dataclass
class Market:
    """`paths` are log mids since the start; what is left out stays at a resting value.

    `prints` is how many trades a tick brings, `buys` the share of them that buyers began, `volume`
    the size of each.
    """

    paths: Array
    step_s: float
    names: tuple[str, ...] = ("BTC", "ETH", "SOL", "DOGE", "AVAX", "LINK")
    bids: Array | None = None
    asks: Array | None = None
    prints: Array | None = None
    buys: Array | None = None
    volume: Array | None = None
    funding: Array | None = None
    interest: Array | None = None
    premium: Array | None = None
    price: float = 100.0
    size: float = 1.0
    contexts: bool = field(default=True)

    def instruments(self) -> dict[str, Instrument]:
        """Return the coins' rules."""
        rows = len(self.paths)
        return {name: Instrument(name, i, 2, 20) for i, name in enumerate(self.names[:rows])}

    def told_later(self, live: int) -> Iterator[Event]:
        """Yield all but the last `live` ticks, of a minute each, as bars, and then those ticks."""
        before = self.paths.shape[1] - live
        begin_ms = START_MS + before * MS_PER_MINUTE
        mids = self.price * np.exp(self.paths[:, :before])
        for name, row in zip(self.names, mids.tolist(), strict=False):
            for timeframe in TIMEFRAMES:
                minutes = TIMEFRAME_MS[timeframe] // MS_PER_MINUTE
                # A tick is the first trade of the minute that it begins; the last one is live.
                bars = [row[k : k + minutes] for k in range(minutes - 1, before - minutes, minutes)]
                first_ms = START_MS + minutes * MS_PER_MINUTE
                rows = [
                    Candle(
                        first_ms + k * minutes * MS_PER_MINUTE,
                        bar[0], max(bar), min(bar), bar[-1], minutes * self.size, minutes,
                    )
                    for k, bar in enumerate(bars)
                ]  # fmt: skip
                ns = begin_ms * NS_PER_MS
                yield Candles(name, timeframe, rows, ns, ns)
        yield from self.events(before)

    def events(self, begin: int = 0) -> Iterator[Event]:
        """Yield a book, its trades and a context of every coin, and the tick's second."""
        rows, ticks = self.paths.shape
        ones = np.ones((rows, ticks))
        bids, asks = (ones if side is None else side for side in (self.bids, self.asks))
        prints = ones if self.prints is None else self.prints
        buys = 0.5 * ones if self.buys is None else self.buys
        volume = ones if self.volume is None else self.volume
        funding = 1.25e-5 * ones if self.funding is None else self.funding
        interest = 1e6 * ones if self.interest is None else self.interest
        premium = 0.0 * ones if self.premium is None else self.premium
        mids = self.price * np.exp(self.paths)
        wanted = self.contexts
        bought = np.zeros(rows)
        for k in range(begin, ticks):
            now_ms = START_MS + int((k + 1) * self.step_s * 1_000)
            ns = now_ms * NS_PER_MS
            for i, name in enumerate(self.names[:rows]):
                mid = float(mids[i, k])
                bid = Level(mid * (1.0 - HALF_SPREAD), float(bids[i, k]) * self.size, 1)
                ask = Level(mid * (1.0 + HALF_SPREAD), float(asks[i, k]) * self.size, 1)
                yield BookUpdate(name, now_ms, [bid], [ask], True, ns)
                told = []
                for _ in range(int(prints[i, k])):
                    # Buyers and sellers in turn, as their share demands.
                    bought[i] += buys[i, k]
                    side = 1 if bought[i] >= 1.0 else -1
                    bought[i] -= side > 0
                    told.append(Print(now_ms, mid, float(volume[i, k]) * self.size, side))
                if told:
                    yield TradesUpdate(name, told, ns)
                if wanted:
                    oracle = mid / (1.0 + float(premium[i, k]))
                    open_interest = float(interest[i, k]) * self.size
                    rate = float(funding[i, k])
                    yield ContextUpdate(name, rate, open_interest, oracle, mid, None, 5e7, mid, ns)
            yield Timer(ns)
