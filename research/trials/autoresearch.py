"""Next step of autoresearch: begin a trial, end one, or wait; from what the database holds.

Nothing is written here. A step is the argument of the command `trial`, which the running engine
checks against the bot's own search space and the trial's own days before it obeys.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Mapping
from typing import Any, Literal

from msgspec import Struct, to_builtins

from divisions.search import Change
from divisions.weights import CLOSED_MIN, DAYS_MIN, WINDOW_DAYS
from market.events import MS_PER_DAY, NS_PER_MS
from market.money import divide_half_even
from research.trials.trial import REVERT, TRIAL_DAYS, Verdict, decide, draw, level, worst
from shadow.store.returns import return_rows
from shadow.store.rows import day_of, ms_of


class Step(Struct, frozen=True):
    """The step to take, why, and the command that takes it (None: wait)."""

    step: Literal["wait", "start", "end"]
    reason: str
    command: dict[str, Any] | None = None
    verdict: Verdict | None = None


def next_step(db: sqlite3.Connection, spaces: Mapping[str, list[Change]], *, seed: int) -> Step:
    """Return the next step; `spaces` holds the changes each bot that runs declares."""
    pieces = dict(db.execute("SELECT key, value FROM state WHERE key IN ('vitals', 'trials')"))
    now_ms = json.loads(pieces.get("vitals", "{}")).get("now_ns", 0) // NS_PER_MS
    trials = json.loads(pieces.get("trials", "{}"))
    running = trials.get("running")
    if running is not None:
        return _ending(db, running, now_ms)
    return _beginning(db, spaces, now_ms, trials.get("last_id", 0) + 1, seed)


def _beginning(
    db: sqlite3.Connection,
    spaces: Mapping[str, list[Change]],
    now_ms: int,
    trial: int,
    seed: int,
) -> Step:
    returns: dict[str, dict[int, tuple[int, int]]] = {}
    for row in return_rows(db):
        if spaces.get(row.bot):
            days = returns.setdefault(row.bot, {})
            r, n = days.get(ms_of(row.day), (0, 0))
            days[ms_of(row.day)] = (r + row.r_e6, n + row.closed)
    ended_ms = now_ms // MS_PER_DAY * MS_PER_DAY - MS_PER_DAY
    found = worst(returns, ended_ms)
    if found is None:
        return Step(
            "wait",
            f"no bot with a search space has {DAYS_MIN} days and {CLOSED_MIN} closed trades"
            f" within {WINDOW_DAYS} days",
        )
    bot, ratio = found
    change = draw(spaces[bot], seed=seed, trial=trial)
    detail = {
        "sharpe": ratio,
        "level": level(trial),
        "days": TRIAL_DAYS,
        "seed": seed,
        "space": len(spaces[bot]),
    }
    start = {
        "trial_id": trial,
        "bot": bot,
        "name": change.name,
        "value": change.value,
        "detail": detail,
    }
    return Step(
        "start",
        f"{bot} has the lowest Sharpe ratio, {ratio:+.3f} a day;"
        f" trial {trial} tries {change.name} = {change.value:g}",
        {"start": start},
    )


def _ending(db: sqlite3.Connection, running: Mapping[str, Any], now_ms: int) -> Step:
    trial_id, fault = running["trial_id"], running["fault"]
    if now_ms < running["ends_ms"] and not fault:
        return Step(
            "wait",
            f"trial {trial_id} of {running['bot']} runs until {day_of(running['ends_ms'])} 00:00",
        )
    row = db.execute("SELECT detail FROM experiment WHERE trial_id = ?", (trial_id,)).fetchone()
    registered: dict[str, Any] = {"level": level(trial_id), "sharpe": None}
    if row is not None:
        registered |= json.loads(row[0])
    challenger, control = _days(db, running)
    verdict = decide(challenger, control, at=registered["level"], past_sharpe=registered["sharpe"])
    decision = REVERT if fault else verdict.decision
    reason = f"an arm failed: {fault}" if fault else verdict.reason
    end = {
        "trial_id": trial_id,
        "decision": decision,
        "naive_decision": verdict.naive_decision,
        "result": {**to_builtins(verdict), "decision": decision, "reason": reason},
    }
    return Step("end", f"trial {trial_id}: {decision}; {reason}", {"end": end}, verdict)


def _days(db: sqlite3.Connection, running: Mapping[str, Any]) -> tuple[list[int], list[int]]:
    """Return the challenger's and the control's R of each day of a trial, in millionths."""
    sums = {arm: [0] * TRIAL_DAYS for arm in ("challenger", "control")}
    marks = db.execute(
        "SELECT t.bot, d.day, d.mtm_e6, t.risk_e6 FROM trade t JOIN trade_day d USING (trade_id)"
        " WHERE t.cause = 'trial' AND t.trial_id = ? AND t.risk_e6 > 0",
        (running["trial_id"],),
    )
    for bot, day, mtm_e6, risk_e6 in marks:
        at = (ms_of(day) - running["first_ms"]) // MS_PER_DAY
        if 0 <= at < TRIAL_DAYS:
            sums[bot.rpartition("-")[2]][at] += divide_half_even(mtm_e6 * 1_000_000, risk_e6)
    return sums["challenger"], sums["control"]


def register(db: sqlite3.Connection) -> list[dict[str, Any]]:
    """Return the register of trials, oldest first."""
    found = []
    for row in db.execute("SELECT * FROM experiment ORDER BY trial_id"):
        plain = dict(row)
        for name in ("change", "detail", "result"):
            plain[name] = json.loads(plain[name]) if plain[name] is not None else None
        found.append(plain)
    return found
