"""Counts of what is in no verdict: from daily sums, and those from signals, checks and trades."""

from __future__ import annotations

import sqlite3
from collections import Counter
from typing import Any

from research.explain.choice import spells
from research.explain.proof import Proof
from research.explain.series import day_of, every, gone_before

_KEPT = """
SELECT day, scope, SUM(entries) FROM rollup WHERE filter = ? AND mode = 'left_out' AND day >= ?
GROUP BY day, scope HAVING SUM(entries) <> 0 ORDER BY day, scope
"""

_EPISODES = """
SELECT t.trade_id, t.decided_ns, t.status, t.exit_reason, t.flags, t.r, s.failing, c.outcome, c.mode
FROM signal s JOIN trade t ON t.signal_id = s.signal_id
LEFT JOIN check_result c ON c.signal_id = s.signal_id AND c.filter = :filter
WHERE s.seq >= :first AND s.seq < :last AND t.decided_ns >= :from_ns
  AND (t.kind = 'twin' OR (t.kind = 'phantom' AND t.cause = 'block'))
"""
JOINT = "joint:"
# Why an episode that has ended counts nowhere, by the flag that says so, the first that stands.
LACKS = (
    ("no_funding", "unfunded"), ("suspect_price", "suspect"), ("wound_down", "wound_down"),
)  # fmt: skip

Counts = dict[tuple[str, str], int]


def kept(db: sqlite3.Connection, name: str, since: str) -> Counts:
    """Return how many episodes were left out by day and reason, as it is summed daily."""
    return {(day, reason): n for day, reason, n in db.execute(_KEPT, (name, since))}


def figures(days: Counts, still_open: int) -> dict[str, int]:
    """Return the counts by reason; which other limits refused too is none of them."""
    found: Counter[str] = Counter()
    for (_, reason), count in days.items():
        if not reason.startswith(JOINT):
            found[reason] += count
    if still_open:
        found["open"] = still_open
    return dict(sorted(found.items()))


def made(db: sqlite3.Connection, name: str) -> tuple[Counts, int, list[dict[str, Any]]]:
    """Return the same from the episodes themselves, how many are still open, and each of them."""
    days: Counter[tuple[str, str]] = Counter()
    still_open, episodes = 0, []
    for series in every(db, name):
        for first, last in spells(db, series):
            asked = {"filter": name, "first": first, "last": last, "from_ns": series.from_ns}
            for trade_id, decided_ns, *rest in db.execute(_EPISODES, asked):
                day = day_of(decided_ns)
                for reason in _reasons(name, rest):
                    still_open += reason == "open"
                    episodes.append({"trade_id": trade_id, "day": day, "reason": reason})
                    if reason != "open":
                        days[day, reason] += 1
    return dict(days), still_open, episodes


def _reasons(name: str, row: list[Any]) -> list[str]:
    """Return why an episode is in no verdict of a limit; nothing where it is, or is not its own."""
    status, exit_reason, flags, r, failing, outcome, mode = row
    others = [other for other in failing.split(",") if other]
    if mode == "enforce" and outcome != "pass" and name in others:
        others.remove(name)
    if outcome == "no_data":
        return ["no_data"]
    if others:
        # What it passed was not its business.
        return ["joint", *(JOINT + other for other in others)] if outcome is not None else []
    marks = set(flags.split(","))
    if status != "closed":
        return ["open"]
    if exit_reason == "UNAVAILABLE":
        return ["called_off" if "cancelled" in marks else "no_book"]
    lacks = [reason for flag, reason in LACKS if flag in marks]
    return lacks[:1] or (["no_risk"] if r is None else [])


def hold_days_against_trades(
    db: sqlite3.Connection, says: Counts, now: Counts, since: str, proof: Proof
) -> None:
    """Check each daily count against the episodes that it counts."""
    gone = gone_before(db)
    if gone:
        proof.skip(f"counts before {gone}: the signals they count were deleted for their age")
    for key in sorted(says.keys() | now.keys()):
        if key[0] >= max(gone, since):
            of = " ".join(key)
            proof.equal("daily count from its episodes", of, says.get(key, 0), now.get(key, 0))
