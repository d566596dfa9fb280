"""Standing of a limit in a few words: its verdict, or how far it is from one."""

from __future__ import annotations

from math import floor

from shadow.report.row import NONE, ReportRow
from shadow.report.verdict import UNDETERMINED

# The gate of a verdict (docs/verdict.md): effective days until anything is shown.
DAYS_MIN = 20


def standing(row: ReportRow) -> str:
    """Return a limit's verdict, or why there is none yet; "rule" for what is never judged.

    Undecided is never called "no effect": what cannot be seen yet is said with its size.
    """
    if row.verdict == NONE:
        return "rule"
    if row.verdict != UNDETERMINED:
        return row.verdict
    if not row.blocked:
        return "no block yet"
    if row.selection_low is None:
        days = floor(row.n_eff or 0.0)
        if days < DAYS_MIN:
            return f"too early: {days} of {DAYS_MIN} days"
        return "too few blocks yet"
    if row.days_to_go is not None:
        return f"undecided, in ~{row.days_to_go} days"
    if row.limit_now is not None:
        return f"can’t see under {row.limit_now:.1f} R"
    return "undecided"


def is_decided(row: ReportRow) -> bool:
    """Say whether a limit has a verdict."""
    return row.verdict not in (UNDETERMINED, NONE)
