"""Figures of slices: from daily sums by bot, coin, division or regime, and those from trades."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from datetime import date
from typing import Any

from msgspec import Struct, field

from research.explain import arithmetic
from research.explain.arithmetic import DayRow
from research.explain.proof import Proof
from research.explain.series import gone_before
from research.explain.shrinking import drawn

NOT_TOLD = "not told yet"
PHI_MAX = 0.6
SHRUNKEN = ("shrunken_r", "shrunken_low", "shrunken_high")
COLUMNS = (
    "blocked", "sole_blocked", "shared_blocked", "fail_closed", "episodes", "days", "mean_bps",
    "mean_r", "taken_r", "net_usd", "clamped_usd", *SHRUNKEN,
)  # fmt: skip

_DAYS = """
SELECT name, day, scope, SUM(signals), SUM(entries), SUM(r), SUM(bps), SUM(net_e6) FROM slice_day
WHERE by = ? AND day >= ? GROUP BY name, day, scope ORDER BY name, day, scope
"""

_STAGED = """
SELECT bot, day, scope, SUM(signals), SUM(entries), SUM(r), SUM(bps), SUM(net_e6) FROM rollup
WHERE filter = 'stage' AND mode = 'stage' AND day >= ? GROUP BY bot, day, scope
ORDER BY bot, day, scope
"""

_REFUSED = """
SELECT signal_id, bot, division, coin, date(ts_ns / 1000000000, 'unixepoch'), fail_closed, sole,
  failing FROM signal WHERE verdict = 'blocked' ORDER BY signal_id
"""

_CLOSED = """
SELECT t.trade_id, t.signal_id, t.bot, t.division, t.coin, t.kind, t.cause, t.flags,
  date(t.closed_ns / 1000000000, 'unixepoch'), t.net_e6, t.risk_e6, t.entry_notional_e6,
  s.fail_closed
FROM trade t LEFT JOIN signal s ON s.signal_id = t.signal_id
WHERE t.status = 'closed' AND t.net_e6 IS NOT NULL AND t.risk_e6 > 0
  AND (t.kind = 'twin' OR t.cause IN ('block', 'clamp')) ORDER BY t.trade_id
"""

_STAGED_DAYS = """
SELECT t.trade_id, t.signal_id, t.bot, t.coin, t.flags, s.sole, d.day, d.mtm_e6, t.risk_e6,
  t.entry_notional_e6
FROM trade t JOIN signal s ON s.signal_id = t.signal_id JOIN trade_day d ON d.trade_id = t.trade_id
WHERE t.cause = 'stage' ORDER BY t.trade_id, d.day
"""

LACKING = {"no_funding", "suspect_price", "wound_down"}


class Sums(Struct):
    """What a slice has of a day and scope."""

    signals: int = 0
    entries: int = 0
    r: float = 0.0
    bps: float = 0.0
    net_e6: int = 0

    def add(self, other: Sums) -> None:
        """Add another's."""
        self.signals += other.signals
        self.entries += other.entries
        self.r += other.r
        self.bps += other.bps
        self.net_e6 += other.net_e6


Daily = dict[tuple[str, str], Sums]


class Part(Struct):
    """A signal or trade of a slice, and what it adds to a day and scope."""

    day: str
    scope: str
    adds: Sums
    signal_id: int | None = None
    trade_id: int | None = None
    marks: dict[str, Any] = field(default_factory=dict)


def kept(db: sqlite3.Connection, by: str, since: str) -> dict[str, Daily]:
    """Return the daily sums of every slice by day and scope, as they are kept."""
    if by == "stage":
        rows = db.execute(_STAGED, (since,))
    else:
        source = "division" if by in ("day", "regime") else by
        rows = db.execute(_DAYS, (source, since))
    regimes = _regimes(db)
    found: dict[str, Daily] = {}
    for name, day, scope, *sums in rows:
        slice_ = {"day": day, "regime": regimes.get(day, NOT_TOLD)}.get(by, name)
        found.setdefault(slice_, {}).setdefault((day, scope), Sums()).add(Sums(*sums))
    return found


def _regimes(db: sqlite3.Connection) -> dict[str, str]:
    return dict(db.execute("SELECT day, scope FROM rollup WHERE filter = '' AND mode = 'regime'"))


def figures(slices: dict[str, Daily], name: str, by: str) -> dict[str, Any]:
    """Make the figures of one slice from the daily sums of all."""
    counted = "sole" if by == "stage" else "blocked"
    mine = slices.get(name, {})

    def total(column: str, *scopes: str) -> Any:
        return sum(getattr(row, column) for (_, of), row in mine.items() if of in scopes)

    def per(column: str, scope: str) -> float | None:
        count = total("entries", scope)
        return total(column, scope) / count if count else None

    sole, shared = total("signals", "sole"), total("signals", "shared", "blocked", "twin")
    found: dict[str, Any] = {
        "blocked": sole + shared,
        "sole_blocked": sole,
        "shared_blocked": shared,
        "fail_closed": total("signals", "fail_closed"),
        "episodes": total("entries", counted),
        "days": len(_days(mine, by)),
        "mean_bps": per("bps", counted),
        "mean_r": per("r", counted),
        "taken_r": per("r", "twin"),
        "net_usd": total("net_e6", counted) / 1e6,
        "clamped_usd": total("net_e6", "clamped") / 1e6,
    }
    all_of = {other: _mean(rows, by) for other, rows in slices.items()}
    pulled = None if by == "day" or name not in all_of else drawn(all_of, name)
    return found | dict(zip(SHRUNKEN, pulled or (None, None, None), strict=True))


def _days(mine: Daily, by: str) -> list[tuple[str, Sums]]:
    """Return the days of a slice on which episodes counted, in order."""
    if by == "stage":
        days = [(day, s) for (day, of), s in mine.items() if of == "sole" and (s.entries or s.r)]
    else:
        days = [(day, s) for (day, of), s in mine.items() if of == "blocked"]
    return sorted(days, key=lambda one: one[0])


def _mean(mine: Daily, by: str) -> tuple[float | None, float]:
    rows = [
        DayRow(date.fromisoformat(day).toordinal(), s.r, float(s.entries))
        for day, s in _days(mine, by)
    ]
    m = arithmetic.moments(rows)
    return arithmetic.estimate(m), arithmetic.variance(m, PHI_MAX)


def parts(db: sqlite3.Connection, by: str, name: str) -> list[Part]:
    """Return the signals and trades that make one slice."""
    regimes = _regimes(db)

    def mine(bot: str, division: str, coin: str, day: str) -> bool:
        of = {"bot": bot, "division": division, "coin": coin, "day": day}
        return of.get(by, regimes.get(day, NOT_TOLD)) == name

    return list(_staged(db, name) if by == "stage" else _parts(db, mine))


def _parts(db: sqlite3.Connection, mine: Any) -> Iterator[Part]:
    for signal_id, bot, division, coin, day, blind, sole, failing in db.execute(_REFUSED):
        if "stage" in failing.split(",") or not mine(bot, division, coin, day):
            continue
        scope = "fail_closed" if blind else "sole" if sole else "shared"
        yield Part(day, scope, Sums(1), signal_id, None, {"bot": bot, "coin": coin})
    for row in db.execute(_CLOSED):
        trade_id, signal_id, bot, division, coin, kind, cause, flags, day, net, *rest = row
        risk, notional, blind = rest
        if LACKING & set(flags.split(",")) or not mine(bot, division, coin, day):
            continue
        scope = "fail_closed" if blind else "blocked"
        if kind == "twin" or cause == "clamp":
            scope = "twin" if kind == "twin" else "clamped"
        adds = Sums(0, 1, net / risk, net / notional * 1e4, net)
        yield Part(day, scope, adds, signal_id, trade_id, {"bot": bot, "coin": coin})


def _staged(db: sqlite3.Connection, name: str) -> Iterator[Part]:
    for signal_id, bot, _, coin, day, _, sole, failing in db.execute(_REFUSED):
        if bot == name and "stage" in failing.split(","):
            scope = "sole" if sole == "stage" else "shared"
            yield Part(day, scope, Sums(1), signal_id, None, {"bot": bot, "coin": coin})
    begun: set[int] = set()
    for trade_id, signal_id, bot, coin, flags, sole, *rest in db.execute(_STAGED_DAYS):
        day, net, risk, notional = rest
        if bot != name or LACKING & set(flags.split(",")) or not notional:
            continue
        scope = "sole" if sole == "stage" else "shared"
        adds = Sums(0, int(trade_id not in begun), net / risk, net / notional * 1e4, net)
        begun.add(trade_id)
        yield Part(day, scope, adds, signal_id, trade_id, {"bot": bot, "coin": coin})


def hold_days_against_trades(
    db: sqlite3.Connection, daily: Daily, found: list[Part], since: str, proof: Proof
) -> None:
    """Check each daily sum of a slice against its signals and trades."""
    gone = gone_before(db)
    if gone:
        proof.skip(f"daily sums before {gone}: the signals they count were deleted for their age")
    now: Daily = {}
    for one in found:
        now.setdefault((one.day, one.scope), Sums()).add(one.adds)
    for key in sorted(daily.keys() | now.keys()):
        if key[0] < max(gone, since):
            continue
        says, made = daily.get(key, Sums()), now.get(key, Sums())
        for column in Sums.__struct_fields__:
            of = f"{' '.join(key)} {column}"
            near = 1e-6 if column in ("r", "bps") else 0.0
            pair = getattr(says, column), getattr(made, column)
            proof.equal("slice's day from its trades", of, *pair, near)
