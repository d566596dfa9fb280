"""Branches: the desk without each of its limits, all of them live beside the one that trades.

They hear the same signals with the weights as they are, and see the same books. Each has its own
account, slots and paper trades; one ledger holds the trades of all. Nothing that happens here can
reach the desk that trades.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from daemon.engine.account import STOP_OUTS
from daemon.engine.admission import SIGNALS_MAX, Judged, entry_of, propose
from daemon.engine.branch import Branch
from daemon.engine.branches.alike import Alike, worth_by_holders
from daemon.engine.branches.panel import Checked, Panel
from daemon.engine.branches.side import BRANCHES_MAX, Side, side_of, signal_of, trade_id_of
from daemon.engine.branches.slots import Slots
from daemon.engine.branches.variant import Variant
from daemon.engine.branches.watcher import Watcher
from daemon.engine.heard import Heard
from daemon.engine.outcome import Outbox
from market.coin import Coin
from market.decision import Check, ExitCall, Proposal, TradeKind
from market.desk import DeskView
from market.errors import require
from market.events import Candle
from market.fills import FillModel
from market.money import bearable_e6, notional_e6
from shadow.ledger.ledger import Ledger
from shadow.ledger.paper import PaperBroker
from shadow.ledger.trade import Change, Trade, TradeState
from shadow.store.rows import branch_trade_row

NO_CHECKS: Mapping[str, Check] = {}


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
        self.sides = [Side(i, v, coins, self._touch) for i, v in enumerate(variants)]
        self.slots: dict[str, Slots] = {}
        self.watcher: Watcher | None = None
        self._coins = coins
        self._out = out
        self._model = model
        self._panel = Panel(main.gate.filters, variants)
        self.everyone = (1 << len(variants)) - 1
        # The market as a filter sees it; nothing that depends on this desk is asked of it.
        self._market = DeskView(main.desk, coins)
        # By who holds it, what is held was worth when it was valued last.
        self._sums: dict[int, int] = {0: 0}
        self._masks: tuple[int, ...] = (0,)
        self._classes: dict[tuple[int, ...], list[Side]] = {}
        self._count = 0
        self._counted_seq = 0
        self._noted: list[tuple[Heard, Judged | None, int, int]] = []
        self.ledger = self._empty_ledger()
        # By coin, signal and size, what each branch holds.
        self.held: dict[str, dict[tuple[int, int], Alike]] = {n: {} for n in coins}

    def _forget_sums(self) -> None:
        """Let every branch be valued anew: something else than a mid has changed one."""
        self._sums = {0: 0}

    def _touch(self) -> None:
        self._out.touch("branches")

    def _touch_trade(self, trade: Trade) -> None:
        self._out.touch(f"branches/trade/{signal_of(trade.trade_id)}")

    def _empty_ledger(self) -> Ledger:
        return Ledger(self._coins, self._model, PaperBroker(self._coins, self._model))

    def take_up(self, trades: Iterable[Trade]) -> None:
        """Forget all trades, and let each side have its own of those given."""
        self.ledger = self._empty_ledger()
        self.held = {name: {} for name in self._coins}
        self._forget_sums()
        for side in self.sides:
            side.account.trades.clear()
        for trade in trades:
            if trade.state == TradeState.CLOSED:
                continue
            self.sides[side_of(trade.trade_id)].account.trades[trade.trade_id] = trade
            if trade.state != TradeState.PENDING:
                self._hold(trade)

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
        self._out.touch(f"branches/slots/{name}")
        if ready:
            # The vote is cast now: bots that speak after this one have no part in it.
            _ = heard.vote
            self._noted.append((heard, judged, ready, self.main.desk.equity_e6))

    def decide(self) -> None:
        """Decide what was noted, in order."""
        if self._noted:
            noted, self._noted = self._noted, []
            for heard, judged, ready, equity_e6 in noted:
                self._decide(heard, judged, ready, equity_e6)

    def _decide(self, heard: Heard, judged: Judged | None, ready: int, equity_e6: int) -> None:
        slots = self.slots[heard.key]
        # Something said before it within the step may have taken a slot.
        ready &= ~slots.taken
        if not ready:
            return
        watcher, refused = self.watcher, None
        if watcher is not None:
            watcher.heard(ready)
            refused = watcher.refused
        known: Mapping[str, Check] = NO_CHECKS
        proposals: dict[tuple[int, bool], Proposal] = {}
        if judged is not None:
            known = {check.filter: check for check in judged.verdict.checks}
            proposals[equity_e6, True] = judged.proposal
        market = self._look(self._market, heard)
        market.desk = self.main.desk
        first = self._propose(heard, self._lowest(ready), proposals)
        ready = self._panel.left(ready, first, market, known, refused)
        checked: Checked = {}
        number = 0
        while ready:
            side = self._lowest(ready)
            ready &= ~side.bit
            proposal = self._propose(heard, side, proposals)
            view = self._look(side.view, heard)
            lots = self._panel.judge(side.bit, proposal, view, checked, refused)
            if lots is not None:
                number = number or self.next_number()
                slots.taken |= side.bit
                self._open(heard, side, lots, number, judged.signal_id if judged else 0)
        if number and watcher is not None:
            watcher.taken(number)

    def _lowest(self, mask: int) -> Side:
        return self.sides[(mask & -mask).bit_length() - 1]

    def _look(self, view: DeskView, heard: Heard) -> DeskView:
        """Let a view show the moment of a signal."""
        view.now_ns = self._out.now_ns
        view.clock = self.main.view.clock
        view.vote = heard.vote
        key = self.main.keys.get(heard.key)
        view.opened_ns = key.opened_ns if key is not None else 0
        return view

    def _propose(
        self, heard: Heard, side: Side, known: dict[tuple[int, bool], Proposal]
    ) -> Proposal:
        """Return the size a branch asks for; those with as much money ask for the same."""
        key = side.desk.equity_e6, side.variant.weighted
        found = known.get(key)
        if found is None:
            weights = heard.weights if side.variant.weighted else (1.0, 1.0)
            found = propose(heard, key[0], weights, self.main.admission.vol_target)
            known[key] = found
        return found

    def _open(self, heard: Heard, side: Side, lots: int, number: int, signal_id: int) -> None:
        coin = heard.coin
        trade = entry_of(
            heard,
            lots,
            trade_id=trade_id_of(number, side.index),
            signal_id=signal_id,
            kind=TradeKind.PAPER,
            cause="admit",
            now_ns=self._out.now_ns,
            model=self._model,
        )
        side.account.trades[trade.trade_id] = trade
        worth_e6 = notional_e6(coin.book.mid, lots, coin.instrument.sz_decimals)
        side.account.expose(trade, bearable_e6(worth_e6))
        self._touch_trade(trade)
        self._apply(self.ledger.open(trade))

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
        changes = self.ledger.on_book(coin, self._out.now_ns)
        if changes:
            self._apply(changes)

    def on_second(self) -> None:
        """End horizons, give up entries, revalue; latch branches whose loss limit is broken."""
        for name, trades in self.ledger.gaps.suspended.items():
            if trades:
                self._touch_suspended(name)
        self._apply(self.ledger.on_second(self._out.now_ns))
        self.value()
        for side in self.sides:
            if side.unsure and not side.desk.latched:
                reason = self._panel.breach(side.bit, side.view)
                if not reason:
                    side.looked()
                else:
                    side.desk.latched = reason
                    side.tally.latches += 1
                    self._touch()

    def value(self) -> None:
        """Revalue every branch's open trades at the current mids.

        Trades that came from the same signal in the same size are the same trade, whichever
        branches hold them, and are worth the same.
        """
        sums = worth_by_holders(self.held, self._coins)
        if sums == self._sums:
            return
        self._sums = sums
        masks = tuple(sums)
        if masks != self._masks:
            self._masks, self._classes = masks, self._classed(masks)
        changed = False
        for kind, sides in self._classes.items():
            total = sum(sums[mask] for mask in kind)
            for side in sides:
                if total != side.view.desk.open_e6:
                    side.revalue(total)
                    changed = True
        if changed:
            self._touch()

    def _classed(self, masks: tuple[int, ...]) -> dict[tuple[int, ...], list[Side]]:
        """Return the branches by which of the masks they are in: each kind holds the same."""
        found: dict[tuple[int, ...], list[Side]] = {}
        for side in self.sides:
            kind = tuple(mask for mask in masks if mask & side.bit)
            found.setdefault(kind, []).append(side)
        return found

    def on_minute(self) -> None:
        """Let the state know the marks of everything open."""
        self.value()
        for marks in self.ledger.marks.values():
            marks.write_back()
        for trade in self.ledger.trades.values():
            self._touch_trade(trade)

    def suspend_stale(self) -> None:
        """Stop trusting the marks of trades whose coin has had no book for too long."""
        self.ledger.suspend_stale(self._out.now_ns)

    def on_hour(self, hour_ms: int) -> None:
        """Charge the hour that just ended."""
        self._apply(self.ledger.on_hour(hour_ms, self._out.now_ns))

    def begin_day(self, day_ms: int) -> None:
        """Let the daily losses be measured from here on, on a new UTC day."""
        self._forget_sums()
        for side in self.sides:
            side.account.begin_day(day_ms)
            side.look_again()

    def repair(self, coin: Coin, candles: list[Candle], asked_ns: int) -> None:
        """Walk the minutes that a coin's trades were not marked."""
        self._touch_suspended(coin.name)
        self._apply(self.ledger.repair(coin, candles, asked_ns))

    def _touch_suspended(self, name: str) -> None:
        """Let the state know of trades that may be marked again, of which nothing else tells."""
        for number in {signal_of(t.trade_id) for t in self.ledger.gaps.suspended[name]}:
            self._out.touch(f"branches/trade/{number}")

    def on_rates(self, coin: str, rates: Iterable[tuple[int, float]]) -> None:
        """Learn settled funding rates for gaps that crossed an hour; settle what is owed."""
        self._apply(self.ledger.on_rates(coin, rates))

    # What the operator says.

    def halt_as_main(self) -> None:
        """Let every branch be halted by whoever halts the desk."""
        for side in self.sides:
            side.desk.halts = dict(self.main.desk.halts)
        self._touch()

    def release(self) -> None:
        """Open entries again where a loss limit was broken."""
        for side in self.sides:
            if side.desk.latched:
                side.account.release()
            side.look_again()

    def flatten(self) -> None:
        """End all that the branches have."""
        self._apply(self.ledger.flatten(self._out.now_ns))

    def wind_down(self, coin: Coin) -> None:
        """End all that lives on a coin at its last mark."""
        self._apply(self.ledger.wind_down(coin, self._out.now_ns))

    # What became of trades.

    def _apply(self, changes: Iterable[Change]) -> None:
        for change in changes:
            trade = change.trade
            side = self.sides[side_of(trade.trade_id)]
            # Whatever it is, an account may have been valued at once.
            self._forget_sums()
            if change.what == "filled":
                side.account.expose(trade, trade.entry_notional_e6)
                self._hold(trade)
            elif change.what == "closed":
                self._closed(side, trade)
                if trade.owes:
                    trade.counted = True
                else:
                    self._write(trade)
            elif change.what == "paid" and trade.state == TradeState.CLOSED:
                side.pay(change.amount_e6)
            elif change.what == "settled":
                self.ledger.owing.release(trade)
                if trade.counted:
                    self._write(trade)
            self._touch_trade(trade)

    def _hold(self, trade: Trade) -> None:
        alike = self.held[trade.coin].setdefault(_alike(trade), Alike())
        alike.add(side_of(trade.trade_id), trade)

    def _closed(self, side: Side, trade: Trade) -> None:
        self._forget_sums()
        alike = self.held[trade.coin].get(_alike(trade))
        if alike is not None:
            alike.remove(side.index)
            if not alike.trades:
                del self.held[trade.coin][_alike(trade)]
        side.closed(trade)
        slots = self.slots.get(trade.key)
        if slots is not None:
            slots.close(side.bit)
            self._out.touch(f"branches/slots/{trade.key}")
        if trade.exit_reason in STOP_OUTS:
            self._out.touch("branches/stopped")

    def _write(self, trade: Trade) -> None:
        """Write down what became of a trade."""
        if trade.filled_lots:
            side = self.sides[side_of(trade.trade_id)]
            self._out.rows.branch_trades.append(branch_trade_row(trade, side.tally.branch_id))

    def drop(self, trade: Trade) -> None:
        """Let a trade go that is not carried into a fork; what was bought of it has been sold."""
        self._closed(self.sides[side_of(trade.trade_id)], trade)
        self._write(trade)

    def drop_owing(self) -> None:
        """Write down, before a fork, what is known of trades that closed and still owe funding."""
        for trade in self.ledger.owing.closed.values():
            # What had closed before the last fork was never this branch's.
            if trade.counted:
                self._write(trade)


def _alike(trade: Trade) -> tuple[int, int]:
    """Return what trades have in common that are the same but for whose they are."""
    return signal_of(trade.trade_id), trade.filled_lots
