"""Verdict on a lens reading, in words."""

from __future__ import annotations

# Two-sided five per cent, the level at which a rank says more than "as in nulls".
TAIL = 0.025


def verdict(value: float | None, rank: float | None, flags: list[str]) -> str:
    """Return in words what a reading is worth."""
    if value is None:
        return f"abstains: {flags[0] if flags else 'no reason given'}"
    if rank is None:
        said = "no null to compare with"
    elif rank >= 1.0 - TAIL:
        said = f"higher than {rank:.0%} of nulls"
    elif rank <= TAIL:
        said = f"lower than {1.0 - rank:.0%} of nulls"
    else:
        said = "as in nulls"
    return "; ".join((said, *flags))
