"""Sentences of the verdict, for a trader who reads one row and no formula."""

from __future__ import annotations

from math import isfinite

PROMISE = (
    "Chance that any of these verdicts is wrong about choice, whatever day you look and for all"
    " limits together: under 5 %."
)


def protective(name: str, choice: float, value: float) -> str:
    """Return what a protective limit saves."""
    return (
        f"What {name} blocked would have earned {in_r(choice)} R less per trade than what the same"
        f" bots were let through, and the desk is {in_r(value)} R a day better off with it; this"
        " would hold even if its next blocked signal were the best you have ever had."
    )


def restrictive(name: str, choice: float, value: float) -> str:
    """Return what a restrictive limit costs."""
    return (
        f"{name} turns away your better signals (+{in_r(choice)} R each) and costs the desk"
        f" {in_r(value)} R a day."
    )


def like_a_coin(name: str, margin: float, decided_value: float | None) -> str:
    """Return that a limit chooses like a coin, and what money it saves or costs all the same."""
    said = (
        f"{name} chooses no better and no worse than a coin would, to within {margin:.2f} R per"
        " blocked signal."
    )
    if decided_value is None:
        return said
    saves, earns = ("saves", "lose") if decided_value > 0.0 else ("costs", "earn")
    return (
        f"{said} It {saves} {in_r(decided_value)} R a day only because it makes the desk {earns}"
        " less often; trading smaller would do the same."
    )


def worth_nothing(name: str, margin: float) -> str:
    """Return that a limit makes no difference to the desk."""
    return f"With or without {name} the desk earns the same to within {margin:.2f} R a day."


def mixed(name: str, choice: float, value: float) -> str:
    """Return what choice and value say together when they point opposite ways."""
    if choice < 0.0:
        return (
            f"{name} picks the weaker signals, but even these earn: it costs the desk"
            f" {in_r(value)} R a day."
        )
    return f"{name} saves money only because the desk loses; it blocks the better ones."


def undetermined(effective: float, days: int, now: float, later: float, by: str) -> str:
    """Return what could have been seen so far, and what will be."""
    said = f"{effective:.0f} effective days of {days}; so far "
    if isfinite(now):
        said += f"an effect below {in_r(now)} R per blocked signal could not be seen."
    else:
        said += "no effect, however large, could be seen."
    return said + (f" At this pace {in_r(later)} R by {by}." if isfinite(later) else "")


def too_early(have: int, least: int, of: str) -> str:
    """Return how far a limit is from the least that a verdict takes."""
    return f"too early: {have} of {least} {of}"


def worth_unknown(choice: float, now: float) -> str:
    """Return what is missing when choice is decided and value is not."""
    side = "worse" if choice < 0.0 else "better"
    said = f" What it blocked is {side} than what it let through; what that is worth to the desk is"
    if isfinite(now):
        return f"{said} not known: an effect below {in_r(now)} R a day could not be seen."
    return f"{said} not known yet."


def dependent(of: str, r: float) -> str:
    """Warn of days that go together more than the rule allows for."""
    return f"days are not independent: {of} goes on from one day to the next ({r:.2f})"


def wild(best: float, median: float) -> str:
    """Warn of R too wild for the interval of one look."""
    return (
        f"the best trade made {best:.0f} R where the median is {median:.2f} R: the one-look"
        " interval may be too narrow"
    )


def another_series(number: int) -> str:
    """Warn of a limit that was tuned: each of its series may be wrong once more."""
    return f"series {number} of this limit: each has a chance of its own to be wrong, up to 5 %"


def disagreement(with_them: str, without: str) -> str:
    """Return why repaired trades forbid a verdict."""
    return f"with repaired trades and trades with gaps it reads {with_them}, without them {without}"


def in_r(value: float) -> str:
    """Return the size of a number of R: two decimals, three where it is small."""
    size = abs(value)
    return f"{size:.2f}" if size >= 0.095 else f"{size:.3f}"
