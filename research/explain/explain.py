"""A figure of the report with all that it is made of, each link checked on the way."""

from __future__ import annotations

import difflib
import sqlite3
from datetime import date
from pathlib import Path
from typing import Any

from msgspec import Struct, field

from research.explain import bias, blocked, left_out, plain, worth
from research.explain import choice as choices
from research.explain import slice as slice_
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
    "slow_r", "slow_low", "slow_high", "n_eff", "limit_now", "days_to_go", "no_counterpart",
    "mean_r", "taken_r", "judged", "episodes", "provisional", "days",
)  # fmt: skip
# What the coin chose, and the plain limit on volatility, beside every limit.
BESIDE = {
    f"{beside}_{end}": f"selection_{end}"
    for beside in ("control", "rv_z")
    for end in ("r", "low", "high")
}
OF_PATH = (
    "worst_day_with_usd", "worst_day_without_usd", "cvar_with_usd", "cvar_without_usd",
    "drawdown_with_usd", "drawdown_without_usd", "under_water_with_days",
    "under_water_without_days",
)  # fmt: skip
OF_VALUE = (
    "value_usd", "value_r_per_day", "value_low", "value_high", "value_any_low", "value_any_high",
    "missing_data_usd", "value_limit_now", *OF_PATH,
)  # fmt: skip
LEFT_OUT, BIAS, CONTROL = "left_out", "bias_bps", "control"
COLUMNS = (*OF_VALUE, *OF_CHOICE, *BESIDE, *blocked.FIGURES, LEFT_OUT, BIAS)
# Of slices, and of bots in the shadow stage.
SLICE_COLUMNS = (*slice_.COLUMNS, BIAS)
COUNTED = ("mean_r", "taken_r", "judged", "episodes", "no_counterpart")
STAGED = "stage."
RULES = {
    "selection": "ΣU/ΣH over days: U = (B − n·m) − p·(A − a·m), H = n·(1 − 2p) + a·p², with p, m "
    "of the bot's earlier days and the odds factor on p",
    "slow": "as selection_r, without the odds factor on p",
    "control": "as selection_r, of the coin's series",
    "rv_z": "as selection_r, of the plain limit's days: it blocks the highest volatility, as often",
    "value": "the desk with the limit less the desk without it, summed over days",
    "value_r": "the mean over days of the desk with the limit less the desk without it, in R",
    "missing": "the desk less the branch in which the limit's no_data passes, summed over days",
    "blocked": "daily sums over the episodes that the filter refused",
    "interval": "all d with (ΣU − dΣH)² ≤ κ·c²·Σ(U − dH)²",
    "limit": "the effect that would have been decided with probability 0.8, guard and all",
    "days_to_go": "the first day on which an even chance would decide this effect at the pace so "
    "far, no sooner than anything is shown",
    "path": "the days of one of the two desks, in their order",
    "counted": "sums over the days of trades that the limit judged",
    "days": "calendar days from the first that counts to the last that ended",
    "provisional": "what it blocked that counts on days to come",
    "left_out": "daily counts of episodes in no verdict, by reason, and those still open",
    "bias": "the mean over pairs of a twin less its trade, in bps",
    "slice": "daily sums over the signals refused there and the trades that closed",
    "shrunken": "mean_r drawn to what all slices say, by how uncertain it is",
    "none": "it has no series",
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


class Asked(Struct, frozen=True):
    """A figure of a report, by what that is grouped and from which day on it counts."""

    row: str
    column: str
    by: str = "filter"
    since: str = ""
    day: str = ""


def split(words: list[str], rows: list[str], by: str = "filter") -> tuple[str, str]:
    """Return row and column of what somebody typed; raises Unknown with the nearest names."""
    text = ".".join(words)
    row = max((row for row in rows if text.startswith(f"{row}.")), key=len, default="")
    column = text.removeprefix(f"{row}.") if row else text.partition(".")[2]
    row = row or text.partition(".")[0]
    if not row or not column:
        raise Unknown(f"{' '.join(words)!r}: a row and a column, as in {_example(rows)}")
    limit = by == "filter" and not row.startswith(STAGED)
    columns = list(COLUMNS if limit else SLICE_COLUMNS)
    head, _, reason = column.partition(".")
    if reason and head != LEFT_OUT:
        raise Unknown(f"{text!r}: a row and a column, as in {_example(rows)}")
    for part, known, what in ((row, rows, "row"), (head, columns, "column")):
        if part not in known:
            near = difflib.get_close_matches(part, known, n=3, cutoff=0.4) or known
            raise Unknown(f"no {what} {part!r}; {', '.join(near)}")
    return row, column


def _example(rows: list[str]) -> str:
    return f"{rows[0] if rows else 'direction'}.value_usd"


def explain(
    db: sqlite3.Connection,
    asked: Asked,
    says: Any,
    *,
    trade_id: int | None = None,
    tape: Path | None = None,
) -> Explanation:
    """Make a figure again from what it rests on; `says` is what the report says."""
    row, column = asked.row, asked.column
    series = shown(db, row) if asked.by == "filter" else None
    proof = Proof()
    if column == BIAS:
        found = _of_bias(db, asked, proof)
    elif asked.by != "filter" or row.startswith(STAGED):
        found = _of_slice(db, asked, proof)
    elif column in blocked.FIGURES:
        found = _of_blocked(db, asked, proof)
    elif column.partition(".")[0] == LEFT_OUT:
        found = _of_left_out(db, asked, proof)
    elif series is None:
        if column not in ("judged", "episodes", "provisional", "days"):
            raise Unknown(f"{row} has no series yet, so it has no {column}")
        found = _new(0, "none", [])
    elif column in OF_CHOICE or column in BESIDE:
        found = _of_choice(db, _beside(db, series, column), asked, proof)
    else:
        found = _of_value(db, series, asked, proof)
    found.number, found.says, found.shown = f"{row}.{column}", says, says is not None
    if series is not None and column in (*OF_CHOICE, *BESIDE, *OF_VALUE):
        found.series, found.series_number = series.series_id, series.number
    if found.shown:
        proof.equal("the report's figure from its day rows", found.number, says, found.made)
    if trade_id is not None:
        _of_trade(db, found, trade_id, tape, proof)
    found.checked, found.differs, found.unchecked = proof.checked, proof.differs, proof.unchecked
    found.adds_up = not proof.differs
    return found


def _new(made: Any, rule: str, days: list[dict[str, Any]]) -> Explanation:
    return Explanation("", None, made, False, RULES[rule], "", None, days=days)


def _beside(db: sqlite3.Connection, series: Series, column: str) -> Series:
    """Return the series whose day rows a column rests on: the limit's own, or the coin's."""
    if not column.startswith(f"{CONTROL}_"):
        return series
    coin = shown(db, CONTROL)
    if coin is None:
        raise Unknown(f"no limit {CONTROL} has a series, so there is no {column}")
    return coin


def _of_choice(db: sqlite3.Connection, series: Series, asked: Asked, proof: Proof) -> Explanation:
    column, beside = asked.column, asked.column.startswith("rv_z")
    table = choices.PLAIN if beside else choices.OWN
    made = choices.choice(db, series, since=asked.since, table=table)
    counted = choices.outcomes(db, series)
    choices.hold_days_against_trades(db, series, counted, proof)
    if beside:
        choices.hold_plain_against_limit(db, series, proof)
        plain.hold_days_against_trades(db, series, proof)
    hold_trades_against_fills(db, [o.trade_id for o in counted if o.day <= series.through], proof)
    rule = column if column in RULES else column.partition("_")[0]
    if column in COUNTED:
        rule = "counted"
    elif column == "limit_now":
        rule = "limit"
    elif column.endswith(("_low", "_high")):
        rule = "interval"
    elif rule not in RULES:
        rule = "selection"
    found = _new(made.figures[BESIDE.get(column, column)], rule, made.days)
    if asked.day:
        _within(asked.day, [row["day"] for row in made.days])
        found.trades = [
            {
                "trade_id": o.trade_id, "signal_id": o.signal_id, "kind": o.kind, "bot": o.bot,
                "coin": o.coin, "side": o.side, "sample": o.sample, "blocked": o.blocked, "r": o.r,
            }
            for o in counted if o.day == asked.day
        ]  # fmt: skip
    return found


def _of_value(db: sqlite3.Connection, series: Series, asked: Asked, proof: Proof) -> Explanation:
    column, day = asked.column, asked.day
    missing = column == "missing_data_usd"
    pairs = worth.pairs(db, series, missing_data=missing)
    pairs = [pair for pair in pairs if pair.day >= asked.since]
    main = worth.hold_days_against_trades(db, series, pairs, proof)
    hold_trades_against_fills(db, main, proof)
    best, worst = choices.extremes(db, series)
    figures = worth.figures(series, pairs, best, worst, window=bool(asked.since))
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


def _of_blocked(db: sqlite3.Connection, asked: Asked, proof: Proof) -> Explanation:
    name, column, day = asked.row, asked.column, asked.day
    kept = blocked.sums(db, name, asked.since)
    episodes = blocked.episodes(db, name)
    blocked.hold_days_against_trades(db, kept, episodes, proof, asked.since)
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


def _of_left_out(db: sqlite3.Connection, asked: Asked, proof: Proof) -> Explanation:
    kept = left_out.kept(db, asked.row, asked.since)
    made, still_open, episodes = left_out.made(db, asked.row)
    left_out.hold_days_against_trades(db, kept, made, asked.since, proof)
    reason = asked.column.partition(".")[2]
    figures = left_out.figures(kept, still_open)
    if reason and reason not in figures:
        raise Unknown(f"nothing of {asked.row} was left out as {reason!r}; {', '.join(figures)}")
    days = [
        {"day": day, "reason": of, "episodes": count}
        for (day, of), count in kept.items()
        if reason in ("", of)
    ]
    found = _new(figures[reason] if reason else figures, LEFT_OUT, days)
    if asked.day:
        _within(asked.day, [one["day"] for one in episodes])
        found.trades = [
            one for one in episodes if one["day"] == asked.day and reason in ("", one["reason"])
        ]
    return found


def _of_bias(db: sqlite3.Connection, asked: Asked, proof: Proof) -> Explanation:
    days, pairs = bias.days_of(db), bias.pairs_of(db)
    bias.hold_days_against_trades(db, days, pairs, proof)
    found = _new(bias.figure(days), "bias", days)
    if asked.day:
        _within(asked.day, [row["day"] for row in days])
        found.trades = [pair for pair in pairs if pair["day"] == asked.day]
    return found


def _of_slice(db: sqlite3.Connection, asked: Asked, proof: Proof) -> Explanation:
    staged = asked.row.startswith(STAGED)
    by, name = ("stage", asked.row.removeprefix(STAGED)) if staged else (asked.by, asked.row)
    slices, parts = slice_.kept(db, by, asked.since), slice_.parts(db, by, name)
    mine = slices.get(name, {})
    slice_.hold_days_against_trades(db, mine, parts, asked.since, proof)
    counted = [one.trade_id for one in parts if one.trade_id and one.day >= asked.since]
    hold_trades_against_fills(db, counted, proof)
    rule = "shrunken" if asked.column in slice_.SHRUNKEN else "slice"
    days = [
        {"day": day, "scope": scope, **{k: getattr(sums, k) for k in sums.__struct_fields__}}
        for (day, scope), sums in sorted(mine.items())
    ]
    found = _new(slice_.figures(slices, name, by)[asked.column], rule, days)
    if asked.day:
        _within(asked.day, [row["day"] for row in days])
        found.trades = [
            {"signal_id": one.signal_id, "trade_id": one.trade_id, **one.marks, "scope": one.scope,
             "r": one.adds.r, "made_e6": one.adds.net_e6}
            for one in parts if one.day == asked.day
        ]  # fmt: skip
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
