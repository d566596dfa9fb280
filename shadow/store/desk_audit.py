"""Audit of the desk: cash, exposures, open marks and peak, made again from the rows."""

from __future__ import annotations

import math
import sqlite3
from collections.abc import Collection, Iterator

from market.decision import TradeKind
from market.desk import Desk
from market.events import NS_PER_DAY
from shadow.ledger.trade import SUSPECT_PRICE, Trade, TradeState
from shadow.store.history import whole_trades

REAL = "kind IN ('paper', 'real')"
# An open mark may run this far beyond the extreme mid that its trade has seen, in bps: between
# two mids of a trade that waits for a gap to be repaired the desk goes on with its last one.
SLACK_BPS = 50.0
# While a trade was not watched its equity moved with the books, its extremes did not.
SLACK_UNWATCHED_BPS = 1_000.0
# How long after its end a trade may still have been valued: one that was repaired ended before.
LATE_NS = NS_PER_DAY
LATE_REPAIRED_NS = 30 * NS_PER_DAY


def desk_lies(db: sqlite3.Connection, desk: Desk, trades: Collection[Trade]) -> list[str]:
    """Return in words where the desk is not what its trades make it.

    `trades` are those whose money is not final: open ones, and closed ones that owe funding.
    """
    real = [trade for trade in trades if trade.kind == TradeKind.PAPER]
    owing = [trade for trade in real if trade.state == TradeState.CLOSED]
    real = [trade for trade in real if trade.state != TradeState.CLOSED]
    return [
        *_cash(db, desk, owing),
        *_exposures(desk, real),
        *_open_marks(desk, real),
        *_stopped(db, desk),
        *_peak(db, desk, real, owing),
    ]


def _cash(db: sqlite3.Connection, desk: Desk, owing: Collection[Trade]) -> Iterator[str]:
    (net_e6,) = db.execute(f"SELECT COALESCE(SUM(net_e6), 0) FROM trade WHERE {REAL}").fetchone()
    # What has closed was credited, but for the funding that it still owes.
    net_e6 += sum(trade.net_e6 for trade in owing)
    drift_e6 = desk.cash_e6 - desk.start_e6 - net_e6
    if not drift_e6:
        return
    if not whole_trades(db):
        # What is gone had its say in what is still there: a minute of equity, and the rollup.
        drifts = [*_since_equity(db, desk, owing), *_since_rollup(db, desk, net_e6)]
        if not drifts or 0 in drifts:
            return
        drift_e6 = drifts[0]
    yield f"cash moved by {drift_e6} micro-dollars that no closed trade explains"


def _since_equity(db: sqlite3.Connection, desk: Desk, owing: Collection[Trade]) -> Iterator[int]:
    """Return what moved since the oldest minute of equity beyond the trades closed since."""
    row = db.execute("SELECT MIN(ts_ns), cash_e6 FROM equity").fetchone()
    if row[0] is not None:
        (net_e6,) = db.execute(
            f"SELECT COALESCE(SUM(net_e6), 0) FROM trade WHERE {REAL} AND closed_ns > ?", (row[0],)
        ).fetchone()
        owed_e6 = sum(trade.net_e6 for trade in owing if trade.closed_ns > row[0])
        yield desk.cash_e6 - row[1] - net_e6 - owed_e6


def _since_rollup(db: sqlite3.Connection, desk: Desk, net_e6: int) -> Iterator[int]:
    """Return what moved beyond the trades still there and, by their twins' days, those gone."""
    if db.execute("SELECT 1 FROM about WHERE key = 'pruned_before_ns'").fetchone():
        (gone_e6,) = db.execute(
            "SELECT (SELECT COALESCE(SUM(net_e6), 0) FROM rollup WHERE mode = 'admit')"
            " - (SELECT COALESCE(SUM(mtm_e6), 0) FROM trade_day JOIN trade USING (trade_id)"
            " WHERE kind = 'twin')"
        ).fetchone()
        yield desk.cash_e6 - desk.start_e6 - net_e6 - gone_e6


def _exposures(desk: Desk, real: Collection[Trade]) -> Iterator[str]:
    by_coin: dict[str, int] = {}
    by_division: dict[str, int] = {}
    for trade in real:
        by_coin[trade.coin] = by_coin.get(trade.coin, 0) + trade.exposed_e6
        by_division[trade.division] = by_division.get(trade.division, 0) + trade.exposed_e6
        if trade.opened_ns and trade.exposed_e6 != trade.entry_notional_e6:
            yield (
                f"trade {trade.trade_id} counts as {trade.exposed_e6} of exposure, "
                f"its entry was {trade.entry_notional_e6}"
            )
    gross_e6 = sum(trade.exposed_e6 for trade in real)
    net_e6 = sum(trade.side * trade.exposed_e6 for trade in real)
    for name, have, want in (("gross", desk.gross_e6, gross_e6), ("net", desk.net_e6, net_e6)):
        if have != want:
            yield f"the desk's {name} exposure is {have}, its open trades make {want}"
    for kind, have_by, want_by in (
        ("coin", desk.by_coin, by_coin),
        ("division", desk.by_division, by_division),
    ):
        for name in sorted(have_by.keys() | want_by.keys()):
            have, want = have_by.get(name, 0), want_by.get(name, 0)
            if have != want:
                yield f"the desk's exposure to {kind} {name} is {have}, its trades make {want}"


def _open_marks(desk: Desk, real: Collection[Trade]) -> Iterator[str]:
    if any(SUSPECT_PRICE in trade.flags for trade in real):
        # A price that has jumped may be any number of times what was paid.
        return
    held_e6 = sum(trade.entry_notional_e6 for trade in real if trade.opened_ns)
    if abs(desk.open_e6) > held_e6:
        yield f"the desk's open marks are {desk.open_e6}, its open trades were bought for {held_e6}"


def _stopped(db: sqlite3.Connection, desk: Desk) -> Iterator[str]:
    if not whole_trades(db):
        return
    ends: dict[str, set[int]] = {}
    for name, closed_ns in db.execute(
        f"SELECT bot || '|' || coin, closed_ns FROM trade WHERE {REAL}"
        " AND exit_reason IN ('stop', 'trail')"
    ):
        ends.setdefault(name, set()).add(closed_ns)
    for name in sorted(desk.stopped.keys() | ends.keys()):
        at_ns = desk.stopped.get(name)
        if at_ns not in ends.get(name, ()):
            yield f"the desk was stopped out of {name} at {at_ns}, no trade was"


def _peak(
    db: sqlite3.Connection, desk: Desk, real: Collection[Trade], owing: Collection[Trade]
) -> Iterator[str]:
    """Hold the peak against the highest equity written and the highest there can have been."""
    # Who releases a latch begins a new peak.
    (rebased_ns,) = db.execute(
        "SELECT COALESCE(MAX(ts_ns), 0) FROM alarm WHERE kind = 'resume'"
        " AND message LIKE 'operator:%'"
    ).fetchone()
    (seen_e6,) = db.execute(
        "SELECT MAX(equity_e6) FROM equity WHERE ts_ns > ?", (rebased_ns,)
    ).fetchone()
    known = [desk.equity_e6, seen_e6, None if rebased_ns else desk.start_e6]
    low_e6 = max(e6 for e6 in known if e6 is not None)
    if desk.peak_e6 < low_e6:
        yield f"the desk's peak is {desk.peak_e6}, its equity has been {low_e6}"
    if whole_trades(db):
        high_e6 = _ceiling(db, desk, real, owing)
        if desk.peak_e6 > high_e6:
            yield f"the desk's peak is {desk.peak_e6}, its trades explain {high_e6} at most"


def _ceiling(
    db: sqlite3.Connection, desk: Desk, real: Collection[Trade], owing: Collection[Trade]
) -> float:
    """Return the highest equity there can have been: each trade at its best while it was open."""
    moves: list[tuple[int, float]] = []
    rows = db.execute(
        "SELECT opened_ns, closed_ns, net_e6, mfe_bps, entry_notional_e6, flags FROM trade"
        f" WHERE {REAL} AND net_e6 IS NOT NULL AND closed_ns IS NOT NULL"
    )
    waiting = [
        (t.opened_ns, t.closed_ns, t.net_e6, t.mfe_bps, t.entry_notional_e6, t.flags) for t in owing
    ]
    for opened_ns, closed_ns, net_e6, mfe_bps, notional_e6, flags in [*rows, *waiting]:
        unwatched = "gap" in flags or "repaired" in flags
        slack_bps = SLACK_UNWATCHED_BPS if unwatched else SLACK_BPS
        best_e6 = max(net_e6, ((mfe_bps or 0.0) + slack_bps) / 1e4 * notional_e6)
        late_ns = LATE_REPAIRED_NS if unwatched else LATE_NS
        moves += [(opened_ns, best_e6), (closed_ns + late_ns, net_e6 - best_e6)]
    for trade in real:
        if trade.opened_ns and (SUSPECT_PRICE in trade.flags or trade.gap_ns):
            # A price has jumped since its extremes were written, or nobody keeps them for now.
            return math.inf
        if trade.opened_ns:
            best_bps = trade.mfe_bps + SLACK_BPS
            moves.append((trade.opened_ns, best_bps / 1e4 * trade.entry_notional_e6))
    level_e6 = highest_e6 = float(desk.start_e6)
    # At one instant what was won comes before what was lost.
    for _, change_e6 in sorted(moves, key=lambda move: (move[0], -move[1])):
        level_e6 += change_e6
        highest_e6 = max(highest_e6, level_e6)
    return highest_e6
