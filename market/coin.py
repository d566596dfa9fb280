"""The market state of one coin: book, bars, context, volatility.

This is the read-only view that bots and filters get. It is written by the engine alone.
"""

from __future__ import annotations

from math import log, sqrt

from msgspec import Struct, field

from market.arrivals import Arrivals
from market.bars import Bars
from market.book import Book
from market.cadence import Cadence
from market.events import MS_PER_HOUR, NS_PER_MS, ContextUpdate, Print
from market.instrument import Instrument
from market.lenses import Lenses
from market.prices import Prices
from market.usual import Usual

# A context older than this says nothing about an hour's funding.
CONTEXT_AGE_MS_MAX = 600_000
MINUTES_PER_DAY = 1440
ROOT_MINUTES_PER_DAY = sqrt(MINUTES_PER_DAY)
# A cadence counts as learned after this many frames without an interruption.
LEARNED_FRAMES = 3
# What a coin is taken for before its own bars have spoken: 4 % a day, worth ten bars.
PRIOR_DAILY_VOL = 0.04
PRIOR_BARS = 10
VOL_DECAY = 1.0 / 60.0


class Context(Struct):
    """The coin's latest asset context; `funding` is the estimate for the next hourly settlement.

    It carries no venue time; `venue_ms` is what the venue's clock said when it came.
    """

    funding: float = 0.0
    open_interest: float = 0.0
    oracle_px: float = 0.0
    mark_px: float = 0.0
    premium: float | None = None
    day_notional: float = 0.0
    prev_day_px: float = 0.0
    recv_ns: int = 0
    venue_ms: int = 0


class Settlement(Struct, frozen=True, gc=False):
    """The funding terms last seen before an hour ended."""

    hour_ms: int
    rate: float
    oracle_px: float


class Streams(Struct):
    """Learned cadence of each market stream of the coin."""

    slow: Cadence = field(default_factory=Cadence)
    fast: Cadence = field(default_factory=Cadence)
    bbo: Cadence = field(default_factory=Cadence)
    trades: Cadence = field(default_factory=Cadence)
    context: Cadence = field(default_factory=Cadence)

    def learned(self) -> list[tuple[str, Cadence]]:
        """Return the kinds of book whose cadence is known."""
        kinds = (("fast", self.fast), ("slow", self.slow), ("bbo", self.bbo))
        return [kind for kind in kinds if kind[1].count >= LEARNED_FRAMES]

    def pulse(self) -> tuple[str, Cadence] | None:
        """Return the stream that proves the book alive, None while none is known well enough.

        Periodic snapshots come first, the quick kind before the slow one. Best bid and offer
        speak only on change, so their silence proves little and they serve where nothing else
        does.
        """
        if self.fast.count >= LEARNED_FRAMES:
            return "fast", self.fast
        if self.slow.count >= LEARNED_FRAMES:
            return "slow", self.slow
        if self.bbo.count >= LEARNED_FRAMES:
            return "bbo", self.bbo
        return None


class Coin(Struct):
    """One coin's market state.

    `offset_ns` is how far our stamps are ahead of the venue's clock at the quickest way, and
    `venue_lag_ms` how much longer the newest book was under way, `late_ns` since when that is more
    than a clock may be off. `variance` is an
    exponentially weighted mean of squared one-minute log returns over `returns` bars. `dead` holds
    the streams that do not speak, by name in `Streams`, with the cause. `closed` maps who closed
    the coin to why; while it is not empty no bot hears of it and nothing is opened on it.
    """

    instrument: Instrument
    book: Book = field(default_factory=Book)
    bars: Bars = field(default_factory=Bars)
    context: Context = field(default_factory=Context)
    streams: Streams = field(default_factory=Streams)
    arrivals: Arrivals = field(default_factory=Arrivals)
    lenses: Lenses = field(default_factory=Lenses)
    usual: Usual = field(default_factory=Usual)
    prices: Prices = field(default_factory=Prices)
    settlement: Settlement | None = None
    offset_ns: int = 0
    venue_lag_ms: float = 0.0
    late_ns: int = 0
    variance: float = 0.0
    returns: int = 0
    dead: dict[str, str] = field(default_factory=dict)
    closed: dict[str, str] = field(default_factory=dict)

    @property
    def name(self) -> str:
        """Return the venue's symbol."""
        return self.instrument.coin

    def age_ns(self, trade: Print, now_ns: int) -> float:
        """Return how old a trade was when it came, by the venue's clock; 0.0 when it was new.

        To a new subscriber the venue sends trades again: those are history.
        """
        due_ns = trade.time_ms * NS_PER_MS + self.offset_ns + self.venue_lag_ms * NS_PER_MS
        return max(0.0, now_ns - due_ns)

    def sent_ms(self, now_ns: int) -> int:
        """Return the venue's time at which what comes now was sent."""
        return int((now_ns - self.offset_ns) / NS_PER_MS - self.venue_lag_ms)

    def on_context(self, update: ContextUpdate) -> None:
        """Take a new context; the last one before an hour's end settles that hour."""
        old = self.context
        venue_ms = (update.recv_ns - self.offset_ns) // NS_PER_MS
        hour_ms = venue_ms // MS_PER_HOUR * MS_PER_HOUR
        seen_ms = old.venue_ms
        if hour_ms - CONTEXT_AGE_MS_MAX <= seen_ms < hour_ms:
            self.settlement = Settlement(hour_ms, old.funding, old.oracle_px)
        self.context = Context(
            update.funding,
            update.open_interest,
            update.oracle_px,
            update.mark_px,
            update.premium,
            update.day_notional,
            update.prev_day_px,
            update.recv_ns,
            venue_ms,
        )

    @property
    def why_closed(self) -> str:
        """Return by whom the coin was closed and why, "" while it is traded."""
        return "; ".join(f"{who}: {why}" for who, why in self.closed.items())

    def lose(self, stream: str, cause: str) -> None:
        """Forget what a dead stream has said; what is made of trades has no data without them."""
        self.dead[stream] = cause
        # The book that deltas make has the place of the fast one.
        stream = "fast" if stream == "l2" else stream
        getattr(self.streams, stream).interrupt()
        if stream == "context":
            self.context = Context()
        elif stream == "trades":
            self.bars.interrupt(since_ms=0)
            self.recompute_variance()
        else:
            self.book.forget(stream)

    def terms_at(self, hour_ms: int) -> Settlement | None:
        """Return the funding terms of the hour that ended at `hour_ms`, None when unknown.

        Unknown means that no context came shortly before the hour: a guess is not a fact.
        """
        settled = self.settlement
        if settled is not None and settled.hour_ms == hour_ms:
            return settled
        context = self.context
        seen_ms = context.venue_ms
        if hour_ms - CONTEXT_AGE_MS_MAX <= seen_ms < hour_ms:
            return Settlement(hour_ms, context.funding, context.oracle_px)
        return None

    def close_until(self, now_ms: int) -> tuple[str, ...]:
        """Close the minutes that ended by `now_ms`; return the timeframes that closed a bar.

        None while its trades are not heard: what prints still come do not make a whole minute.
        """
        if "trades" in self.dead:
            return ()
        minutes = self.bars.series["1m"]
        before = minutes.fresh
        timeframes = self.bars.close_until(now_ms)
        if timeframes:
            self.on_minute(minutes.fresh - before)
        return timeframes

    def on_minute(self, count: int = 1) -> None:
        """Update the volatility with the newest closed minutes; several close after a stall."""
        close = self.bars.series["1m"].close
        self._learn(close, max(len(close) - count, 1))

    def _learn(self, close: list[float], first: int) -> None:
        for i in range(first, len(close)):
            change = log(close[i] / close[i - 1])
            self.returns += 1
            weight = max(VOL_DECAY, 1.0 / self.returns)
            self.variance += (change * change - self.variance) * weight

    def recompute_variance(self) -> None:
        """Rebuild the volatility from the bars at hand, after history has replaced them."""
        close = self.bars.series["1m"].close
        self.variance, self.returns = 0.0, 0
        self._learn(close, 1)

    def daily_vol(self) -> float:
        """Return the volatility of daily log returns, shrunk to a prior while bars are few."""
        seen = min(self.returns, MINUTES_PER_DAY)
        prior = PRIOR_DAILY_VOL * PRIOR_DAILY_VOL / MINUTES_PER_DAY
        blended = (PRIOR_BARS * prior + seen * self.variance) / (PRIOR_BARS + seen)
        return sqrt(blended * MINUTES_PER_DAY)

    def minute_move(self) -> float:
        """Return one standard deviation of a minute's move, in USD at the current mid."""
        return self.daily_vol() / ROOT_MINUTES_PER_DAY * self.book.mid
