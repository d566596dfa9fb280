"""Branch: one desk beside the market, with its own account, gate, episodes and trades.

The desk that trades is one branch. Another desk, the same but for one of its limits, would be
another branch that hears the same signals. A branch writes to the outbox it is given.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable

from daemon.engine.admission import Admission, Judged
from daemon.engine.heard import Heard
from daemon.engine.outcome import Outbox
from daemon.engine.series.book import SeriesBook
from daemon.engine.settlement import Learner, Settlement
from daemon.engine.trials import is_arm
from market.coin import Coin
from market.decision import STAGE, ExitCall, TradeKind
from market.desk import Desk, DeskView
from market.events import MS_PER_DAY, Candle, FundingHistory
from market.fills import FillModel
from risk.gate import STAGE_VERSION, Gate
from shadow.ledger.episodes import KeyState
from shadow.ledger.ledger import Ledger
from shadow.ledger.paper import PaperBroker
from shadow.ledger.trade import Change
from shadow.store.bookkeeper import Bookkeeper, Identity


class Branch:
    """One desk. `model` says how its orders fill, `vol_target` is a share of equity.

    `rearms` lets the daily loss limit open by itself at 00:00 UTC.
    """

    def __init__(
        self,
        coins: dict[str, Coin],
        desk: Desk,
        gate: Gate,
        learner: Learner,
        out: Outbox,
        *,
        model: FillModel,
        identity: Identity,
        vol_target: float,
        shadow: bool,
        series: SeriesBook,
        rearms: bool = True,
    ) -> None:
        self.gate = gate
        self.out = out
        self.view = DeskView(desk, coins, rearms=rearms)
        self.keys: dict[str, KeyState] = {}
        self.ledger = Ledger(coins, model, PaperBroker(coins, model), out.intend)
        versions = {STAGE: STAGE_VERSION, **{f.name: f.version for f in gate.filters}}
        self.books = Bookkeeper(out, identity, versions, shadow=shadow)
        self.settlement = Settlement(
            self.view, self.ledger, self.keys, learner, self.books, out, series
        )
        self.admission = Admission(
            self.view,
            gate,
            self.ledger,
            self.settlement,
            self.keys,
            self.books,
            out,
            series,
            model=model,
            vol_target=vol_target,
        )

    @property
    def desk(self) -> Desk:
        """Return the account."""
        return self.view.desk

    @desk.setter
    def desk(self, desk: Desk) -> None:
        """Take up another account."""
        self.view.desk = desk

    # What bots say.

    def hear(self, heard: Heard) -> Judged | None:
        """Take a bot's signal; return what was made of it, None for one that was not judged."""
        return self.admission.hear(heard)

    def try_out(self, heard: Heard, trial_id: int) -> None:
        """Take a signal of one arm of a trial."""
        self.admission.try_out(heard, trial_id)

    def doubted(self, coin: Coin) -> None:
        """Put on record which trades live through quotes that are not believed."""
        self._apply(self.ledger.doubt(coin.name, self.out.now_ns))

    def exit_called(self, bot: str, call: ExitCall) -> None:
        """End what a bot has on a coin and side, whatever its kind."""
        self._apply(self.ledger.call_exit(bot, call.coin, call.side, self.out.now_ns))

    # What the market does.

    def on_book(self, coin: Coin) -> None:
        """Mark a coin's trades at its new book; fill, stop and close what is due."""
        changes = self.ledger.on_book(coin, self.out.now_ns)
        if changes:
            self.settlement.apply(changes)

    def on_second(self) -> None:
        """End horizons, give up entries, revalue; latch entries when a loss limit is broken."""
        self._apply(self.ledger.on_second(self.out.now_ns))
        self.settlement.account.value()
        if not self.desk.latched:
            reason = self.gate.breach(self.view)
            if reason:
                self.desk.latched = reason
                self.out.touch("desk")
                self.out.alarm("drawdown", f"entries latched: {reason}")

    def on_minute(self) -> None:
        """Write equity, repeats, and the marks of everything open."""
        self.settlement.account.value()
        self.settlement.flush_repeats()
        ledger, real = self.ledger, len(self.settlement.real)
        self.books.equity(self.desk, real=real, others=len(ledger.trades) - real)
        for marks in ledger.marks.values():
            marks.write_back()
        for trade in ledger.trades.values():
            book = self.view.coins[trade.coin].book
            if trade.opened_ns and book.ok:
                trade.mark_px = book.mid
            self.books.touch(trade)

    def suspend_stale(self) -> None:
        """Stop trusting the marks of trades whose coin has had no book for too long."""
        self.ledger.suspend_stale(self.out.now_ns)

    def on_hour(self, hour_ms: int) -> None:
        """Charge the hour that just ended; at 00:00 UTC give the day its part of open trades."""
        now_ns = self.out.now_ns
        self._apply(self.ledger.on_hour(hour_ms, now_ns))
        if hour_ms % MS_PER_DAY == 0:
            self._apply(self.ledger.on_day(hour_ms, now_ns))

    def begin_day(self, day_ms: int) -> None:
        """Let the daily loss be measured from the equity as it stands, on a new UTC day."""
        opened = self.settlement.account.begin_day(day_ms)
        if opened:
            self._told_open(opened, "at 00:00 UTC")

    def repair(self, coin: Coin, candles: list[Candle], asked_ns: int) -> None:
        """Walk the minutes that a coin's trades were not marked."""
        self._apply(self.ledger.repair(coin, candles, asked_ns))

    def on_rates(self, event: FundingHistory) -> None:
        """Learn settled funding rates for gaps that crossed an hour; settle what is owed."""
        if event.coin in self.view.coins:
            self._apply(self.ledger.on_rates(event.coin, event.rates))

    # What the operator says.

    def release(self) -> None:
        """Open entries again after a loss limit was broken, by the operator's order."""
        if self.desk.latched:
            self._told_open(self.desk.latched, "by the operator")
            self.settlement.account.release()

    def _told_open(self, latched: str, when: str) -> None:
        """Put on record that a latch is no more."""
        self.out.alarm("drawdown", f"latch released {when}: {latched.partition(';')[0]}")

    def flatten(self, bot: str = "", coin: str = "") -> list[Change]:
        """End all that the desk has, of a bot and on a coin alone if named; return the changes."""
        changes = self.ledger.flatten(self.out.now_ns, bot, coin)
        self.settlement.apply(changes)
        return changes

    def wind_down(self, coin: Coin) -> list[Change]:
        """End all that lives on a coin at its last mark; return what became of it."""
        changes = self.ledger.wind_down(coin, self.out.now_ns)
        self.settlement.apply(changes)
        return changes

    def drop_arms(self, hearing: Collection[str]) -> None:
        """Forget the episodes of arms whose trial is over; `hearing` names those that run."""
        for name in list(self.keys):
            bot = name.partition("|")[0]
            if is_arm(bot) and bot not in hearing:
                del self.keys[name]
                self.out.touch(f"key/{name}")

    def watched(self) -> set[str]:
        """Return the coins with a position or an open episode, whether shadowed or not."""
        kinds = (TradeKind.PAPER, TradeKind.PHANTOM)
        return {t.coin for t in self.ledger.trades.values() if t.kind in kinds}

    def _apply(self, changes: Iterable[Change]) -> None:
        self.settlement.apply(changes)
