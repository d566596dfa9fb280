"""Figures of what a filter refused: from daily sums, and those from signals and trades."""

from __future__ import annotations

import sqlite3
from typing import Any

from research.explain.proof import Proof
from research.explain.series import day_of, gone_before

FIGURES = {
    "net_usd": "sole", "mean_bps": "sole", "sole_blocked": "sole", "shared_blocked": "shared",
    "fail_closed": "fail_closed", "blocked": "", "clamped_usd": "clamped",
}  # fmt: skip

_SUMS = """
SELECT day, scope, SUM(signals), SUM(entries), SUM(bps), SUM(net_e6) FROM rollup
WHERE filter = ? AND day >= ? AND mode IN ('enforce', 'observe')
  AND scope IN ('sole', 'shared', 'fail_closed', 'clamped') GROUP BY day, scope ORDER BY day
"""

# Signals that a filter refused, or would have: enforced ones block, observing ones look on. Those
# of bots in the shadow stage are in no filter's figure.
_REFUSED = """
SELECT s.signal_id, s.ts_ns, s.verdict, c.outcome, c.mode,
  (SELECT COUNT(*) FROM check_result o WHERE o.signal_id = s.signal_id AND o.mode = 'enforce'
   AND o.outcome <> 'pass') AS refusing
FROM check_result c JOIN signal s ON s.signal_id = c.signal_id
WHERE c.filter = ? AND c.outcome <> 'pass' AND INSTR(',' || s.failing || ',', ',stage,') = 0
"""

_EPISODE = """
SELECT trade_id, kind, bot, coin, side, later_trade_id, flags, entry_notional_e6 FROM trade
WHERE signal_id = ? AND (kind = 'twin' OR (kind = 'phantom' AND cause = 'block'))
"""

# Signals that a cap let pass smaller, with the phantom of what it cut off.
_CUT = """
SELECT s.signal_id, s.ts_ns, t.trade_id, t.kind, t.bot, t.coin, t.side, NULL, t.flags,
  t.entry_notional_e6
FROM signal s JOIN json_each(CASE WHEN json_valid(s.clamps) THEN s.clamps ELSE '[]' END) c
LEFT JOIN trade t ON t.signal_id = s.signal_id AND t.cause = 'clamp'
WHERE s.verdict = 'admitted' AND json_extract(c.value, '$.filter') = ?
"""

LACKING = {"no_funding", "suspect_price", "wound_down"}


def sums(db: sqlite3.Connection, name: str, since: str = "") -> dict[tuple[str, str], list[Any]]:
    """Return signals, entries, bps and micro-USD by day and scope, as they are summed daily."""
    return {(day, scope): list(rest) for day, scope, *rest in db.execute(_SUMS, (name, since))}


def figures(found: dict[tuple[str, str], list[Any]]) -> dict[str, Any]:
    """Make the figures from daily sums."""

    def total(scope: str, at: int) -> Any:
        return sum(row[at] for (_, of), row in found.items() if of == scope)

    entries = total("sole", 1)
    return {
        "net_usd": total("sole", 3) / 1e6,
        "mean_bps": total("sole", 2) / entries if entries else None,
        "sole_blocked": total("sole", 0),
        "shared_blocked": total("shared", 0),
        "fail_closed": total("fail_closed", 0),
        "blocked": total("sole", 0) + total("shared", 0),
        "clamped_usd": total("clamped", 3) / 1e6,
    }


def episodes(db: sqlite3.Connection, name: str) -> list[dict[str, Any]]:
    """Return every signal refused or cut with what its episode earned by day, nothing of none."""
    found = []
    for signal_id, ts_ns, verdict, outcome, mode, refusing in db.execute(_REFUSED, (name,)):
        if (verdict == "admitted") != (mode == "observe"):
            continue
        if mode == "observe" and outcome != "fail":
            continue
        if mode == "enforce" and outcome == "no_data":
            scope = "fail_closed"
        else:
            scope = "sole" if mode == "observe" or refusing == 1 else "shared"
        trade = db.execute(_EPISODE, (signal_id,)).fetchone()
        found.append(_episode(db, signal_id, ts_ns, scope, trade))
    for signal_id, ts_ns, *trade in db.execute(_CUT, (name,)):
        cut = trade if trade[0] is not None else None
        found.append(_episode(db, signal_id, ts_ns, "clamped", cut))
    return found


def _episode(
    db: sqlite3.Connection, signal_id: int, ts_ns: int, scope: str, trade: Any
) -> dict[str, Any]:
    one: dict[str, Any] = {
        "signal_id": signal_id, "day": day_of(ts_ns), "scope": scope, "trade_id": None, "days": {},
        "bps": {}, "first": None,
    }  # fmt: skip
    if trade is not None:
        _earned(db, one, trade)
    return one


def _earned(db: sqlite3.Connection, one: dict[str, Any], trade: Any) -> None:
    trade_id, _, bot, coin, side, later_id, flags, notional_e6 = trade
    one |= {"trade_id": trade_id, "bot": bot, "coin": coin, "side": side, "later": later_id}
    marks = set(flags.split(","))
    if later_id:
        later = db.execute("SELECT flags FROM trade WHERE trade_id = ?", (later_id,)).fetchone()
        marks |= set(later[0].split(",")) if later else set()
    if marks & LACKING or not notional_e6:
        return
    for sign, of in ((1, trade_id), (-1, later_id)):
        for day, mtm_e6 in db.execute(
            "SELECT day, mtm_e6 FROM trade_day WHERE trade_id = ? ORDER BY day", (of,)
        ):
            one["first"] = one["first"] or day
            one["days"][day] = one["days"].get(day, 0) + sign * mtm_e6
            one["bps"][day] = one["bps"].get(day, 0.0) + sign * mtm_e6 / notional_e6 * 1e4


def hold_days_against_trades(
    db: sqlite3.Connection,
    kept: dict[tuple[str, str], list[Any]],
    found: list[dict[str, Any]],
    proof: Proof,
    since: str = "",
) -> None:
    """Check each daily sum from `since` on against signals, checks and the days of trades."""
    gone = gone_before(db)
    if gone:
        proof.skip(f"daily sums before {gone}: the signals they count were deleted for their age")
    made: dict[tuple[str, str], list[Any]] = {}
    for one in found:
        scope = one["scope"]
        made.setdefault((one["day"], scope), [0, 0, 0.0, 0])[0] += 1
        if one["first"]:
            made.setdefault((one["first"], scope), [0, 0, 0.0, 0])[1] += 1
        for day, mtm_e6 in one["days"].items():
            sums_of = made.setdefault((day, scope), [0, 0, 0.0, 0])
            sums_of[2] += one["bps"][day]
            sums_of[3] += mtm_e6
    names = ("signals", "entries", "bps", "net_e6")
    for key in sorted(kept.keys() | made.keys()):
        if key[0] < max(gone, since):
            continue
        says, now = kept.get(key, [0, 0, 0.0, 0]), made.get(key, [0, 0, 0.0, 0])
        for name, a, b in zip(names, says, now, strict=True):
            proof.equal("daily sum from its trades", f"{' '.join(key)} {name}", a, b, 1e-6)
