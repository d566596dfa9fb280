"""Bookkeeping of one desk: what it decided and what became of it, as rows.

Decisions are made elsewhere; here they are written down, for the database and its rollups. With
the shadow off only real trades are written; the others live and end all the same, so that the
same signals get the same rows.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Protocol

from market.coin import Coin
from market.decision import STAGE, Proposal, TradeKind, Verdict
from market.desk import Desk
from market.errors import require
from market.events import NS_PER_MS
from market.orders import NO_BOOK
from shadow.ledger.episodes import KeyState
from shadow.ledger.trade import CANCELLED, Change, Tag, Trade
from shadow.store import rollup
from shadow.store.rows import (
    Rows,
    check_rows,
    day_of,
    fill_row,
    signal_row,
    trade_row,
    trade_update_row,
)
from shadow.store.tables.desk import EquityRow
from shadow.store.tables.trades import OrderEventRow, RepeatsUpdate, TradeDayRow

# The last order event of an entry that never filled.
EXPIRED = ("entry_expired", NO_BOOK)
FLATTENED = ("entry_cancelled", "flatten")


class Sink(Protocol):
    """Destination of rows, and the event they belong to."""

    @property
    def rows(self) -> Rows:
        """Return the rows of this event."""

    @property
    def seq(self) -> int:
        """Return the event's number."""

    @property
    def now_ns(self) -> int:
        """Return the event's receive time."""

    def touch(self, key: str) -> None:
        """Note that a piece of durable state changed."""

    def later(self, write: Callable[[], None]) -> None:
        """Let rows be written once everything the event leads to is decided."""


class Identity:
    """Values frozen on every signal row."""

    def __init__(self, config_hash: str, policy_hash: str) -> None:
        self.config_hash = config_hash
        self.policy_hash = policy_hash


class Bookkeeper:
    """Writer of one desk's rows. `versions` holds the version of every filter by name."""

    def __init__(
        self, sink: Sink, identity: Identity, versions: dict[str, int], *, shadow: bool
    ) -> None:
        self._sink = sink
        self._versions = versions
        self.identity = identity
        self.shadow = shadow

    def recorded(self, trade: Trade) -> bool:
        """Say whether a trade is written down."""
        return self.shadow or trade.kind == TradeKind.PAPER

    def signal(
        self,
        proposal: Proposal,
        verdict: Verdict,
        coin: Coin,
        *,
        signal_id: int,
        trade_id: int,
        vote: Callable[[], object],
    ) -> None:
        """Count a judged signal in the rollups now; write it and its checks behind the decisions.

        Encoding what was known takes as long as deciding did. The market does not move on
        meanwhile: a step takes one event. `vote` returns the vote as plain data.
        """
        sink = self._sink
        rollup.count_signal(
            sink.rows, verdict_tags(verdict), proposal.bot, sink.now_ns // NS_PER_MS
        )
        seen = coin.book.version

        def write() -> None:
            require(coin.book.version == seen, "the book moved on before its signal was written")
            rows = sink.rows
            rows.signals.append(
                signal_row(
                    proposal,
                    verdict,
                    coin,
                    signal_id=signal_id,
                    seq=sink.seq,
                    now_ns=sink.now_ns,
                    trade_id=trade_id if self.shadow or verdict.admitted else 0,
                    config_hash=self.identity.config_hash,
                    policy_hash=self.identity.policy_hash,
                    vote=vote(),
                )
            )
            rows.checks += check_rows(signal_id, verdict.checks, self._versions)
            cuts = [check for check in verdict.checks if check.cuts]
            if cuts:
                rows.cuts += check_rows(signal_id, cuts, self._versions)

        sink.later(write)

    def opened(self, trade: Trade) -> None:
        """Write the row that a trade begins with."""
        if self.recorded(trade):
            self._sink.later(partial(self._write_opened, trade, trade.state))
            self._sink.touch(f"trade/{trade.trade_id}")

    def _write_opened(self, trade: Trade, state: int) -> None:
        """Write a trade as it was when it was opened: by now the same step may have moved it."""
        self._sink.rows.trades.append(trade_row(trade, state))

    def changed(self, trade: Trade) -> None:
        """Write what is known of a trade now."""
        if self.recorded(trade):
            self._sink.rows.trade_updates.append(trade_update_row(trade))
            self.touch(trade)

    def touch(self, trade: Trade) -> None:
        """Note that a trade's durable state changed though its row did not."""
        if self.recorded(trade):
            self._sink.touch(f"trade/{trade.trade_id}")

    def paired(self, phantom: Trade, later: Trade) -> None:
        """Bind an admitted trade to the phantom of the same episode."""
        rollup.pair(phantom, later)
        self.changed(phantom)

    def repeats(self, key: KeyState) -> None:
        """Write one key's repeat count to its newest trade."""
        if key.last_id and (self.shadow or key.last_id % 4 == TradeKind.PAPER):
            self._sink.rows.repeats.append(RepeatsUpdate(key.repeats, key.last_id))

    def order(self, trade: Trade, at_ns: int, event: str, detail: str) -> None:
        """Write what happened to a real trade's order."""
        if trade.kind == TradeKind.PAPER:
            row = OrderEventRow(trade.trade_id, at_ns, event, detail)
            self._sink.rows.order_events.append(row)

    def fill(self, change: Change, *, entry: bool) -> None:
        """Write one walk of the book."""
        trade, fill = change.trade, change.fill
        assert fill is not None
        if not self.recorded(trade):
            return
        self._sink.rows.fills.append(fill_row(trade, fill, change.at_ns, entry=entry))
        detail = f"{fill.lots} lots at {fill.px:g}"
        self.order(trade, change.at_ns, "entry_filled" if entry else "exit_filled", detail)

    def never_filled(self, trade: Trade) -> None:
        """Write the end of a real trade's entry that found no book, or was called off."""
        event = FLATTENED if CANCELLED in trade.flags else EXPIRED
        self.order(trade, trade.closed_ns, *event)

    def day(self, change: Change) -> None:
        """Write a trade's mark of one UTC day, and count it in the rollups."""
        trade = change.trade
        if self.recorded(trade):
            row = TradeDayRow(trade.trade_id, day_of(change.day_ms), change.amount_e6)
            self._sink.rows.trade_days.append(row)
            rollup.count_day(self._sink.rows, trade, change.day_ms, change.amount_e6)

    def excluded(self, trade: Trade, partner: Trade | None) -> None:
        """Take a trade that lacks a fact out of the rollups again, once."""
        if trade.excluded and (trade.tags or trade.offset_tags):
            rollup.exclude(self._sink.rows, trade, partner)

    def equity(self, desk: Desk, *, real: int, others: int) -> None:
        """Write the desk's equity and how many trades are open on it and beside it."""
        self._sink.rows.equity.append(
            EquityRow(
                self._sink.now_ns,
                desk.equity_e6,
                desk.cash_e6,
                desk.open_e6,
                desk.gross_e6,
                desk.net_e6,
                real,
                others if self.shadow else 0,
            )
        )


def verdict_tags(verdict: Verdict) -> list[Tag]:
    """Return the statistics in which a judged signal counts."""
    if verdict.admitted:
        return rollup.observe_tags(verdict) + rollup.clamp_tags(verdict)
    if STAGE in verdict.failing:
        return rollup.stage_tags(verdict)
    return rollup.block_tags(verdict)
