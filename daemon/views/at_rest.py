"""Status of a state folder that no daemon answers for."""

from __future__ import annotations

import json
from typing import Any

import msgspec

from daemon.instance.database import reading
from daemon.instance.lock import is_held
from daemon.instance.paths import StateDir
from divisions.weights import combined
from risk.filter import filter_names
from shadow.report.score import score


def fresh(equity_usd: float) -> dict[str, Any]:
    """Return the status of a state that does not exist yet, which will begin with so much."""
    return {
        "running": False,
        "mode": None,
        "signals": 0,
        "admitted": 0,
        "blocked": 0,
        "phantoms": 0,
        "open_phantoms": 0,
        "equity_usd": equity_usd,
        "start_usd": equity_usd,
        "halts": {},
        "latched": "",
        "alarms": 0,
        "database": None,
        "last_seen_ns": None,
    }


def at_rest(where: StateDir, equity_usd: float) -> dict[str, Any]:
    """Return the status of a state that no daemon answers for, from its database."""
    with reading(where) as db:
        pieces = dict(db.execute("SELECT key, value FROM state WHERE key IN ('desk', 'vitals')"))
        desk, vitals = json.loads(pieces.get("desk", "{}")), json.loads(pieces.get("vitals", "{}"))
        signals = dict(db.execute("SELECT verdict, COUNT(*) FROM signal GROUP BY verdict"))
        phantoms, still_open = db.execute(
            "SELECT COUNT(*), SUM(status <> 'closed') FROM trade"
            " WHERE kind = 'phantom' AND cause IN ('block', 'stage')"
        ).fetchone()
        alarms = db.execute("SELECT COUNT(*) FROM alarm").fetchone()[0]
    found = {
        **fresh(equity_usd),
        "running": is_held(where),
        "mode": where.folder,
        "signals": sum(signals.values()),
        "admitted": signals.get("admitted", 0),
        "blocked": signals.get("blocked", 0),
        "phantoms": phantoms,
        "open_phantoms": still_open or 0,
        "alarms": alarms,
        "database": str(where.database),
        "last_seen_ns": vitals.get("now_ns"),
    }
    if desk:
        found["equity_usd"] = (desk["cash_e6"] + desk["open_e6"]) / 1e6
        found["start_usd"] = desk["start_e6"] / 1e6
        found["halts"], found["latched"] = desk["halts"], desk["latched"]
    return found


def orchestration(where: StateDir | None) -> list[dict[str, Any]]:
    """Return what each stage from signal to fill has added, from the database."""
    if where is None or not where.database.exists():
        return []
    with reading(where) as db:
        stages: list[dict[str, Any]] = msgspec.to_builtins(score(db, filter_names(), combined))
    return stages
