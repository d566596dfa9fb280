"""Branches: the desk without each of its limits, all of them live beside the one that trades.

They hear the same signals with the weights as they are, and see the same books. Each has its own
account, slots and paper trades; one ledger holds the trades of all. Nothing that happens here can
reach the desk that trades.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable
from itertools import groupby

import msgspec

from daemon.engine.account import STOP_OUTS
from daemon.engine.admission import SIGNALS_MAX, Judged, entry_of
from daemon.engine.branch import Branch
from daemon.engine.branches.holdings import Holdings
from daemon.engine.branches.jury import Jury
from daemon.engine.branches.pieces import PIECE, SLOTS, STOPPED, trade_piece
from daemon.engine.branches.side import BRANCHES_MAX, Side, signal_of, trade_id_of
from daemon.engine.branches.slots import Slots
from daemon.engine.branches.variant import Variant
from daemon.engine.branches.watcher import Watcher
from daemon.engine.heard import Heard
from daemon.engine.outcome import Outbox
from market.coin import Coin
from market.decision import ExitCall, TradeKind
from market.errors import require
from market.events import Candle
from market.fills import FillModel
from market.money import bearable_e6, notional_e6
from shadow.ledger.ledger import Ledger
from shadow.ledger.paper import PaperBroker
from shadow.ledger.trade import Change, Trade, TradeState
from shadow.store.rows import branch_trade_row
from shadow.store.tables.branches import BranchTradeRow


class Branches:
    """The branches of one desk. `sides` are in the order of their variants."""

    def __init__(
        self,
        coins: dict[str, Coin],
        main: Branch,
        variants: list[Variant],
        out: Outbox,
        *,
        model: FillModel,
    ) -> None:
        require(len(variants) < BRANCHES_MAX - 1, "more branches than there are ids")
        self.main = main
        self.sides = [
            Side(i, v, coins, self._touch, self._worth_e6) for i, v in enumerate(variants)
        ]
        for side in self.sides:
            side.view.rearms = main.view.rearms
        self.slots: dict[str, Slots] = {}
        self.watcher: Watcher | None = None
        self._coins = coins
        self._out = out
        self._model = model
        self.everyone = (1 << len(variants)) - 1
        self._count = 0
        self._counted_seq = 0
        self.noted: list[tuple[Heard, Judged | None, int, int]] = []
        self.ledger = self._empty_ledger()
        self.holdings = Holdings(coins, len(variants))
        self._jury = Jury(main, self.sides, coins)
        self._sides: dict[int, list[Side]] = {}
        # Whether the holdings were valued since something happened to them, and every branch.
        self._valued = self._all_valued = False

    def _touch(self) -> None:
        self._out.touch(PIECE)

    def _empty_ledger(self) -> Ledger:
        return Ledger(self._coins, self._model, PaperBroker(self._coins, self._model))

    def take_up(self, held: Iterable[tuple[Trade, int]]) -> None:
        """Forget all trades, and let the branches of each mask have the trade given with it."""
        self.ledger = self._empty_ledger()
        self.holdings = Holdings(self._coins, len(self.sides))
        self._jury.forget()
        self._sides.clear()
        self._value_anew()
        for side in self.sides:
            side.account.trades.clear()
        for trade, mask in held:
            self.holdings.hold(trade, mask)
            if trade.state != TradeState.CLOSED:
                for side in self.of(mask):
                    side.account.trades[trade.trade_id] = trade

    def of(self, mask: int) -> list[Side]:
        """Return the branches of a mask."""
        found = self._sides.get(mask)
        if found is None:
            found = self._sides[mask] = [side for side in self.sides if side.bit & mask]
        return found

    # What bots say.

    def hear(self, heard: Heard, judged: Judged | None) -> None:
        """Note a bot's signal for later in the step: the desk decides first, whoever else speaks.

        `judged` is what the desk made of it, None when it was a repeat.
        """
        if heard.lane.stage == "shadow":
            return
        name = heard.key
        slots = self.slots.get(name)
        if slots is None:
            slots = self.slots[name] = Slots(armed=self.everyone)
        now_ns = self._out.now_ns
        ready = slots.hear(now_ns, heard.lane.bot.rearm_ns(), self.everyone)
        self._out.touch(f"{SLOTS}{name}")
        if ready:
            # The vote is cast now: bots that speak after this one have no part in it.
            _ = heard.vote
            self.noted.append((heard, judged, ready, self.main.desk.equity_e6))

    def decide(self) -> None:
        """Decide what was noted, in order."""
        noted, self.noted = self.noted, []
        for heard, judged, ready, equity_e6 in noted:
            self._decide(heard, judged, ready, equity_e6)

    def _decide(self, heard: Heard, judged: Judged | None, ready: int, equity_e6: int) -> None:
        slots = self.slots[heard.key]
        # Something said before it within the step may have taken a slot.
        ready &= ~slots.taken
        if not ready:
            return
        watcher = self.watcher
        if watcher is not None:
            watcher.heard(ready)
        holders = self.holdings.holders
        takers = self._jury.takers(heard, judged, ready, equity_e6, holders, watcher)
        if not takers:
            return
        number = self.next_number()
        for lots, mask in takers.items():
            slots.taken |= mask
            self._open(heard, mask, lots, number, judged.signal_id if judged else 0)
        if watcher is not None:
            watcher.taken(number)

    def _open(self, heard: Heard, mask: int, lots: int, number: int, signal_id: int) -> None:
        coin = heard.coin
        trade = entry_of(
            heard,
            lots,
            trade_id=trade_id_of(number, self._jury.lowest(mask).index),
            signal_id=signal_id,
            kind=TradeKind.PAPER,
            cause="admit",
            now_ns=self._out.now_ns,
            model=self._model,
        )
        self.holdings.hold(trade, mask)
        for side in self.of(mask):
            side.account.trades[trade.trade_id] = trade
        worth_e6 = notional_e6(coin.book.mid, lots, coin.instrument.sz_decimals)
        self._expose(trade, bearable_e6(worth_e6))
        self._out.touch(trade_piece(trade))
        self._apply(self.ledger.open(trade))

    def _expose(self, trade: Trade, notional_e6: int) -> None:
        """Set what every holder counts as the exposure of a trade."""
        before_e6 = trade.exposed_e6
        for side in self.of(self.holdings.holders[trade.trade_id]):
            trade.exposed_e6 = before_e6
            side.account.expose(trade, notional_e6)

    def next_number(self) -> int:
        """Return a number for what all branches have in common of a trade; they count up."""
        if self._counted_seq != self._out.seq:
            self._counted_seq, self._count = self._out.seq, 0
        self._count += 1
        return self._out.seq * SIGNALS_MAX + self._count - 1

    def exit_called(self, bot: str, call: ExitCall) -> None:
        """End what the branches have of a bot on a coin and side."""
        self._apply(self.ledger.call_exit(bot, call.coin, call.side, self._out.now_ns))

    def doubted(self, coin: Coin) -> None:
        """Put on record which trades live through quotes that are not believed."""
        self._apply(self.ledger.doubt(coin.name, self._out.now_ns))

    # What the market does.

    def on_book(self, coin: Coin) -> None:
        """Mark a coin's trades at its new book; fill, stop and close what is due."""
        changes = self.ledger.on_book(coin, self._out.vitals.now_ns)
        if changes:
            self._apply(changes)

    def on_second(self) -> None:
        """End horizons, give up entries, revalue; latch branches whose loss limit is broken."""
        for name, trades in self.ledger.gaps.suspended.items():
            if trades:
                self._touch_suspended(name)
        self._apply(self.ledger.on_second(self._out.now_ns))
        self.value()
        if self._jury.latch():
            self._touch()

    def value(self) -> None:
        """Revalue every branch's open trades at the current mids."""
        if not self.holdings.value() and self._all_valued:
            return
        self._valued = self._all_valued = True
        changed = False
        for side, total_e6 in zip(self.sides, self.holdings.totals_e6, strict=True):
            if total_e6 != side.view.desk.open_e6:
                side.revalue(total_e6)
                changed = True
        if changed:
            self._touch()

    def _value_anew(self) -> None:
        """Let every branch be valued anew: something else than a mid has changed one."""
        self._valued = self._all_valued = False

    def _worth_e6(self, index: int) -> int:
        """Return what the open trades of a branch are worth at the current mids."""
        if not self._valued:
            self.holdings.value()
            self._valued = True
        return self.holdings.totals_e6[index]

    def on_minute(self) -> None:
        """Let the state know the marks of everything open."""
        self.value()
        for marks in self.ledger.marks.values():
            marks.write_back()
        for trade in self.ledger.trades.values():
            self._out.touch(trade_piece(trade))

    def suspend_stale(self) -> None:
        """Stop trusting the marks of trades whose coin has had no book for too long."""
        self.ledger.suspend_stale(self._out.now_ns)

    def on_hour(self, hour_ms: int) -> None:
        """Charge the hour that just ended."""
        self._apply(self.ledger.on_hour(hour_ms, self._out.now_ns))

    def begin_day(self, day_ms: int) -> None:
        """Let the daily losses be measured from here on, on a new UTC day."""
        self._value_anew()
        for side in self.sides:
            side.account.begin_day(day_ms)
            side.look_again()

    def repair(self, coin: Coin, candles: list[Candle], asked_ns: int) -> None:
        """Walk the minutes that a coin's trades were not marked."""
        self._touch_suspended(coin.name)
        self._apply(self.ledger.repair(coin, candles, asked_ns))

    def _touch_suspended(self, name: str) -> None:
        """Let the state know of trades that may be marked again, of which nothing else tells."""
        for trade in self.ledger.gaps.suspended[name]:
            self._out.touch(trade_piece(trade))

    def on_rates(self, coin: str, rates: Iterable[tuple[int, float]]) -> None:
        """Learn settled funding rates for gaps that crossed an hour; settle what is owed."""
        self._apply(self.ledger.on_rates(coin, rates))

    # What the operator says.

    def halt_as_main(self) -> None:
        """Let every branch be halted by whoever halts the desk."""
        for side in self.sides:
            side.desk.halts = dict(self.main.desk.halts)
            side.desk.scopes = dict(self.main.desk.scopes)
        self._touch()

    def release(self) -> None:
        """Open entries again where a loss limit was broken."""
        for side in self.sides:
            if side.desk.latched:
                side.account.release()
            side.look_again()

    def flatten(self, bot: str = "", coin: str = "") -> None:
        """End all that the branches have, of a bot and on a coin alone if named."""
        self._apply(self.ledger.flatten(self._out.now_ns, bot, coin))

    def wind_down(self, coin: Coin) -> None:
        """End all that lives on a coin at its last mark."""
        self._apply(self.ledger.wind_down(coin, self._out.now_ns))

    # What became of trades.

    def _apply(self, changes: Collection[Change]) -> None:
        if not changes:
            return
        # An account may be valued at once, whatever happened: with all that the ledger has done.
        self._value_anew()
        holdings = self.holdings
        for change in changes:
            if change.what == "filled":
                holdings.bought(change.trade)
            elif change.what == "closed":
                holdings.ended(change.trade)
            else:
                holdings.changed(change.trade)
        ended: list[Trade] = []
        for change in changes:
            trade = change.trade
            if change.what == "filled":
                self._expose(trade, trade.entry_notional_e6)
            elif change.what == "closed":
                self._closed(trade)
                if trade.owes:
                    trade.counted = True
                else:
                    ended.append(trade)
            elif change.what == "paid" and trade.state == TradeState.CLOSED:
                for side in self.of(holdings.holders[trade.trade_id]):
                    side.pay(change.amount_e6)
            elif change.what == "settled":
                self.ledger.owing.release(trade)
                if trade.counted:
                    ended.append(trade)
            self._out.touch(trade_piece(trade))
        self._write(ended)

    def _closed(self, trade: Trade) -> None:
        mask, exposed_e6 = self.holdings.holders[trade.trade_id], trade.exposed_e6
        for side in self.of(mask):
            trade.exposed_e6 = exposed_e6
            side.closed(trade)
        slots = self.slots.get(trade.key)
        if slots is not None:
            slots.close(mask)
            self._out.touch(f"{SLOTS}{trade.key}")
        if trade.exit_reason in STOP_OUTS:
            self._out.touch(STOPPED)

    def _write(self, ended: Iterable[Trade]) -> None:
        """Write down what became of trades, those of a signal in the order of the branches."""
        for number, same in groupby(ended, key=lambda trade: signal_of(trade.trade_id)):
            made: dict[int, BranchTradeRow] = {}
            for trade in same:
                mask = self.holdings.holders.pop(trade.trade_id)
                if trade.filled_lots:
                    row = branch_trade_row(trade)
                    made.update((side.index, row) for side in self.of(mask))
            for index, row in sorted(made.items()):
                branch_id = self.sides[index].tally.branch_id
                trade_id = trade_id_of(number, index)
                mine = msgspec.structs.replace(row, trade_id=trade_id, branch_id=branch_id)
                self._out.rows.branch_trades.append(mine)

    def drop(self, trades: Iterable[Trade], sell: Callable[[Trade], None]) -> None:
        """Let trades go that are not carried into a fork, and sell what was bought of them."""
        gone = []
        for trade in trades:
            if trade.state != TradeState.PENDING:
                sell(trade)
            self._value_anew()
            self.holdings.ended(trade)
            self._closed(trade)
            gone.append(trade)
        self._write(gone)

    def drop_owing(self) -> None:
        """Write down, before a fork, what is known of trades that closed and still owe funding."""
        # What had closed before the last fork was never this branch's.
        self._write([t for t in self.ledger.owing.closed.values() if t.counted])
