"""Audit of the durable state: what a restart would take up, against the rows it was made from.

The desk's cash is the money of its closed trades, its exposures are those of the open ones, its
peak lies between what rows show and what they leave room for; a trade's piece is its row while
its money is not final, a key's slots are its open trades, weights and returns are their newest
rows, counters are counts.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator
from typing import Any, TypeVar

import msgspec
from msgspec.structs import asdict

from market.desk import Desk
from shadow.ledger.episodes import KeyState
from shadow.ledger.trade import Trade, TradeState
from shadow.store.desk_audit import desk_lies
from shadow.store.history import every_run_kept_phantoms, whole_signals, whole_trades
from shadow.store.rows import KIND, STATUS, day_of, trade_row, trade_update_row
from shadow.store.seal import WHOLE, broken_seals

T = TypeVar("T")

# What an open trade's row may be behind in: the flag of the other half of a pair.
_LAGGING = ("flags",)


def state_lies(db: sqlite3.Connection) -> list[str]:
    """Return in words every piece of durable state that the rows contradict."""
    rows = [tuple(row) for row in db.execute("SELECT key, value, sum FROM state ORDER BY key")]
    found = broken_seals(rows)
    if rows and not any(key == WHOLE for key, *_ in rows):
        found.append("the checksum over all pieces of state is missing")
    pieces: dict[str, str] = {key: value for key, value, _ in rows if key != WHOLE}
    trades: dict[int, Trade] = {}
    for name in [name for name in pieces if name.startswith("trade/")]:
        trade = _decoded(pieces[name], Trade, name, found)
        if trade is not None:
            trades[trade.trade_id] = trade
            if name != f"trade/{trade.trade_id}":
                found.append(f"state {name} holds trade {trade.trade_id}")
    found += [line for trade in trades.values() for line in _trade_lies(db, trade)]
    if "desk" in pieces:
        desk = _decoded(pieces["desk"], Desk, "desk", found)
        if desk is not None:
            found += desk_lies(db, desk, list(trades.values()))
    for name in [name for name in pieces if name.startswith("key/")]:
        key = _decoded(pieces[name], KeyState, name, found)
        if key is not None:
            found += _key_lies(db, name, key)
    for name, lies in (
        ("vitals", _vitals_lies),
        ("weights", _weights_lies),
        ("returns", _returns_lies),
        ("trials", _trials_lies),
        ("marks", _marks_lies),
    ):
        if name in pieces:
            value = _decoded(pieces[name], dict[str, Any], name, found)
            if value is not None:
                try:
                    found += lies(db, value)
                except (AttributeError, KeyError, TypeError, ValueError, OverflowError) as error:
                    found.append(f"state {name} cannot be read: {error!r}")
    return found


def _decoded(text: str, kind: type[T], name: str, found: list[str]) -> T | None:
    try:
        return msgspec.json.decode(text, type=kind)
    except msgspec.MsgspecError as error:
        found.append(f"state {name} cannot be read: {error}")
        return None


def _trade_lies(db: sqlite3.Connection, trade: Trade) -> Iterator[str]:
    """Compare an open trade's piece with its row, and its days with those written."""
    name = f"state trade/{trade.trade_id}"
    cursor = db.execute("SELECT * FROM trade WHERE trade_id = ?", (trade.trade_id,))
    row = cursor.fetchone()
    if row is None:
        yield f"{name}: there is no such trade"
        return
    kept = dict(zip([column for column, *_ in cursor.description], row, strict=True))
    ended = trade.state == TradeState.CLOSED and not trade.owes
    if ended or trade.state not in STATUS or trade.kind not in KIND:
        yield f"{name}: stage {trade.state} and kind {trade.kind} are no open trade's"
        return
    made = {**asdict(trade_row(trade, trade.state)), **asdict(trade_update_row(trade))}
    for column, want in made.items():
        have = kept[column]
        if column in _LAGGING:
            same = set(filter(None, have.split(","))) <= set(filter(None, want.split(",")))
        elif column == "exit_reason" and trade.state == TradeState.PENDING:
            # Called off before its entry filled: the row learns of it with the fill.
            same = have in (None, want)
        else:
            same = have == want
        if not same:
            yield f"{name}: {column} is {want!r}, its row says {have!r}"
    days: dict[str, int] = {}
    for day_ms, amount_e6 in trade.days:
        days[day_of(day_ms)] = days.get(day_of(day_ms), 0) + amount_e6
    marks = db.execute("SELECT day, mtm_e6 FROM trade_day WHERE trade_id = ?", (trade.trade_id,))
    written: dict[str, int] = dict(tuple(mark) for mark in marks)
    if days != written:
        yield f"{name}: its days are {days}, written are {written}"
    if trade.attributed_e6 != sum(days.values()):
        yield f"{name}: {trade.attributed_e6} were given to days that hold {sum(days.values())}"


def _key_lies(db: sqlite3.Connection, name: str, key: KeyState) -> Iterator[str]:
    """Compare a key's slots with the trades that hold them."""
    for slot, kinds in (("real_id", ("paper", "real")), ("phantom_id", ("phantom",))):
        trade_id = getattr(key, slot)
        if not trade_id:
            continue
        row = db.execute(
            "SELECT kind, closed_ns, bot || '|' || coin || '|' ||"
            " CASE side WHEN 'buy' THEN 1 ELSE -1 END FROM trade WHERE trade_id = ?",
            (trade_id,),
        ).fetchone()
        if row is None and slot == "phantom_id" and not every_run_kept_phantoms(db):
            continue
        if row is None or row[0] not in kinds or row[1] is not None or f"key/{row[2]}" != name:
            yield f"state {name}: {slot} {trade_id} is no open trade of that key"
    if key.last_id:
        row = db.execute("SELECT repeats FROM trade WHERE trade_id = ?", (key.last_id,)).fetchone()
        if row is not None and row[0] > key.repeats:
            yield f"state {name}: {key.repeats} repeats, trade {key.last_id} has {row[0]}"


def _vitals_lies(db: sqlite3.Connection, vitals: dict[str, Any]) -> Iterator[str]:
    """Compare counters with counts, and the position with the newest rows."""
    counted: dict[str, int] = dict(
        tuple(row) for row in db.execute("SELECT verdict, COUNT(*) FROM signal GROUP BY verdict")
    )
    whole = whole_signals(db)
    for verdict in ("admitted", "blocked"):
        have, want = vitals[verdict], counted.get(verdict, 0)
        if have < want or (whole and have != want):
            yield f"state vitals: {have} {verdict}, there are {want}"
    if sum(vitals["signals"].values()) != vitals["admitted"] + vitals["blocked"]:
        yield "state vitals: the bots' signals are not those admitted and blocked"
    for table in ("signal", "alarm"):
        seq, ts_ns = db.execute(f"SELECT MAX(seq), MAX(ts_ns) FROM {table}").fetchone()
        if (seq or 0) > vitals["seq"] or (ts_ns or 0) > vitals["now_ns"]:
            yield f"state vitals: event {vitals['seq']}, but a row of {table} is of event {seq}"
    (closed,) = db.execute("SELECT COUNT(*) FROM trade WHERE status = 'closed'").fetchone()
    if vitals["closed"] < closed and whole_trades(db):
        yield f"state vitals: {vitals['closed']} trades closed, there are {closed}"


def _weights_lies(db: sqlite3.Connection, weights: dict[str, Any]) -> Iterator[str]:
    """Compare weights with their newest rows, and the window's returns with theirs."""
    rows = db.execute(
        "SELECT scope, name, weight FROM weight w WHERE day ="
        " (SELECT MAX(day) FROM weight WHERE scope = w.scope AND name = w.name)"
    )
    newest = {(scope, name): weight for scope, name, weight in rows}
    have = {
        (scope, name): weight
        for scope, among in (("division", weights["divisions"]), ("bot", weights["bots"]))
        for name, weight in among.items()
    }
    for scope, name in sorted(have.keys() | newest.keys()):
        ours, theirs = have.get((scope, name)), newest.get((scope, name))
        if ours != theirs:
            yield f"state weights: {scope} {name} weighs {ours}, its newest row says {theirs}"
    summed: dict[tuple[str, str], tuple[int, int]] = {
        (bot, day): (r_e6, closed)
        for bot, day, r_e6, closed in db.execute(
            "SELECT bot, day, SUM(r_e6), SUM(closed) FROM return_day GROUP BY bot, day"
        )
    }
    known = {
        (bot, day_of(int(at_ms))): (r_e6, closed)
        for bot, days in weights["known"].items()
        for at_ms, (r_e6, closed) in days.items()
    }
    for key, value in known.items():
        if summed.get(key, (0, 0)) != value:
            yield f"state weights: {key[0]} knows {value} of {key[1]}, rows say {summed.get(key)}"
    # What was learnt at the newest step is inside the window unless it is older than all of it.
    first = min((day for _, day in known), default="~")
    for bot, day in sorted(summed.keys() - known.keys()):
        if day >= first:
            yield f"state weights: {bot} does not know its return of {day}"


def _returns_lies(db: sqlite3.Connection, returns: dict[str, Any]) -> Iterator[str]:
    """Look for returns of days of which nothing was written."""
    for bot, days in returns.items():
        for at_ms, (r_e6, closed) in days.items():
            day = day_of(int(at_ms))
            marked = db.execute(
                "SELECT 1 FROM trade t WHERE t.bot = :bot AND (EXISTS (SELECT 1 FROM trade_day d"
                " WHERE d.trade_id = t.trade_id AND d.day = :day)"
                " OR date(t.closed_ns / 1000000000, 'unixepoch') = :day) LIMIT 1",
                {"bot": bot, "day": day},
            ).fetchone()
            if (r_e6 or closed) and marked is None and whole_trades(db):
                yield f"state returns: {bot} earned {r_e6} on {day}, no trade did"


def _trials_lies(db: sqlite3.Connection, trials: dict[str, Any]) -> Iterator[str]:
    """Compare the running trial with the register."""
    last, running = db.execute(
        "SELECT COALESCE(MAX(trial_id), 0), MAX(CASE WHEN decision IS NULL THEN trial_id END)"
        " FROM experiment"
    ).fetchone()
    now = (trials["running"] or {}).get("trial_id")
    if (trials["last_id"], now) != (last, running):
        yield (
            f"state trials: number {trials['last_id']}, running {now}; "
            f"the register says {last}, running {running}"
        )


def _marks_lies(db: sqlite3.Connection, marks: dict[str, Any]) -> Iterator[str]:
    """Look for marks newer than the newest event."""
    row = db.execute("SELECT value FROM state WHERE key = 'vitals'").fetchone()
    now_ns = json.loads(row[0])["now_ns"] if row is not None else 0
    for coin, at_ns in marks.items():
        if at_ns > now_ns:
            yield f"state marks: {coin} was marked at {at_ns}, after the newest event"
