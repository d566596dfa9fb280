"""A figure of the report with all that it is made of, each link checked on the way."""

from __future__ import annotations

import difflib
import sqlite3
from datetime import date
from pathlib import Path
from typing import Any

from msgspec import Struct, field

from research.explain import blocked, worth
from research.explain import choice as choices
from research.explain.fills import (
    fills_of,
    hold_trade,
    hold_trades_against_fills,
    trade_of,
)
from research.explain.orders import hold_orders
from research.explain.proof import Difference, Proof
from research.explain.series import Series, shown

OF_CHOICE = (
    "selection_r", "selection_low", "selection_high", "selection_any_low", "selection_any_high",
    "slow_r", "slow_low", "slow_high", "n_eff", "limit_now", "no_counterpart", "mean_r", "taken_r",
    "judged", "episodes",
)  # fmt: skip
OF_PATH = (
    "worst_day_with_usd", "worst_day_without_usd", "cvar_with_usd", "cvar_without_usd",
    "drawdown_with_usd", "drawdown_without_usd", "under_water_with_days",
    "under_water_without_days",
)  # fmt: skip
OF_VALUE = (
    "value_usd", "value_r_per_day", "value_low", "value_high", "value_any_low", "value_any_high",
    "missing_data_usd", "value_limit_now", *OF_PATH,
)  # fmt: skip
COLUMNS = (*OF_VALUE, *OF_CHOICE, *blocked.FIGURES)
RULES = {
    "selection": "ΣU/ΣH over days: U = (B − n·m) − p·(A − a·m), H = n·(1 − 2p) + a·p², with p, m "
    "of the bot's earlier days and the odds factor on p",
    "slow": "as selection_r, without the odds factor on p",
    "value": "the desk with the limit less the desk without it, summed over days",
    "value_r": "the mean over days of the desk with the limit less the desk without it, in R",
    "missing": "the desk less the branch in which the limit's no_data passes, summed over days",
    "blocked": "daily sums over the episodes that the filter refused",
    "interval": "all d with (ΣU − dΣH)² ≤ κ·c²·Σ(U − dH)²",
    "limit": "the effect that would have been decided with probability 0.8, guard and all",
    "path": "the days of one of the two desks, in their order",
    "counted": "sums over the days of trades that the limit judged",
}


class Explanation(Struct):
    """A figure: what the report says, what its day rows make, and what lies below them.

    `shown` says whether the report shows it at all; `days` are its day rows, `trades` those behind
    one day, `fills` those of one trade with the record of the tape each met. It adds up when no
    link `differs`; `checked` counts links by name, `unchecked` says what nobody looked at.
    """

    number: str
    says: Any
    made: Any
    shown: bool
    rule: str
    series: str
    series_number: int | None
    adds_up: bool = True
    days: list[dict[str, Any]] = field(default_factory=list)
    trades: list[dict[str, Any]] = field(default_factory=list)
    trade: dict[str, Any] | None = None
    fills: list[dict[str, Any]] = field(default_factory=list)
    checked: dict[str, int] = field(default_factory=dict)
    differs: list[Difference] = field(default_factory=list)
    unchecked: list[str] = field(default_factory=list)


class Unknown(Exception):
    """There is no such row, column, day or trade; the message names the nearest."""


def split(words: list[str], rows: list[str]) -> tuple[str, str]:
    """Return row and column of what somebody typed; raises Unknown with the nearest names."""
    parts = ".".join(words).split(".")
    if len(parts) != 2 or not all(parts):
        raise Unknown(f"{' '.join(words)!r}: a row and a column, as in {_example(rows)}")
    for part, known, what in ((parts[0], rows, "row"), (parts[1], list(COLUMNS), "column")):
        if part not in known:
            near = difflib.get_close_matches(part, known, n=3, cutoff=0.4) or known
            raise Unknown(f"no {what} {part!r}; {', '.join(near)}")
    return parts[0], parts[1]


def _example(rows: list[str]) -> str:
    return f"{rows[0] if rows else 'direction'}.value_usd"


def explain(
    db: sqlite3.Connection,
    row: str,
    column: str,
    says: Any,
    *,
    shown_there: bool = True,
    day: str = "",
    trade_id: int | None = None,
    tape: Path | None = None,
) -> Explanation:
    """Make a figure again from what it rests on; `says` is what the report says."""
    series = shown(db, row)
    proof = Proof()
    if column in blocked.FIGURES:
        found = _of_blocked(db, row, column, day, proof)
    elif series is None:
        raise Unknown(f"{row} has no series yet, so it has no {column}")
    elif column in OF_CHOICE:
        found = _of_choice(db, series, column, day, proof)
    else:
        found = _of_value(db, series, column, day, proof)
    found.number, found.says, found.shown = (
        f"{row}.{column}",
        says,
        shown_there and says is not None,
    )
    if series is not None and column not in blocked.FIGURES:
        found.series, found.series_number = series.series_id, series.number
    if found.shown:
        proof.equal("the report's figure from its day rows", found.number, says, found.made)
    elif not shown_there:
        proof.skip("the report's figure: this report has no such column")
    if trade_id is not None:
        _of_trade(db, found, trade_id, tape, proof)
    found.checked, found.differs, found.unchecked = proof.checked, proof.differs, proof.unchecked
    found.adds_up = not proof.differs
    return found


def _new(made: Any, rule: str, days: list[dict[str, Any]]) -> Explanation:
    return Explanation("", None, made, False, RULES[rule], "", None, days=days)


def _of_choice(
    db: sqlite3.Connection, series: Series, column: str, day: str, proof: Proof
) -> Explanation:
    made = choices.choice(db, series)
    counted = choices.outcomes(db, series)
    choices.hold_days_against_trades(db, series, counted, proof)
    hold_trades_against_fills(db, [o.trade_id for o in counted if o.day <= series.through], proof)
    rule = "slow" if column.startswith("slow") else "selection"
    if column in ("mean_r", "taken_r", "judged", "episodes", "no_counterpart"):
        rule = "counted"
    elif column == "limit_now":
        rule = "limit"
    elif column.endswith(("_low", "_high")):
        rule = "interval"
    found = _new(made.figures[column], rule, made.days)
    if day:
        _within(day, [row["day"] for row in made.days])
        found.trades = [
            {
                "trade_id": o.trade_id, "signal_id": o.signal_id, "kind": o.kind, "bot": o.bot,
                "coin": o.coin, "side": o.side, "sample": o.sample, "blocked": o.blocked, "r": o.r,
            }
            for o in counted if o.day == day
        ]  # fmt: skip
    return found


def _of_value(
    db: sqlite3.Connection, series: Series, column: str, day: str, proof: Proof
) -> Explanation:
    missing = column == "missing_data_usd"
    pairs = worth.pairs(db, series, missing_data=missing)
    main = worth.hold_days_against_trades(db, series, pairs, proof)
    hold_trades_against_fills(db, main, proof)
    best, worst = choices.extremes(db, series)
    figures = worth.figures(series, pairs, best, worst)
    rule = {"value_r_per_day": "value_r", "missing_data_usd": "missing", "value_limit_now": "limit"}
    rule |= dict.fromkeys(OF_PATH, "path")
    days = [
        {
            "day": p.day, "with_usd": p.with_it.e6 / 1e6, "without_usd": p.without.e6 / 1e6,
            "difference_usd": (p.with_it.e6 - p.without.e6) / 1e6, "with_r": p.with_r,
            "without_r": p.without_r, "with": p.with_it.name, "without": p.without.name,
        }
        for p in pairs
    ]  # fmt: skip
    name = "value_usd" if missing else column
    default = "interval" if column.endswith(("_low", "_high")) else "value"
    found = _new(figures[name], rule.get(column, default), days)
    if day:
        _within(day, [p.day for p in pairs])
        for pair in (p for p in pairs if p.day == day):
            for desk in (pair.with_it, pair.without):
                found.trades += worth.behind(db, series, day, desk, Proof())
    return found


def _of_blocked(
    db: sqlite3.Connection, name: str, column: str, day: str, proof: Proof
) -> Explanation:
    kept = blocked.sums(db, name)
    episodes = blocked.episodes(db, name)
    blocked.hold_days_against_trades(db, kept, episodes, proof)
    hold_trades_against_fills(
        db, [one["trade_id"] for one in episodes if one["days"] and one["trade_id"]], proof
    )
    wanted = blocked.FIGURES[column]
    names = ("signals", "entries", "bps", "net_e6")
    days = [
        {"day": of, "scope": scope, **dict(zip(names, sums, strict=True))}
        for (of, scope), sums in kept.items()
        if scope == wanted or (not wanted and scope in ("sole", "shared"))
    ]
    found = _new(blocked.figures(kept)[column], "blocked", days)
    if day:
        _within(day, [row["day"] for row in days])
        for one in episodes:
            if day not in (one["day"], *one["days"]) or (wanted and one["scope"] != wanted):
                continue
            row = {k: one.get(k) for k in ("signal_id", "trade_id", "bot", "coin", "side", "scope")}
            found.trades.append(row | {"made_e6": one["days"].get(day)})
    return found


def _within(day: str, days: list[str]) -> None:
    try:
        date.fromisoformat(day)
    except ValueError:
        raise Unknown(f"{day!r}: a day as 2026-11-30") from None
    if day not in days:
        near = sorted(sorted(set(days)), key=lambda other: _distance(other, day))[:3]
        raise Unknown(f"no row of {day}; {', '.join(sorted(near)) or 'there are none yet'}")


def _distance(one: str, other: str) -> int:
    return abs(date.fromisoformat(one).toordinal() - date.fromisoformat(other).toordinal())


def _of_trade(
    db: sqlite3.Connection, found: Explanation, trade_id: int, tape: Path | None, proof: Proof
) -> None:
    trade = trade_of(db, trade_id)
    if trade is None:
        raise Unknown(f"no trade {trade_id}; --day shows the numbers behind a day")
    found.trade, found.fills = trade, fills_of(db, trade_id)
    if trade["net_e6"] is not None:
        hold_trade(db, trade, found.fills, proof)
    hold_orders(db, trade, found.fills, tape, proof)
