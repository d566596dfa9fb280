"""Figures of value: from days of two desks that differ in a limit, and those from trades."""

from __future__ import annotations

import json
import sqlite3
from datetime import date
from math import isfinite
from typing import Any

from msgspec import Struct

from research.explain import arithmetic
from research.explain.arithmetic import DayRow
from research.explain.proof import Proof
from research.explain.series import Series, next_day, start_ns

# Around the turn of a day our stamps and the venue's may be on different sides of it.
SLACK_NS = 300 * 10**9
# Trades of branches are deleted after 30 days.
KEPT_NS = 29 * 86_400 * 10**9
# For so long a funding rate that nobody told is asked for.
OWED_NS = 14 * 86_400 * 10**9
MAIN = "the desk"

_PAIRS = """
SELECT d.day, b.kind, d.branch_id, b.forked_ns, d.with_r, d.without_r, d.with_e6, d.without_e6,
  d.trades, d.repaired
FROM branch_day d JOIN branch b ON b.branch_id = d.branch_id
WHERE d.filter = ? AND d.series_id = ? AND d.day <= ? ORDER BY d.day, d.branch_id
"""

_DESK = """
SELECT t.trade_id, t.signal_id, t.bot, t.coin, t.side, d.mtm_e6, t.flags
FROM trade_day d JOIN trade t ON t.trade_id = d.trade_id
WHERE d.day = ? AND t.kind IN ('paper', 'real') ORDER BY t.trade_id
"""

_BRANCH = """
SELECT t.trade_id, t.signal_id, t.bot, t.coin, t.side, t.qty_lots, t.decided_ns, t.opened_ns,
  t.closed_ns, t.entry_notional_e6, t.gross_e6, t.fees_e6, t.funding_e6, t.net_e6, t.risk_e6, t.r,
  t.exit_reason, t.flags, t.branch_id
FROM branch_trade t JOIN branch b ON b.branch_id = t.branch_id
WHERE b.kind = ? AND b.filter = ? AND t.decided_ns < ? AND t.closed_ns >= ? ORDER BY t.trade_id
"""


class Desk(Struct, frozen=True):
    """One of the two desks of a day: the main one, or a branch; its change of equity."""

    name: str
    kind: str
    branch_id: int
    e6: int
    forked_ns: int


class Pair(Struct, frozen=True):
    """A day of two desks."""

    day: str
    with_it: Desk
    without: Desk
    with_r: float | None
    without_r: float | None
    trades: int


def pairs(db: sqlite3.Connection, series: Series, *, missing_data: bool = False) -> list[Pair]:
    """Return the days of a series' two desks, or of those that show what missing data costs."""
    rows = db.execute(_PAIRS, (series.filter, series.series_id, series.through)).fetchall()
    data = {row[0]: row[2] for row in rows if row[1] == "data"}
    found = []
    for day, kind, branch_id, forked_ns, with_r, without_r, with_e6, without_e6, n, _ in rows:
        if (kind == "data") != missing_data or kind not in ("data", "observed", "enforced"):
            continue
        branch, desk = (kind, branch_id), ("", 0)
        if kind == "enforced":
            first, second = branch, desk
        elif kind == "observed":
            first, second = ("data", data.get(day, 0)), branch
        else:
            first, second = desk, branch
        found.append(
            Pair(
                day,
                _desk(first, series.filter, with_e6, forked_ns),
                _desk(second, series.filter, without_e6, forked_ns),
                with_r,
                without_r,
                n,
            )
        )
    return found


def _desk(which: tuple[str, int], name: str, e6: int, forked_ns: int) -> Desk:
    kind, branch_id = which
    words = f"branch {branch_id} ({kind} {name})" if kind else MAIN
    return Desk(words, kind, branch_id, e6, forked_ns)


def figures(
    series: Series, days: list[Pair], best: float, worst: float, *, window: bool = False
) -> dict[str, Any]:
    """Make the figures of value; `best` and `worst` are those of choice, the other way round.

    A `window` is one look, of which no interval holds on any day.
    """
    rule, found = series.rule, {}
    found["value_usd"] = sum(p.with_it.e6 - p.without.e6 for p in days) / 1e6 if days else None
    known = [
        DayRow(date.fromisoformat(p.day).toordinal(), p.with_r - p.without_r, 1.0)
        for p in days
        if p.with_r is not None and p.without_r is not None and isfinite(p.with_r - p.without_r)
    ]
    m = arithmetic.moments(known)
    kappa, n = arithmetic.inflation(m, rule["phi_max"]), arithmetic.effective_days(m)
    found["value_r_per_day"] = arithmetic.estimate(m)
    found["value_low"], found["value_high"] = arithmetic.ends(m, kappa * arithmetic.c2_one_look(n))
    c2 = kappa * arithmetic.c2_any_day(n, rule["alpha_v"], rule["t_star_days"])
    ends = (None, None) if window else arithmetic.ends(m, c2, worst, best)
    found["value_any_low"], found["value_any_high"] = ends
    found["value_limit_now"] = (
        None if window else arithmetic.detection_limit(m, kappa, c2, worst, best)
    )
    for side in ("with", "without"):
        path = [(p.with_it if side == "with" else p.without).e6 / 1e6 for p in days]
        found[f"worst_day_{side}_usd"] = min(path, default=None)
        found[f"cvar_{side}_usd"] = _worst_twentieth(path) if path else None
        deepest, longest = _under_water(path)
        found[f"drawdown_{side}_usd"] = deepest if path else None
        found[f"under_water_{side}_days"] = longest if path else None
    return found


def _under_water(path: list[float]) -> tuple[float, int]:
    """Return how deep below an earlier high a path fell, and for how many days it stayed there."""
    total = high = deepest = 0.0
    days = longest = 0
    for result in path:
        total += result
        days = 0 if total >= high else days + 1
        high = max(high, total)
        deepest, longest = max(deepest, high - total), max(longest, days)
    return deepest, longest


def _worst_twentieth(path: list[float]) -> float:
    """Return the mean of the worst twentieth of the days, the last of them in part."""
    left = share = max(len(path) / 20.0, 1.0)
    total = 0.0
    for result in sorted(path):
        part = min(left, 1.0)
        total += part * result
        left -= part
    return total / share


def hold_days_against_trades(
    db: sqlite3.Connection, series: Series, days: list[Pair], proof: Proof
) -> set[int]:
    """Check what each desk made of a day against the trades behind it, as far as those tell.

    Return the trades of the main desk among them.
    """
    seen = set()
    main: set[int] = set()
    for pair in days:
        for r, desk in ((pair.with_r, pair.with_it), (pair.without_r, pair.without)):
            if r is not None and series.money_r_e6:
                money = desk.e6 / series.money_r_e6
                proof.equal("day in R from its money", f"{pair.day} {desk.name}", r, money)
            if (pair.day, desk.name) not in seen:
                seen.add((pair.day, desk.name))
                rows = behind(db, series, pair.day, desk, proof)
                main |= {row["trade_id"] for row in rows if row["desk"] == MAIN}
    return main


def behind(
    db: sqlite3.Connection, series: Series, day: str, desk: Desk, proof: Proof
) -> list[dict[str, Any]]:
    """Return the trades behind a desk's day, and check what they make of it."""
    if not desk.kind:
        return _behind_main(db, day, desk, proof)
    return _behind_branch(db, series, day, desk, proof)


def _behind_main(
    db: sqlite3.Connection, day: str, desk: Desk, proof: Proof
) -> list[dict[str, Any]]:
    rows = db.execute(_DESK, (day,)).fetchall()
    found = [
        {
            "desk": desk.name, "trade_id": trade_id, "signal_id": signal_id, "bot": bot,
            "coin": coin, "side": side, "made_e6": mtm_e6,
        }
        for trade_id, signal_id, bot, coin, side, mtm_e6, _ in rows
    ]  # fmt: skip
    if start_ns(day) + SLACK_NS < desk.forked_ns < start_ns(next_day(day)):
        # What the desk had made of the day before is in its trades' days and not in the branches'.
        opened = db.execute(
            "SELECT 1 FROM trade WHERE kind IN ('paper', 'real') AND decided_ns < ?"
            " AND COALESCE(closed_ns, 1 << 62) >= ? LIMIT 1",
            (desk.forked_ns, start_ns(day)),
        ).fetchone()
        if opened is not None:
            proof.skip(f"{day}: the branches were forked within the day, after the desk had traded")
            return found
    made = sum(row["made_e6"] for row in found)
    if not _explained_by_funding(db, day, desk, made, proof):
        of = f"{day} {desk.name} (micro-USD)"
        proof.equal("desk's day from its trades' days", of, desk.e6, made)
    return found


def _behind_branch(
    db: sqlite3.Connection, series: Series, day: str, desk: Desk, proof: Proof
) -> list[dict[str, Any]]:
    """Trades that lived on a day; whole only where none was carried into it or out of it."""
    start, end = start_ns(day), start_ns(next_day(day))
    if start < _newest_ns(db) - KEPT_NS:
        proof.skip(f"{day} {desk.name}: trades of branches are kept for 30 days")
        return []
    names = ("trade_id", "signal_id", "bot", "coin", "side", "qty_lots", "decided_ns", "opened_ns",
             "closed_ns", "entry_notional_e6", "gross_e6", "fees_e6", "funding_e6", "net_e6",
             "risk_e6", "r", "exit_reason", "flags", "branch_id")  # fmt: skip
    alive = [
        dict(zip(names, row, strict=True))
        for row in db.execute(_BRANCH, (desk.kind, series.filter, end, start))
    ]
    found, carried = [], _held(db, desk.branch_id, start, end)
    for t in alive:
        of = f"trade {t['trade_id']}"
        net = t["gross_e6"] - t["fees_e6"] - t["funding_e6"]
        proof.equal("branch's trade from its parts", f"{of} net_e6", t["net_e6"], net)
        made = t["net_e6"] / t["risk_e6"] if t["risk_e6"] else 0.0
        proof.equal("branch's trade from its parts", f"{of} r", t["r"], made)
        _hold_against_twin(db, t, proof)
        sold_at_fork = t["exit_reason"] == "fork" and t["branch_id"] == desk.branch_id
        inside = t["closed_ns"] < end or sold_at_fork
        mine = t["branch_id"] == desk.branch_id
        vague = not {"gap", "repaired"}.isdisjoint(t["flags"].split(","))
        if not (inside and mine) or t["decided_ns"] < max(start, 1) or vague:
            carried += 1
        found.append(
            {
                "desk": desk.name, "trade_id": t["trade_id"], "signal_id": t["signal_id"],
                "bot": t["bot"], "coin": t["coin"], "side": t["side"],
                "made_e6": t["net_e6"] if inside and mine else None,
            }
        )  # fmt: skip
    if carried:
        proof.skip(
            f"{day} {desk.name}: trades were held over midnight or wait for their funding, and "
            "what a branch's open trades were worth is not written down"
        )
        return found
    made = sum(row["made_e6"] for row in found)
    if not _explained_by_funding(db, day, desk, made, proof):
        proof.equal("branch's day from its trades", f"{day} {desk.name} (micro-USD)", desk.e6, made)
    return found


def _hold_against_twin(db: sqlite3.Connection, t: dict[str, Any], proof: Proof) -> None:
    """A branch's trade of a signal buys what the signal's twin or phantom bought, at its size."""
    if t["signal_id"] is None:
        return
    row = db.execute(
        "SELECT entry_notional_e6, opened_ns, closed_ns, exit_reason, net_e6, flags FROM trade"
        " WHERE signal_id = ? AND kind IN ('twin', 'phantom') AND cause IN ('admit', 'block')"
        " AND qty_lots = ? AND decided_ns = ?",
        (t["signal_id"], t["qty_lots"], t["decided_ns"]),
    ).fetchone()
    if row is None or row[0] is None:
        return
    waits = "owed" in (*t["flags"].split(","), *row[5].split(","))
    of = f"trade {t['trade_id']}"
    link = "branch's trade and the twin or phantom of its signal"
    proof.equal(link, f"{of} entry_notional_e6", t["entry_notional_e6"], row[0])
    proof.equal(link, f"{of} opened_ns", t["opened_ns"], row[1])
    alike = (row[2], row[3], row[5]) == (t["closed_ns"], t["exit_reason"], t["flags"])
    if alike and not waits:
        proof.equal(link, f"{of} net_e6", t["net_e6"], row[4])


def _newest_ns(db: sqlite3.Connection) -> int:
    row = db.execute("SELECT value FROM state WHERE key = 'vitals'").fetchone()
    now_ns = json.loads(row[0]).get("now_ns", 0) if row is not None else 0
    (closed_ns,) = db.execute("SELECT COALESCE(MAX(closed_ns), 0) FROM branch_trade").fetchone()
    return int(max(now_ns, closed_ns))


def _held(db: sqlite3.Connection, branch_id: int, from_ns: int, end_ns: int) -> int:
    """Return how many trades of a day a branch still holds, or that wait for their funding."""
    held = 0
    for (text,) in db.execute("SELECT value FROM state WHERE key LIKE 'branches/trade/%'"):
        for one in json.loads(text):
            trade = one["trade"]
            lived = trade["decided_ns"] < end_ns
            lived = lived and (trade.get("closed_ns", 0) or end_ns) >= from_ns
            held += lived and one["holders"] >> branch_id % 64 & 1
    return held


def _explained_by_funding(
    db: sqlite3.Connection, day: str, desk: Desk, made_e6: int, proof: Proof
) -> bool:
    """Say whether a difference is no more than funding that was settled on another day."""
    if desk.e6 == made_e6:
        return False
    which = "trade t WHERE t.kind IN ('paper', 'real') AND ? = 0"
    if desk.kind:
        which = "branch_trade t WHERE t.branch_id = ?"
    (owed_e6,) = db.execute(
        f"SELECT COALESCE(SUM(ABS(funding_e6)), 0) FROM {which}"
        " AND t.decided_ns < ? AND COALESCE(t.closed_ns, ?) >= ?",
        (desk.branch_id, start_ns(next_day(day)), 1 << 62, start_ns(day) - OWED_NS),
    ).fetchone()
    if abs(desk.e6 - made_e6) > owed_e6:
        return False
    proof.skip(
        f"{day} {desk.name}: off by {(desk.e6 - made_e6) / 1e6:+.6f} USD, within the funding of "
        "its trades, of which some may have been settled on another day"
    )
    return True
