"""The reducer: one event in, one outcome out, nothing else.

`step` runs to its end in one call stack. It reads no clock (time is the event's receive time),
does no I/O, draws no randomness; given the same state and events it returns the same outcomes on
any machine of the same arithmetic. What it may be asked of the world (history) leaves as
requests and comes back as events.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import assert_never

from daemon.engine import commands
from daemon.engine.backfill import Backfill
from daemon.engine.branch import Branch
from daemon.engine.branches.booking import Booking
from daemon.engine.branches.branches import Branches
from daemon.engine.branches.variant import Variant
from daemon.engine.desks import Desks
from daemon.engine.lens_schedule import LensRule
from daemon.engine.market_half import MarketHalf
from daemon.engine.outages import Outages
from daemon.engine.outcome import Outbox, Outcome, Vitals
from daemon.engine.series.book import SeriesBook
from daemon.engine.series.terms import NO_TERMS, Terms
from daemon.engine.timetable import Timetable
from daemon.engine.weighing import Weighing
from divisions.lane import Lane
from market.coin import Coin
from market.desk import Desk
from market.events import (
    BboUpdate,
    BookUpdate,
    Candles,
    Command,
    ContextUpdate,
    Event,
    FeedDown,
    FeedUp,
    FundingHistory,
    LensUpdate,
    Notice,
    StreamDown,
    StreamUp,
    Timer,
    TradesUpdate,
    VenueTime,
)
from market.fills import FillModel
from market.instrument import Instrument
from market.plausibility import PriceRule
from market.venue_clock import VenueClock
from risk.gate import Gate
from shadow.store.bookkeeper import Identity


class Engine:
    """Market half and desk, moved by events; the desk hears what the market half's bots say."""

    def __init__(
        self,
        *,
        instruments: Mapping[str, Instrument],
        lanes: list[Lane],
        gate: Gate,
        model: FillModel,
        identity: Identity,
        start_e6: int,
        seed: int,
        vol_target: float,
        shadow: bool,
        variants: Sequence[Variant] = (),
        lens_rule: LensRule = LensRule(),  # noqa: B008 - frozen
        price_rule: PriceRule = PriceRule(),  # noqa: B008 - frozen
        terms: Terms = NO_TERMS,
        rearms: bool = True,
    ) -> None:
        self.out = Outbox()
        self.series = SeriesBook(terms, self.out, shadow=shadow)
        self.weighing = Weighing(self.out, shadow=shadow)
        coins = {name: Coin(instrument) for name, instrument in instruments.items()}
        self.branch = Branch(
            coins,
            Desk.opened_with(start_e6, seed),
            gate,
            self.weighing,
            self.out,
            model=model,
            identity=identity,
            vol_target=vol_target,
            shadow=shadow,
            series=self.series,
            rearms=rearms,
        )
        branches = Branches(coins, self.branch, list(variants), self.out, model=model)
        booking = Booking(branches, self.series, self.out, model=model)
        self.desks = Desks(self.branch, branches, booking)
        self.market = MarketHalf(
            coins,
            lanes,
            self.weighing,
            self.out,
            self.desks,
            lens_rule=lens_rule,
            price_rule=price_rule,
            watched=self.branch.watched,
        )
        self.market.clock = self.clock
        self.backfill = Backfill(self.market, self.desks, self.out)
        self.outages = Outages(self.market, self.backfill, self.out)
        self.timetable = Timetable(self.market, self.desks, self.weighing, self.series, self.out)

    @property
    def vitals(self) -> Vitals:
        """Return where the engine stands."""
        return self.out.vitals

    @property
    def clock(self) -> VenueClock:
        """Return how our stamps stand to the venue's."""
        return self.branch.view.clock

    @clock.setter
    def clock(self, clock: VenueClock) -> None:
        """Take up what is known of the venue's clock."""
        self.branch.view.clock = self.market.clock = clock

    @property
    def digest(self) -> str:
        """Return the running digest of all outcomes so far, as hex."""
        return self.out.vitals.digest.hex()

    def step(self, event: Event) -> Outcome:
        """Take one event and return what it led to."""
        now_ns = event.recv_ns
        vitals = self.out.vitals
        vitals.seq += 1
        vitals.now_ns = now_ns
        self.market.view.now_ns = self.branch.view.now_ns = now_ns
        clock = self.branch.view.clock
        if isinstance(event, VenueTime):
            clock.read(event)
        venue_ns = now_ns - clock.offset_ns
        vitals.venue_ns = max(vitals.venue_ns, venue_ns)
        if not self.series.begun:
            self.series.begin(fresh=not self.branch.desk.day_ms)
        if vitals.venue_ns >= vitals.next_hour_ns:
            self.timetable.roll()
        if self.desks.booking.waits:
            self.desks.booking.fork_first()
        self._take(event)
        if self.desks.branches.noted:
            self.desks.branches.decide()
        return self.out.take()

    def _take(self, event: Event) -> None:  # noqa: C901, PLR0912 - one line a kind of event
        match event:
            case BookUpdate():
                coin = self.market.on_book(event)
                if coin is not None:
                    self.desks.on_book(coin)
            case BboUpdate():
                coin = self.market.on_bbo(event)
                if coin is not None:
                    self.desks.on_book(coin)
            case TradesUpdate():
                self.market.on_trades(event)
            case ContextUpdate():
                self.market.on_context(event)
            case Timer():
                self.outages.on_second()
                self.timetable.on_second()
                self.backfill.on_second()
            case LensUpdate():
                self.market.lenses.on_update(event)
            case Candles():
                self.backfill.on_candles(event)
            case FundingHistory():
                self.desks.on_rates(event)
            case VenueTime():
                # The clock has taken it, before anything could be due by another.
                pass
            case Command():
                reply = commands.obey(event, self.market, self.desks, self.out)
                self.out.outcome.reply = reply
            case FeedUp():
                self.outages.on_up(event)
            case FeedDown():
                self.outages.on_down(event)
            case StreamDown():
                self.outages.on_stream_down(event)
            case StreamUp():
                self.outages.on_stream_up(event)
            case Notice():
                self.out.alarm(event.kind, event.message)
            case _:
                assert_never(event)
