"""A limit's series as the report shows it, and up to which day its rows count."""

from __future__ import annotations

import json
import sqlite3
from datetime import date, timedelta
from typing import Any

from msgspec import Struct

DAY_S = 86_400
RULE = {
    "alpha_s": 0.00625, "alpha_v": 0.05, "t_star_days": 90.0, "phi_max": 0.6, "seen_min": 10,
    "odds_half_life_days": 10.0, "odds_prior": 10.0, "booking_delay_days": 14, "n_eff_min": 20.0,
    "blocked_min": 30,
}  # fmt: skip


class Series(Struct, frozen=True):
    """One series of a limit; `rule` are the constants that were frozen into it."""

    filter: str
    series_id: str
    number: int
    from_ns: int
    money_r_e6: int | None
    rule: dict[str, Any]
    through: str


def shown(db: sqlite3.Connection, name: str) -> Series | None:
    """Return the series of a limit that runs, or else the newest; None where there is none."""
    running = db.execute(
        "SELECT series_id FROM spell WHERE filter = ? ORDER BY from_seq DESC LIMIT 1", (name,)
    ).fetchone()
    row = db.execute(
        "SELECT series_id, number, from_ns, money_r_e6, terms FROM series WHERE filter = ?"
        " ORDER BY series_id = ? DESC, number DESC LIMIT 1",
        (name, running[0] if running else ""),
    ).fetchone()
    if row is None:
        return None
    return Series(name, row[0], row[1], row[2], row[3], _rule(row[4]), last_whole_day(db))


def _rule(terms: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(terms).get("verdict", {})
    return RULE | found


def every(db: sqlite3.Connection, name: str) -> list[Series]:
    """Return all series of a limit, in the order in which they began."""
    through = last_whole_day(db)
    return [
        Series(name, key, number, from_ns, money_e6, _rule(terms), through)
        for key, number, from_ns, money_e6, terms in db.execute(
            "SELECT series_id, number, from_ns, money_r_e6, terms FROM series WHERE filter = ?"
            " ORDER BY number",
            (name,),
        )
    ]


def last_whole_day(db: sqlite3.Connection) -> str:
    """Return the newest UTC day that the desk has ended, "" before the first."""
    (day,) = db.execute(
        "SELECT MAX(day) FROM rollup WHERE filter = '' AND mode = 'run' AND scope = 'seconds'"
    ).fetchone()
    return day or ""


def was_run(db: sqlite3.Connection, name: str) -> dict[str, bool]:
    """Return by day whether half of it was run, as it counts for a limit."""
    # The limit that latches the desk is not to lose the days on which it does.
    latched = "entries" if name == "drawdown" else "0"
    return {
        day: 2 * seconds >= DAY_S
        for day, seconds in db.execute(
            f"SELECT day, signals + {latched} FROM rollup"
            " WHERE filter = '' AND mode = 'run' AND scope = 'seconds'"
        )
    }


def gone_before(db: sqlite3.Connection) -> str:
    """Return the first UTC day of which no signal was deleted, "" where none ever was."""
    row = db.execute("SELECT value FROM about WHERE key = 'pruned_before_ns'").fetchone()
    return day_of(int(row[0]) + DAY_S * 10**9) if row else ""


def next_day(day: str) -> str:
    """Return the day after."""
    return (date.fromisoformat(day) + timedelta(days=1)).isoformat()


def day_of(ns: int) -> str:
    """Return the UTC day of a time."""
    return (date(1970, 1, 1) + timedelta(days=ns // 10**9 // DAY_S)).isoformat()


def start_ns(day: str) -> int:
    """Return the time at which a UTC day begins."""
    return (date.fromisoformat(day) - date(1970, 1, 1)).days * DAY_S * 10**9
