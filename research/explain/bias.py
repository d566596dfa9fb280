"""Figure of the simulator's bias: from daily sums over pairs of a twin and its trade."""

from __future__ import annotations

import sqlite3
from typing import Any

from research.explain.proof import Proof
from research.explain.series import gone_before

_KEPT = """
SELECT day, SUM(signals), SUM(bps) FROM rollup
WHERE filter = '' AND mode = 'head' AND scope = 'bias' GROUP BY day ORDER BY day
"""

_PAIRS = """
SELECT t.trade_id, r.trade_id, t.signal_id, t.bot, t.coin,
  date(t.closed_ns / 1000000000, 'unixepoch'), COALESCE(t.bps, 0.0) - COALESCE(r.bps, 0.0)
FROM trade t JOIN trade r ON r.signal_id = t.signal_id
WHERE t.kind = 'twin' AND r.kind IN ('paper', 'real') AND t.status = 'closed'
  AND r.status = 'closed' AND NOT (t.bps IS NULL AND r.bps IS NULL) ORDER BY t.trade_id
"""


def days_of(db: sqlite3.Connection) -> list[dict[str, Any]]:
    """Return pairs and the sum of their differences by day, as they are summed daily."""
    return [{"day": day, "pairs": n, "bps": bps} for day, n, bps in db.execute(_KEPT)]


def figure(days: list[dict[str, Any]]) -> float | None:
    """Return the mean of twin minus real in bps, None without a pair."""
    pairs = sum(day["pairs"] for day in days)
    return sum(day["bps"] for day in days) / pairs if pairs else None


def pairs_of(db: sqlite3.Connection) -> list[dict[str, Any]]:
    """Return every closed pair."""
    names = ("trade_id", "other_id", "signal_id", "bot", "coin", "day", "bps")
    return [dict(zip(names, row, strict=True)) for row in db.execute(_PAIRS)]


def hold_days_against_trades(
    db: sqlite3.Connection, days: list[dict[str, Any]], pairs: list[dict[str, Any]], proof: Proof
) -> None:
    """Check each day's sums against its pairs."""
    gone = gone_before(db)
    if gone:
        proof.skip(f"pairs before {gone}: some were deleted for their age")
    says = {day["day"]: (day["pairs"], day["bps"]) for day in days}
    made: dict[str, tuple[int, float]] = {}
    for pair in pairs:
        count, bps = made.get(pair["day"], (0, 0.0))
        made[pair["day"]] = count + 1, bps + pair["bps"]
    for day in sorted(says.keys() | made.keys()):
        if day >= gone:
            have, want = says.get(day, (0, 0.0)), made.get(day, (0, 0.0))
            proof.equal("day of pairs from its trades", f"{day} pairs", have[0], want[0])
            proof.equal("day of pairs from its trades", f"{day} bps", have[1], want[1], 1e-6)
