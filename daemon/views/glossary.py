"""Words of screen, page and report, each with what it means to a trader."""

from __future__ import annotations

from msgspec import Struct


class Term(Struct, frozen=True):
    """A word and what it means; `other` are words that mean the same elsewhere."""

    word: str
    means: str
    other: list[str] = []


TERMS = (
    Term("admitted", "let through by every enforced limit, and traded"),
    Term("blocked", "a signal that at least one enforced limit refused; a phantom follows it"),
    Term("bot", "one strategy: it looks at a coin and now and then makes a signal"),
    Term(
        "branch",
        "the whole desk once more without one limit, beside yours: same market, same bots, own"
        " money; saved or cost is read from it",
    ),
    Term(
        "choice",
        "whether a limit picks worse signals than it lets through, in R a blocked signal; zero is"
        " a coin",
        ["vs taken", "selection"],
    ),
    Term("clamped", "traded smaller than asked, because a cap had room for less"),
    Term("control", "a limit that would block a fifth of all episodes by lot: the placebo"),
    Term("conviction", "how sure a bot is of its signal, from 0 to 1; size follows it"),
    Term("division", "bots that share an idea: trend, reversion, flow, carry, relative"),
    Term("drawdown", "how far equity has fallen from its highest"),
    Term(
        "effective days",
        "days that count as evidence: several alike ones count for less than their number",
        ["trading days"],
    ),
    Term(
        "episode",
        "signals of one bot on one coin and side that belong together: a bot that repeats itself"
        " has asked once",
    ),
    Term("equity", "cash and what the open trades are worth at the mids"),
    Term("EQUIVALENT", "a limit that chooses like a coin, or is worth nothing, within a margin"),
    Term("exposure", "notional of open trades: gross adds both sides, net takes one off the other"),
    Term("fees of gross", "fees as a share of the price profit; above 100 % fees ate all of it"),
    Term("funding", "what longs pay shorts each hour, or the other way round"),
    Term("halted", "entries are closed until somebody resumes; exits go on"),
    Term("hold", "time from the fill of the entry to the close"),
    Term("latched", "a loss limit was reached and holds entries closed"),
    Term("limit", "a rule of the gate whose worth is measured", ["filter"]),
    Term("mark", "the mid an open trade is valued at"),
    Term("observing", "judging every signal without blocking any (°)"),
    Term("one look, any day", "an interval for who looks once; the wider one for who looks daily"),
    Term("only this limit", "blocked by this limit and no other; a limit is judged by these"),
    Term("paper", "trades against real or local books with nobody's money"),
    Term(
        "phantom",
        "the trade that a blocked signal would have been: same size, book walk, fees and exits (◌)",
    ),
    Term("PROTECTIVE", "a limit that picks losers, and the desk is richer for it"),
    Term("R", "what a trade risks at its stop when it is decided; +1 R made as much as was risked"),
    Term("RESTRICTIVE", "a limit that picks winners, and the desk is poorer for it"),
    Term("saved or cost", "what the desk made with a limit less what it made without it, in USD"),
    Term("series", "a limit under unchanged settings; changing them begins a new one at day zero"),
    Term("shadow stage", "a bot on probation: its signals are followed as phantoms, never traded"),
    Term("slippage", "what a fill was worse than the mid at the decision", ["shortfall"]),
    Term("trial", "autoresearch: one change to one bot beside its unmodified control, 30 days"),
    Term("twin", "a phantom of an admitted signal; what was let through is measured by it"),
    Term("UNDETERMINED", "not known yet; never “no effect”", ["undecided", "too early"]),
    Term("weight", "how loud a division or bot is heard, 0.3 to 2.5; it moves once a day"),
)  # fmt: skip


def found(word: str) -> list[Term]:
    """Return the terms of a word, however it is written: the word itself, or those that hold it."""
    wanted = word.casefold().strip()
    exact = [t for t in TERMS if wanted in (n.casefold() for n in (t.word, *t.other))]
    return exact or [t for t in TERMS if any(wanted in n.casefold() for n in (t.word, *t.other))]
