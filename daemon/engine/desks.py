"""Desks: the one that trades, and its branches behind it; each hears the same and in this order."""

from __future__ import annotations

from daemon.engine.branch import Branch
from daemon.engine.branches.booking import Booking
from daemon.engine.branches.branches import Branches
from daemon.engine.heard import Heard
from market.coin import Coin
from market.decision import ExitCall
from market.events import MS_PER_DAY, Candle, FundingHistory
from shadow.ledger.trade import Change

OPERATOR = "operator"


class Desks:
    """The paper desk and its branches."""

    def __init__(self, main: Branch, branches: Branches, booking: Booking) -> None:
        self.main = main
        self.branches = branches
        self.booking = booking

    # What bots say.

    def hear(self, heard: Heard) -> None:
        """Take a bot's signal."""
        judged = self.main.hear(heard)
        if self.branches.sides:
            self.branches.hear(heard, judged)

    def try_out(self, heard: Heard, trial_id: int) -> None:
        """Take a signal of one arm of a trial, which no branch hears."""
        self.main.try_out(heard, trial_id)

    def doubted(self, coin: Coin) -> None:
        """Learn that a coin's quotes are not believed from now on."""
        self.main.doubted(coin)
        self.branches.decide()
        self.branches.doubted(coin)

    def exit_called(self, bot: str, call: ExitCall) -> None:
        """Take a bot's wish to end what it has on a coin and side."""
        self.main.exit_called(bot, call)
        self.branches.decide()
        self.branches.exit_called(bot, call)

    # What the market does.

    def on_book(self, coin: Coin) -> None:
        """Mark a coin's trades at its new book; fill, stop and close what is due."""
        self.main.on_book(coin)
        if self.branches.noted:
            self.branches.decide()
        self.branches.on_book(coin)

    def on_second(self) -> None:
        """Let a second pass."""
        self.main.on_second()
        if self.branches.sides:
            self.branches.decide()
            self.branches.on_second()
            self.booking.on_second()

    def on_minute(self) -> None:
        """Let a minute end."""
        self.main.on_minute()
        self.branches.decide()
        self.branches.on_minute()

    def suspend_stale(self) -> None:
        """Stop trusting the marks of trades whose coin has had no book for too long."""
        self.main.suspend_stale()
        self.branches.suspend_stale()

    def on_hour(self, hour_ms: int) -> None:
        """Charge the hour that just ended; at 00:00 UTC book the day."""
        self.main.on_hour(hour_ms)
        self.branches.on_hour(hour_ms)
        if hour_ms % MS_PER_DAY == 0:
            self.booking.end_day(hour_ms)

    def begin_day(self, day_ms: int) -> None:
        """Let the daily losses be measured from the equity as it stands, on a new UTC day."""
        self.main.begin_day(day_ms)
        self.branches.begin_day(day_ms)

    def repair(self, coin: Coin, candles: list[Candle], asked_ns: int) -> None:
        """Walk the minutes that a coin's trades were not marked."""
        self.main.repair(coin, candles, asked_ns)
        self.branches.repair(coin, candles, asked_ns)

    def on_rates(self, event: FundingHistory) -> None:
        """Learn settled funding rates for gaps that crossed an hour; settle what is owed."""
        self.main.on_rates(event)
        if event.coin in self.main.view.coins:
            self.branches.on_rates(event.coin, event.rates)

    def gaps_since(self) -> dict[str, int]:
        """Return, by coin, since when trades of any desk have not been marked (nanoseconds)."""
        found = self.main.ledger.gaps.since()
        for name, since_ns in self.branches.ledger.gaps.since().items():
            found[name] = min(found.get(name, since_ns), since_ns)
        return found

    def owed(self) -> dict[str, tuple[int, int]]:
        """Return, by coin, the oldest and the newest hour (ms) that trades of any desk owe."""
        found = self.main.ledger.owing.hours()
        for name, (first, last) in self.branches.ledger.owing.hours().items():
            oldest, newest = found.get(name, (first, last))
            found[name] = min(oldest, first), max(newest, last)
        return found

    # What the operator says.

    def halted(self) -> None:
        """Let the branches be halted by whoever halts the desk, or opened again."""
        self.branches.halt_as_main()

    def release(self) -> None:
        """Open every desk on which a loss limit was broken."""
        self.main.release()
        self.branches.release()

    def flatten(self, bot: str = "", coin: str = "") -> list[Change]:
        """End all that the desks have, or what is named; return the paper desk's changes."""
        changes = self.main.flatten(bot, coin)
        self.branches.decide()
        self.branches.flatten(bot, coin)
        return changes

    def wind_down(self, coin: Coin) -> list[Change]:
        """End all that lives on a coin; return what became of the paper desk's."""
        changes = self.main.wind_down(coin)
        self.branches.decide()
        self.branches.wind_down(coin)
        return changes
