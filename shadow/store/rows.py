"""Rows on their way to the database, and how decisions and trades become rows.

Wide rows are made by position: msgspec looks for each keyword among all fields, which takes a
row of thirty ten times as long.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime
from functools import lru_cache

import msgspec
from msgspec import Struct, field

from market.coin import Coin
from market.decision import BUY, Check, Proposal, TradeKind, Verdict
from market.events import MS_PER_DAY, NS_PER_MS, NS_PER_S, Level
from market.fills import Fill
from shadow.ledger.trade import OWED, UNAVAILABLE, Trade, TradeState
from shadow.store.tables.alarms import AlarmRow
from shadow.store.tables.branches import BranchDayRow, BranchEnd, BranchRow, BranchTradeRow
from shadow.store.tables.decisions import CheckRow, SignalRow
from shadow.store.tables.desk import EquityRow
from shadow.store.tables.lenses import LensRow
from shadow.store.tables.limits import FinalDayRow, LimitDayRow, LimitShift, MatchedDayRow
from shadow.store.tables.rollups import RollupRow
from shadow.store.tables.series import SeriesRow, SeriesUpdate, SpellRow
from shadow.store.tables.trades import (
    FillRow,
    OrderEventRow,
    RepeatsUpdate,
    TradeDayRow,
    TradeRow,
    TradeUpdate,
)
from shadow.store.tables.trials import DecisionUpdate, ExperimentRow
from shadow.store.tables.weights import ReturnRow, WeightRow

KIND = {
    TradeKind.PAPER: "paper",
    TradeKind.TWIN: "twin",
    TradeKind.PHANTOM: "phantom",
    TradeKind.CLAMPED: "phantom",
}
STATUS = {
    TradeState.PENDING: "pending",
    TradeState.OPEN: "open",
    TradeState.EXITING: "exiting",
    TradeState.CLOSED: "closed",
}
BOOK_LEVELS = 5


class Rows(Struct):
    """New rows by table, updates of trades and trials, and sums to add to the rollup.

    They are written in the order of these fields. `left_out` are sums of the rollup too: of what
    no series of a limit counts. `cuts` are checks that passed although an alarm was raised.
    """

    signals: list[SignalRow] = field(default_factory=list)
    checks: list[CheckRow] = field(default_factory=list)
    trades: list[TradeRow] = field(default_factory=list)
    trade_updates: list[TradeUpdate] = field(default_factory=list)
    repeats: list[RepeatsUpdate] = field(default_factory=list)
    fills: list[FillRow] = field(default_factory=list)
    order_events: list[OrderEventRow] = field(default_factory=list)
    trade_days: list[TradeDayRow] = field(default_factory=list)
    equity: list[EquityRow] = field(default_factory=list)
    weights: list[WeightRow] = field(default_factory=list)
    lenses: list[LensRow] = field(default_factory=list)
    returns: list[ReturnRow] = field(default_factory=list)
    experiments: list[ExperimentRow] = field(default_factory=list)
    decisions: list[DecisionUpdate] = field(default_factory=list)
    alarms: list[AlarmRow] = field(default_factory=list)
    rollups: list[RollupRow] = field(default_factory=list)
    left_out: list[RollupRow] = field(default_factory=list)
    cuts: list[CheckRow] = field(default_factory=list)
    series: list[SeriesRow] = field(default_factory=list)
    spells: list[SpellRow] = field(default_factory=list)
    series_updates: list[SeriesUpdate] = field(default_factory=list)
    limit_days: list[LimitDayRow] = field(default_factory=list)
    matched_days: list[MatchedDayRow] = field(default_factory=list)
    limit_shifts: list[LimitShift] = field(default_factory=list)
    final_days: list[FinalDayRow] = field(default_factory=list)
    branches: list[BranchRow] = field(default_factory=list)
    branch_ends: list[BranchEnd] = field(default_factory=list)
    branch_days: list[BranchDayRow] = field(default_factory=list)
    branch_trades: list[BranchTradeRow] = field(default_factory=list)
    branch_alarms: list[AlarmRow] = field(default_factory=list)

    def extend(self, other: Rows) -> None:
        """Add another set of rows behind these."""
        for name in self.__struct_fields__:
            getattr(self, name).extend(getattr(other, name))

    def size(self) -> int:
        """Return how many rows there are."""
        return sum(len(getattr(self, name)) for name in self.__struct_fields__)

    def encoded(self, names: Iterable[str]) -> bytes:
        """Return the bytes of some of the lists by name, none when all of them are empty."""
        lists = {name: getattr(self, name) for name in names}
        return msgspec.msgpack.encode(lists) if any(lists.values()) else b""


# The rows of what the desk decided and what became of it, and those of the desks beside it: a
# digest each. What series of limits make of the former is in neither.
OF_BRANCHES = ("branches", "branch_ends", "branch_days", "branch_trades", "branch_alarms")
OF_SERIES = (
    *("left_out", "cuts", "series", "spells", "series_updates"),
    *("limit_days", "matched_days", "limit_shifts", "final_days"),
)
OF_DESK = tuple(n for n in Rows.__struct_fields__ if n not in (*OF_BRANCHES, *OF_SERIES))


def day_of(ms: int) -> str:
    """Return the UTC date of a time in milliseconds as YYYY-MM-DD."""
    return _date(ms // MS_PER_DAY)


@lru_cache(maxsize=512)
def _date(day: int) -> str:
    return datetime.fromtimestamp(day * MS_PER_DAY / 1000, UTC).strftime("%Y-%m-%d")


def ms_of(day: str) -> int:
    """Return the first millisecond of a UTC date; the other way round of `day_of`."""
    return int(datetime.fromisoformat(f"{day}T00:00:00+00:00").timestamp()) * 1000


def side_name(side: int) -> str:
    """Return buy or sell."""
    return "buy" if side == BUY else "sell"


def to_json(value: object) -> str:
    """Return compact JSON text."""
    return msgspec.json.encode(value).decode()


def ages_ms(coin: Coin, now_ns: int) -> dict[str, float]:
    """Return how old each kind of data about the coin was, in milliseconds."""
    ages = {"lag": round(coin.venue_lag_ms, 1)}
    streams = coin.streams
    for name in ("fast", "slow", "bbo", "trades", "context"):
        cadence = getattr(streams, name)
        if cadence.count:
            ages[name] = round(cadence.age_ns(now_ns) / NS_PER_MS, 1)
    return ages


def snapshot(coin: Coin) -> dict[str, list[list[float]]]:
    """Return the top of the book as price and size pairs."""

    def pairs(levels: list[Level]) -> list[list[float]]:
        return [[level.px, level.sz] for level in levels[:BOOK_LEVELS]]

    return {"bids": pairs(coin.book.bids()), "asks": pairs(coin.book.asks())}


def signal_row(
    proposal: Proposal,
    verdict: Verdict,
    coin: Coin,
    *,
    signal_id: int,
    seq: int,
    now_ns: int,
    trade_id: int,
    config_hash: str,
    policy_hash: str,
    vote: object,
) -> SignalRow:
    """Return the row of a signal with everything that was known when it was judged."""
    signal, plan = proposal.signal, proposal.signal.plan
    clamps = [
        {"filter": c.filter, "before_lots": c.before_lots, "after_lots": c.after_lots}
        for c in verdict.clamps
    ]
    return SignalRow(
        signal_id,
        seq,
        now_ns,
        proposal.bot,
        proposal.division,
        signal.coin,
        side_name(signal.side),
        signal.conviction,
        "admitted" if verdict.admitted else "blocked",
        ",".join(verdict.failing),
        verdict.sole,
        int(verdict.fail_closed),
        trade_id or None,
        proposal.lots,
        verdict.lots,
        proposal.notional_e6,
        to_json(clamps),
        coin.book.mid,
        plan.stop_px,
        plan.target_px or None,
        plan.trail or None,
        plan.horizon_ns,
        signal.reason,
        to_json(signal.saw),
        to_json(snapshot(coin)),
        to_json(ages_ms(coin, now_ns)),
        config_hash,
        policy_hash,
        to_json(proposal.sizing),
        to_json(vote),
    )


def check_rows(signal_id: int, checks: Iterable[Check], versions: dict[str, int]) -> list[CheckRow]:
    """Return one row per check."""
    return [
        CheckRow(
            signal_id,
            c.filter,
            c.mode,
            c.outcome,
            c.value,
            c.threshold,
            c.reason,
            versions[c.filter],
        )
        for c in checks
    ]


def trade_row(trade: Trade, state: int) -> TradeRow:
    """Return the row that a trade begins with, in the state it was opened in."""
    return TradeRow(
        trade.trade_id,
        KIND[TradeKind(trade.kind)],
        trade.cause,
        STATUS[TradeState(state)],
        trade.signal_id,
        trade.bot,
        trade.division,
        trade.coin,
        side_name(trade.side),
        trade.lots,
        trade.decided_ns,
        trade.decision_mid,
        trade.trial_id or None,
    )


def trade_update_row(trade: Trade) -> TradeUpdate:
    """Return what may change on a trade's row, its id last; money stays null until it is final.

    A trade that has closed but owes funding is still `exiting`, with its `closed_ns` and a flag.
    """
    unavailable = trade.exit_reason == UNAVAILABLE
    state = TradeState.EXITING if trade.owes and trade.closed_ns else TradeState(trade.state)
    closed = state == TradeState.CLOSED and not unavailable
    flags = [*trade.flags, OWED] if trade.owes else trade.flags
    filled = trade.opened_ns > 0
    entry, left = trade.entry_cost, trade.exit_cost if closed else None
    return TradeUpdate(
        STATUS[state],
        trade.later_trade_id or None,
        trade.filled_lots,
        trade.opened_ns or None,
        trade.closed_ns or None,
        trade.entry_px if filled else None,
        trade.exit_px if closed else None,
        trade.entry_notional_e6 if filled else None,
        trade.gross_e6 if closed else None,
        trade.fees_e6 if closed else None,
        trade.funding_e6 if closed else None,
        trade.net_e6 if closed else None,
        trade.risk_e6 if filled else None,
        trade.r if closed else None,
        trade.bps if closed else None,
        trade.mae_bps if closed else None,
        trade.mfe_bps if closed else None,
        trade.exit_reason or None,
        trade.exit_decision_mid or None,
        entry.delay_e6 if entry else None,
        entry.impact_e6 if entry else None,
        left.delay_e6 if left else None,
        left.impact_e6 if left else None,
        ",".join(flags),
        trade.trade_id,
    )


def branch_trade_row(trade: Trade) -> BranchTradeRow:
    """Return the row of a trade that has ended and was filled, but for the branch that held it."""
    return BranchTradeRow(
        trade.trade_id,
        0,
        trade.signal_id or None,
        trade.bot,
        trade.division,
        trade.coin,
        side_name(trade.side),
        trade.filled_lots,
        trade.decided_ns,
        trade.opened_ns,
        trade.closed_ns,
        trade.entry_px,
        trade.exit_px,
        trade.entry_notional_e6,
        trade.gross_e6,
        trade.fees_e6,
        trade.funding_e6,
        trade.net_e6,
        trade.risk_e6,
        trade.r or 0.0,
        trade.exit_reason,
        ",".join([*trade.flags, OWED] if trade.owes else trade.flags),
    )


def fill_row(trade: Trade, fill: Fill, at_ns: int, *, entry: bool) -> FillRow:
    """Return the row of one walk of the book."""
    return FillRow(
        trade.trade_id,
        at_ns,
        "entry" if entry else "exit",
        side_name(trade.side if entry else -trade.side),
        fill.px,
        fill.lots,
        fill.notional_e6,
        fill.fee_e6,
        fill.levels,
    )


def second_of(ns: int) -> str:
    """Return a time for a person: 2025-09-04 19:46:56Z."""
    return datetime.fromtimestamp(ns / NS_PER_S, UTC).strftime("%Y-%m-%d %H:%M:%SZ")
