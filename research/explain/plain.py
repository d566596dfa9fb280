"""Plain limit beside a limit, made again from the volatility at signals of earlier days.

Beside each limit stands one that blocks the highest values, as often as that limit blocked on
earlier days. What it says on a day rests on the days before alone.
"""

from __future__ import annotations

import json
import sqlite3
from collections import Counter, defaultdict
from collections.abc import Iterator
from math import floor, isfinite
from typing import Any

from msgspec import Struct

from research.explain.choice import PLAIN, kept_rows, outcomes, spells
from research.explain.proof import Proof
from research.explain.series import DAY_S, Series, every, gone_before

FIGURE = "volatility"
STEP, REACH, SEEN_MIN = 0.05, 10.0, 30

_JUDGED = """
SELECT t.trade_id, t.signal_id, t.decided_ns, s.failing, c.outcome, c.mode
FROM signal s JOIN trade t ON t.signal_id = s.signal_id
LEFT JOIN check_result c ON c.signal_id = s.signal_id AND c.filter = :filter
WHERE s.seq >= :first AND s.seq < :last AND t.decided_ns >= :from_ns
  AND (t.kind = 'twin' OR (t.kind = 'phantom' AND t.cause = 'block'))
"""


class Judged(Struct, frozen=True):
    """A signal that a series judged, on its day by number, and whether it was blocked."""

    day: int
    trade_id: int
    signal_id: int
    hit: bool


def judged(db: sqlite3.Connection, series: Series) -> Iterator[Judged]:
    """Yield what a series judged, whatever became of it."""
    name = series.filter
    for first, last in spells(db, series):
        asked = {"filter": name, "first": first, "last": last, "from_ns": series.from_ns}
        for trade_id, signal_id, ns, failing, outcome, mode in db.execute(_JUDGED, asked):
            others = {other for other in failing.split(",") if other}
            if mode == "enforce" and outcome == "fail":
                others.discard(name)
            if outcome != "no_data" and not others:
                day = ns // 10**9 // DAY_S
                yield Judged(day, trade_id, signal_id, outcome is not None)


class Unkept(Exception):
    """The volatility at some signal is not kept any more."""


def volatility(db: sqlite3.Connection, signals: set[int]) -> dict[int, float]:
    """Return the volatility at signals where it was known; raises Unkept where nobody can say."""
    import zstandard  # noqa: PLC0415 - only these figures unpack details

    found: dict[int, float | None] = dict(
        db.execute("SELECT signal_id, value FROM check_result WHERE filter = ?", (FIGURE,))
    )
    books = {
        number: zstandard.ZstdDecompressor(dict_data=zstandard.ZstdCompressionDict(content))
        for number, content in db.execute("SELECT dictionary_id, content FROM dictionary")
    }
    plain = zstandard.ZstdDecompressor()
    for signal_id in signals - found.keys():
        row = db.execute(
            "SELECT judged FROM signal_detail WHERE signal_id = ?", (signal_id,)
        ).fetchone()
        if row is None:
            raise Unkept
        number = zstandard.get_frame_parameters(row[0]).dict_id
        passed = json.loads(books.get(number, plain).decompress(row[0]))[1]
        found[signal_id] = next((check[2] for check in passed if check[0] == FIGURE), None)
    return {key: v for key, v in found.items() if v is not None and isfinite(v)}


def answers(db: sqlite3.Connection, series: Series) -> dict[int, bool]:
    """Return for which trades of a series the plain limit answered, and whether it blocked."""
    names = [name for (name,) in db.execute("SELECT DISTINCT filter FROM series")]
    mine = list(judged(db, series))
    steps_of: dict[int, dict[int, int]] = {}
    everyone = {
        one.signal_id: one.day for name in names for of in every(db, name) for one in judged(db, of)
    }
    values = volatility(db, set(everyone))
    for signal_id, day in everyone.items():
        if signal_id in values:
            step = floor(max(-REACH, min(values[signal_id], REACH)) / STEP)
            of_day = steps_of.setdefault(day, Counter())
            of_day[step] += 1
    by_day: dict[int, list[Judged]] = defaultdict(list)
    for one in mine:
        if one.signal_id in values:
            by_day[one.day].append(one)
    found: dict[int, bool] = {}
    seen = blocked = 0
    for day in sorted(by_day):
        if seen >= SEEN_MIN:
            earlier: Counter[int] = Counter()
            for other, steps in steps_of.items():
                if other < day:
                    earlier.update(steps)
            lowest = _lowest(earlier, earlier.total() * blocked / seen)
            for one in by_day[day]:
                step = floor(max(-REACH, min(values[one.signal_id], REACH)) / STEP)
                found[one.trade_id] = lowest is not None and step >= lowest
        seen += len(by_day[day])
        blocked += sum(one.hit for one in by_day[day])
    return found


def _lowest(steps: Counter[int], room: float) -> int | None:
    """Return the step from which on as many values lie as there is room for, None for no step."""
    lowest = None
    for step in sorted(steps, reverse=True):
        # A step that overshoots is taken where that misses by less than leaving it.
        if room <= 0.0 or steps[step] - room > room:
            break
        room -= steps[step]
        lowest = step
    return lowest


def hold_days_against_trades(db: sqlite3.Connection, series: Series, proof: Proof) -> None:
    """Check each day of the plain limit against the trades it would have judged and blocked."""
    if gone_before(db):
        proof.skip("days of the plain limit: signals that it learned from were deleted")
        return
    try:
        said = answers(db, series)
    except Unkept:
        proof.skip("days of the plain limit: the volatility at some signals is not kept any more")
        return
    made: dict[tuple[str, str, str], list[tuple[float, bool]]] = {}
    for one in outcomes(db, series):
        if one.trade_id in said:
            key = one.day, one.bot, one.sample
            made.setdefault(key, []).append((one.r, said[one.trade_id]))
    kept = {tuple(row[:3]): row[3:] for row in kept_rows(db, series, PLAIN)}
    names = ("judged", "judged_r", "blocked", "blocked_r", "best_r", "worst_r")
    for key in sorted(kept.keys() | made.keys()):
        rows = made.get(key, [])
        hit = [r for r, blocked in rows if blocked]
        every_r = [r for r, _ in rows]
        want: list[Any] = [len(rows), sum(every_r), len(hit), sum(hit)]
        want += [max(every_r, default=0.0), min(every_r, default=0.0)]
        says = kept.get(key, (0, 0.0, 0, 0.0, 0.0, 0.0))
        for name, a, b in zip(names, says, want, strict=True):
            proof.equal("plain limit's day from its trades", f"{' '.join(key)} {name}", a, b, 1e-6)
