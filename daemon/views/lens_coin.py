"""What the lenses last said of a coin, in the shape in which a running daemon answers.

A daemon at rest left the newest rows of the table `lens`; ages then count from their writing.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Mapping
from typing import Any

from market.events import MS_PER_MINUTE

NS_PER_MS = 1_000_000
NEWEST = """
SELECT MAX(ts_ns), lens, value, null_rank, n, params, flags FROM lens
WHERE coin = ? GROUP BY lens ORDER BY lens
"""
# What is kept in the same table, but is no lens.
COMPOSITE, SURGE = "composite", "surge"


def coins(db: sqlite3.Connection) -> list[str]:
    """Return the coins that any lens has looked at."""
    return [row[0] for row in db.execute("SELECT DISTINCT coin FROM lens ORDER BY coin")]


def nothing(coin: str) -> dict[str, Any]:
    """Return the answer about a coin that no lens has looked at."""
    return {
        "coin": coin,
        "closes": [],
        "bar_ms": 0,
        "readings": [],
        "composite": None,
        "composite_bar_ms": 0,
        "composite_reason": "",
        "flagged": False,
        "threshold": None,
        "surge": None,
        "burst": False,
    }


def at_rest(db: sqlite3.Connection, coin: str) -> dict[str, Any]:
    """Return the newest of each lens from the database; `closes` stays empty."""
    found = nothing(coin)
    for ts_ns, lens, value, null_rank, n, params, flags in db.execute(NEWEST, (coin,)):
        bar_ms = ts_ns // NS_PER_MS - MS_PER_MINUTE
        if lens == COMPOSITE:
            found["composite"], found["composite_bar_ms"] = value, bar_ms
            found["composite_reason"] = flags
        elif lens == SURGE:
            found["surge"], found["burst"] = value, "burst begins" in flags
        else:
            found["bar_ms"] = max(found["bar_ms"], bar_ms)
            found["readings"].append(
                {
                    "lens": lens,
                    "value": value,
                    "null_rank": null_rank,
                    "n": n,
                    "params": json.loads(params),
                    "flags": [flags] if flags else [],
                    "bar_ms": bar_ms,
                    "rank_bar_ms": None if null_rank is None else bar_ms,
                }
            )
    return found


def of_daemon(answer: Mapping[str, Any]) -> dict[str, Any]:
    """Return a running daemon's answer with the parameters of its readings as data."""
    readings = [{**row, "params": json.loads(row["params"])} for row in answer["readings"]]
    return {**answer, "readings": readings}


def alarms(
    db: sqlite3.Connection, coin: str, since_ms: int, threshold: float
) -> list[tuple[int, int]]:
    """Return the spans [from, to) in ms since `since_ms` in which the composite reached a level.

    A composite holds until the next; nothing is known of the last one's end, so it has none.
    """
    rows = db.execute(
        "SELECT ts_ns / 1000000, value FROM lens WHERE coin = ? AND lens = ? AND ts_ns >= ?"
        " ORDER BY ts_ns",
        (coin, COMPOSITE, since_ms * NS_PER_MS),
    ).fetchall()
    ends = [ts_ms for ts_ms, _ in rows[1:]]
    return [
        (at, end)
        for (at, value), end in zip(rows, ends, strict=False)
        if value is not None and value >= threshold
    ]
