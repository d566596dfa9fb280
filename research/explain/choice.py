"""Figures of choice: from day rows of what a limit judged and blocked, and those from trades."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from datetime import date
from math import ceil, inf, isfinite
from typing import Any

from msgspec import Struct

from research.explain import arithmetic
from research.explain.arithmetic import DayRow
from research.explain.proof import Proof
from research.explain.series import Series, day_of, next_day, was_run

_KEPT = """
SELECT day, bot, sample, judged, judged_r, blocked, blocked_r, best_r, worst_r FROM {table}
WHERE filter = ? AND series_id = ? ORDER BY day, bot, sample
"""
# Day rows of the limit, and those of the plain limit on volatility that it is held against.
OWN, PLAIN = "limit_day", "matched_day"

_EPISODES = """
SELECT t.trade_id, t.signal_id, t.kind, t.bot, t.coin, t.side, t.r, t.decided_ns, t.closed_ns,
  t.status, t.exit_reason, t.flags, s.failing, c.outcome, c.mode, f.day
FROM signal s JOIN trade t ON t.signal_id = s.signal_id
LEFT JOIN check_result c ON c.signal_id = s.signal_id AND c.filter = :filter
LEFT JOIN final_day f ON f.trade_id = t.trade_id
WHERE s.seq >= :first AND s.seq < :last AND t.decided_ns >= :from_ns
  AND (t.kind = 'twin' OR (t.kind = 'phantom' AND t.cause = 'block')) ORDER BY t.trade_id
"""


class Outcome(Struct, frozen=True):
    """A trade that counts for a limit, and the day on which it does."""

    day: str
    trade_id: int
    signal_id: int
    kind: str
    bot: str
    coin: str
    side: str
    sample: str
    r: float
    blocked: bool


class Choice(Struct):
    """Day rows of choice with what they come to; `known` are rates and means of earlier days."""

    days: list[dict[str, Any]]
    figures: dict[str, Any]
    best: float
    worst: float


Known = dict[str, list[float]]
# What a window that somebody chose has none of.
OF_EVERY_DAY = ("selection_any_low", "selection_any_high", "limit_now", "days_to_go")
# A bot of which more than this is blocked is blocked always, as good as.
ALWAYS = 0.95


def choice(db: sqlite3.Connection, series: Series, *, since: str = "", table: str = OWN) -> Choice:
    """Make the figures of choice from the rows of days that have ended.

    From `since` on they count; rates and means are of all days before. That is one look, of which
    no interval holds on any day.
    """
    rule, rows = series.rule, _kept(db, series, table)
    division = _divisions(db)
    bots: Known = {}
    divisions: Known = {}
    judged = expected = blocked = 0.0
    days: list[dict[str, Any]] = []
    lines: list[DayRow] = []
    slow: list[DayRow] = []
    fade = 0.5 ** (1.0 / rule["odds_half_life_days"])
    ordinal = date.fromisoformat(min(rows)).toordinal() if rows else 0
    for day in sorted(rows):
        while ordinal < date.fromisoformat(day).toordinal():
            judged, expected, blocked = judged * fade, expected * fade, blocked * fade
            ordinal += 1
        odds = _odds(judged, expected, blocked, rule["odds_prior"])
        u = h = slow_u = slow_h = added_a = added_e = added_n = 0.0
        for bot, (a, a_r, n, n_r) in sorted(rows[day].items()):
            known = bots.get(bot, [0, 0.0, 0])
            if known[0] < rule["seen_min"]:
                known = divisions.get(division.get(bot, ""), [0, 0.0, 0])
            if known[0] < rule["seen_min"]:
                continue
            rate, mean = known[2] / known[0], known[1] / known[0]
            p = rate * odds / (1.0 - rate + rate * odds)
            u += (n_r - n * mean) - p * (a_r - a * mean)
            h += n * (1.0 - 2.0 * p) + a * p * p
            slow_u += (n_r - n * mean) - rate * (a_r - a * mean)
            slow_h += n * (1.0 - 2.0 * rate) + a * rate * rate
            added_a, added_e, added_n = added_a + a, added_e + a * rate, added_n + n
        for bot, (a, a_r, n, _) in rows[day].items():
            for known in (
                bots.setdefault(bot, [0, 0.0, 0]),
                divisions.setdefault(division.get(bot, ""), [0, 0.0, 0]),
            ):
                known[0] += a
                known[1] += a_r
                known[2] += n
        judged = judged * fade + added_a
        expected, blocked = expected * fade + added_e, blocked * fade + added_n
        ordinal += 1
        if day < since:
            continue
        lines.append(DayRow(ordinal - 1, u, h))
        slow.append(DayRow(ordinal - 1, slow_u, slow_h))
        sums = [sum(row[i] for row in rows[day].values()) for i in range(4)]
        days.append(
            {
                "day": day, "judged": sums[0], "judged_r": sums[1], "blocked": sums[2],
                "blocked_r": sums[3], "odds_factor": odds, "u": u, "h": h,
            }
        )  # fmt: skip
    best, worst = extremes(db, series)
    figures = _figures(series, days, lines, slow, best, worst)
    if since:
        figures |= dict.fromkeys(OF_EVERY_DAY)
    figures["provisional"] = sum(row[2] for row in _provisional(db, series))
    hit = sum(n for _, _, n in bots.values())
    alone = sum(n for a, _, n in bots.values() if n > ALWAYS * a)
    figures["no_counterpart"] = alone / hit if hit else 0.0
    return Choice(days, figures, best, worst)


def _odds(judged: float, expected: float, blocked: float, prior: float) -> float:
    """Return ρ: how the odds of blocking of the last weeks stand to those of all days before."""
    if expected <= 0.0:
        return 1.0
    rate = expected / judged
    seen = (blocked + prior * rate) / (judged + prior)
    rate, seen = min(max(rate, 0.001), 0.999), min(max(seen, 0.001), 0.999)
    return seen * (1.0 - rate) / (rate * (1.0 - seen))


def kept_rows(db: sqlite3.Connection, series: Series, table: str) -> sqlite3.Cursor:
    """Return day, bot, sample and what is summed up of a series' days, in order."""
    return db.execute(_KEPT.format(table=table), (series.filter, series.series_id))


def _kept(
    db: sqlite3.Connection, series: Series, table: str
) -> dict[str, dict[str, tuple[int, float, int, float]]]:
    """Return by day and bot what was judged, its R, what was blocked, its R; both samples."""
    found: dict[str, dict[str, tuple[int, float, int, float]]] = {}
    for day, bot, _, a, a_r, n, n_r, best, worst in kept_rows(db, series, table):
        if day > series.through or not (0 <= n <= a and isfinite(a_r + n_r + best + worst)):
            continue
        bots = found.setdefault(day, {})
        old = bots.get(bot, (0, 0.0, 0, 0.0))
        bots[bot] = (old[0] + a, old[1] + a_r, old[2] + n, old[3] + n_r)
    return found


def _provisional(db: sqlite3.Connection, series: Series) -> list[tuple[str, int, int]]:
    """Return day, judged and blocked of rows that count on days to come."""
    return [
        (day, a, n)
        for day, _, _, a, a_r, n, n_r, best, worst in kept_rows(db, series, OWN)
        if day > series.through and 0 <= n <= a and isfinite(a_r + n_r + best + worst)
    ]


def _divisions(db: sqlite3.Connection) -> dict[str, str]:
    return {
        bot: division
        for bot, division in db.execute("SELECT DISTINCT bot, division FROM trade ORDER BY bot")
    }


def extremes(db: sqlite3.Connection, series: Series) -> tuple[float, float]:
    """Return how far the best and the worst single R lie from zero."""
    best, worst = db.execute(
        "SELECT MAX(best_r), MIN(worst_r) FROM limit_day WHERE filter = ? AND series_id = ?"
        " AND day <= ?",
        (series.filter, series.series_id, series.through),
    ).fetchone()
    return max(0.0, best or 0.0), max(0.0, -(worst or 0.0))


def _figures(
    series: Series,
    days: list[dict[str, Any]],
    lines: list[DayRow],
    slow: list[DayRow],
    best: float,
    worst: float,
) -> dict[str, Any]:
    rule = series.rule
    found: dict[str, Any] = {}
    for name, rows in (("selection", lines), ("slow", slow)):
        m = arithmetic.moments(rows)
        kappa, n = arithmetic.inflation(m, rule["phi_max"]), arithmetic.effective_days(m)
        found[f"{name}_r"] = arithmetic.estimate(m)
        one = arithmetic.ends(m, kappa * arithmetic.c2_one_look(n))
        found[f"{name}_low"], found[f"{name}_high"] = one
        if name == "selection":
            c2 = kappa * arithmetic.c2_any_day(n, rule["alpha_s"], rule["t_star_days"])
            ends = arithmetic.ends(m, c2, best, worst)
            found["selection_any_low"], found["selection_any_high"] = ends
            found["n_eff"] = n
            found["limit_now"] = arithmetic.detection_limit(m, kappa, c2, best, worst)
            found["days"] = _span(days, series.through)
            wait = arithmetic.days_to_go(m, found["days"], rule, best, worst)
            found["days_to_go"] = _after_the_gate(wait, n, days, found["days"], rule)
    judged, blocked = (sum(day[k] for day in days) for k in ("judged", "blocked"))
    judged_r, blocked_r = (sum(day[k] for day in days) for k in ("judged_r", "blocked_r"))
    found["judged"], found["episodes"] = judged, blocked
    found["mean_r"] = blocked_r / blocked if blocked else None
    taken = judged - blocked
    found["taken_r"] = (judged_r - blocked_r) / taken if taken else None
    return found


def _span(days: list[dict[str, Any]], through: str) -> int:
    """Return the calendar days from the first row to the last day that ended, both counted."""
    if not days:
        return 0
    first = date.fromisoformat(days[0]["day"])
    return (date.fromisoformat(through) - first).days + 1


def _after_the_gate(
    wait: int | None, n: float, days: list[dict[str, Any]], span: int, rule: dict[str, Any]
) -> int | None:
    """Return the days to go, no fewer than it takes at this pace until anything is shown."""
    blocked = sum(day["blocked"] for day in days)
    squares = sum(day["blocked"] ** 2 for day in days)
    have = (n, blocked**2 / squares if squares else 0.0, blocked)
    if wait is None or min(have) <= 0.0:
        return None
    least = (rule["n_eff_min"], rule["n_eff_min"], rule["blocked_min"])
    times: float = max(a / b for a, b in zip(least, have, strict=True))
    return max(wait, ceil(span * times) - span)


def outcomes(db: sqlite3.Connection, series: Series) -> list[Outcome]:
    """Return every trade that counts in a series, and when, from signals, checks and trades."""
    run, through = was_run(db, series.filter), series.through
    found = []
    for first, last in spells(db, series):
        asked = {
            "filter": series.filter,
            "first": first,
            "last": last,
            "from_ns": series.from_ns,
        }
        for row in db.execute(_EPISODES, asked):
            outcome = _outcome(row, series)
            if outcome is None:
                continue
            day = outcome.day
            while day <= through and not run.get(day, False):
                day = next_day(day)
            found.append(Outcome(day, *_rest(outcome)))
    return found


def _rest(outcome: Outcome) -> Iterator[Any]:
    return (getattr(outcome, name) for name in Outcome.__struct_fields__[1:])


def _outcome(row: Any, series: Series) -> Outcome | None:
    """Return what an episode counts for and when it is due, None where it does not count."""
    (trade_id, signal_id, kind, bot, coin, side, r, decided_ns, closed_ns, status, reason, flags,
     failing, outcome, mode, final) = row  # fmt: skip
    others = {name for name in failing.split(",") if name}
    if mode == "enforce" and outcome in ("fail", "no_data"):
        others.discard(series.filter)
    marks = set(flags.split(","))
    if outcome == "no_data" or others or status != "closed" or reason == "UNAVAILABLE":
        return None
    if marks & {"no_funding", "suspect_price", "wound_down"} or r is None:
        return None
    delay_ns = series.rule["booking_delay_days"] * 86_400 * 10**9
    due = max(day_of(closed_ns), day_of(decided_ns + delay_ns), final or "")
    sample = "repaired" if marks & {"repaired", "gap"} else "clean"
    hit = outcome is not None
    return Outcome(due, trade_id, signal_id, kind, bot, coin, side, sample, r, hit)


def spells(db: sqlite3.Connection, series: Series) -> list[tuple[int, int]]:
    """Return from which event until before which the limit's signals were of a series."""
    rows = db.execute(
        "SELECT from_seq, series_id FROM spell WHERE filter = ? ORDER BY from_seq",
        (series.filter,),
    ).fetchall()
    ends = [row[0] for row in rows[1:]] + [1 << 62]
    return [
        (seq, end) for (seq, key), end in zip(rows, ends, strict=True) if key == series.series_id
    ]


def hold_days_against_trades(
    db: sqlite3.Connection, series: Series, found: list[Outcome], proof: Proof
) -> None:
    """Check each row of a day against the trades that count on it."""
    gone = _gone_to(db, series)
    made: dict[tuple[str, str, str], list[Outcome]] = {}
    for one in found:
        made.setdefault((one.day, one.bot, one.sample), []).append(one)
    kept = {(day, bot, sample): sums for day, bot, sample, *sums in kept_rows(db, series, OWN)}
    if gone:
        proof.skip(f"day rows up to {gone}: the signals they count were deleted for their age")
    for key in sorted(kept.keys() | made.keys()):
        if key[0] <= gone:
            continue
        mine = made.get(key, [])
        hit = [one.r for one in mine if one.blocked]
        all_r = [one.r for one in mine]
        want = [len(mine), sum(all_r), len(hit), sum(hit)]
        want += [max(all_r, default=0.0), min(all_r, default=0.0)]
        names = ("judged", "judged_r", "blocked", "blocked_r", "best_r", "worst_r")
        for name, says, now in zip(
            names, kept.get(key, [0, 0.0, 0, 0.0, 0.0, 0.0]), want, strict=True
        ):
            proof.equal("day row from its trades", f"{' '.join(key)} {name}", says, now, 1e-6)


def hold_plain_against_limit(db: sqlite3.Connection, series: Series, proof: Proof) -> None:
    """Check that the plain limit judged nothing but what the limit judged."""
    own = {tuple(row[:3]): row[3:] for row in kept_rows(db, series, OWN)}
    for day, bot, sample, judged, _, blocked, _, best, worst in kept_rows(db, series, PLAIN):
        mine = own.get((day, bot, sample), (0, 0.0, 0, 0.0, -inf, inf))
        within = blocked <= judged <= mine[0] and best <= mine[4] and worst >= mine[5]
        proof.equal("plain limit's day within the limit's", f"{day} {bot} {sample}", True, within)


def _gone_to(db: sqlite3.Connection, series: Series) -> str:
    row = db.execute("SELECT value FROM about WHERE key = 'pruned_before_ns'").fetchone()
    if row is None:
        return ""
    delay_ns = (series.rule["booking_delay_days"] + 1) * 86_400 * 10**9
    return day_of(int(row[0]) + delay_ns)
