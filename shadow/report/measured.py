"""What the day rows of a limit's series come to: sums, guards and counts, nothing judged yet."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import date
from math import isfinite

from msgspec import Struct, field

from quant.inference.anytime import Guard, Sums
from shadow.report.fold import CLEAN, ChosenDay, Counted, Fold, JudgedDay, empty, window
from shadow.report.terms import Terms


class ValueDay(Struct, frozen=True, gc=False):
    """What the desk earned with the limit less what it earned without it on one UTC day, in R.

    `r` is None where it is unknown. `repaired` counts trades of the day with a gap or a repair.
    """

    day: str
    r: float | None
    repaired: int = 0


class Evidence(Struct, frozen=True):
    """Everything that one series of a limit is judged by.

    Rows of days after `through`, the last whole UTC day, are provisional. `bias_within` says
    whether the simulator's bias is known to be small; `median_r` is the median |R| of a trade.
    Days that are `folded` need no rows; of those without repaired trades there is a fold as well.
    `stopped` counts the signals it spoke against, whether anything of them can be judged or not.
    """

    judged: Sequence[JudgedDay]
    value: Sequence[ValueDay]
    through: str
    bias_within: bool
    series_number: int = 1
    median_r: float | None = None
    terms: Terms = Terms()
    folded: Fold | None = None
    folded_clean: Fold | None = None
    stopped: int = 0


class Measured(Struct):
    """Sums of a series up to its last whole day.

    `days` and `value_days` go from the first row to the last whole day. `repaired` counts trades
    that were repaired or had a gap, `refused` rows that hold no sound numbers; `stopped` is that of
    the evidence.
    """

    choice: Fold
    value: Sums = field(default_factory=Sums)
    provisional: Counted = field(default_factory=Counted)
    days: int = 0
    value_days: int = 0
    repaired: int = 0
    refused: int = 0
    stopped: int = 0

    @property
    def guard(self) -> Guard:
        """How far one more signal could move selection."""
        return Guard(up=self.choice.best, down=self.choice.worst)

    @property
    def value_guard(self) -> Guard:
        """How far it could move value: a blocked winner is what the desk goes without."""
        return Guard(up=self.choice.worst, down=self.choice.best)


def measure(evidence: Evidence, *, clean: bool = False, since: str = "") -> Measured:
    """Return what the rows come to; `clean` leaves out whatever was repaired or had a gap.

    `since` sums the rows of days from then on; rates and means are still those of the whole series.
    Raises ValueError for a `since` of days that are folded already, and for one fold of two.
    """
    if (evidence.folded is None) != (evidence.folded_clean is None):
        raise ValueError("of a series either both folds are at hand or none")
    folded = evidence.folded_clean if clean else evidence.folded
    if folded is not None and since and since <= folded.last:
        raise ValueError(f"days up to {folded.last} are folded; rows from {since} are not at hand")
    if folded is None:
        choice = empty(evidence.terms)
    else:
        choice = folded.begun_anew() if since else folded.copied()
    found = Measured(choice, stopped=evidence.stopped)
    _measure_choice(found, evidence, clean, since)
    _measure_value(found, evidence, clean, since)
    found.repaired += choice.repaired
    found.refused += choice.refused
    return found


def measure_window(days: Iterable[ChosenDay], evidence: Evidence, since: str) -> Measured:
    """Return what the days from `since` on come to, given what each of them came to."""
    found = Measured(window(days, evidence.terms), stopped=evidence.stopped)
    _measure_value(found, evidence, clean=False, since=since)
    found.days = _span(found.choice.first, evidence.through)
    return found


def _measure_choice(found: Measured, evidence: Evidence, clean: bool, since: str) -> None:
    through = evidence.through
    found.choice.extend(
        [row for row in evidence.judged if row.day <= through], clean=clean, since=since
    )
    for row in evidence.judged:
        if row.day > through and not (clean and row.sample != CLEAN):
            if row.sound:
                found.provisional.add(row)
            else:
                found.refused += 1
    found.days = _span(found.choice.first, through)


def _measure_value(found: Measured, evidence: Evidence, clean: bool, since: str) -> None:
    last, first = None, ""
    for row in sorted(evidence.value, key=lambda row: row.day):
        if row.day > evidence.through or row.r is None:
            continue
        if not isfinite(row.r):
            found.refused += 1
            continue
        if row.day < since:
            continue
        first = first or row.day
        if clean and row.repaired:
            continue
        ordinal = date.fromisoformat(row.day).toordinal()
        found.value.add(row.r, 1.0, adjacent=last == ordinal - 1)
        last = ordinal
        found.repaired += row.repaired
    found.value_days = _span(first, evidence.through)


def _span(first: str, through: str) -> int:
    """Return the calendar days from the first row to the last whole day, both counted."""
    if not first:
        return 0
    return (date.fromisoformat(through) - date.fromisoformat(first)).days + 1
