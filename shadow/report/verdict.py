"""The verdict on a limit: protective, restrictive, or undetermined.

θ is the mean effect, in R, of the episodes a filter alone has blocked. Δ is θ less the same of
the twins: what admitted signals of the same bots earned on the same days. A verdict needs both
intervals on one side of zero: θ alone would call any filter protective whenever the desk loses
after costs, Δ alone whenever it blocks the less bad half.
"""

from __future__ import annotations

from collections.abc import Mapping

from msgspec import Struct

from quant.clustered import (
    Interval,
    anytime,
    days_until_decided,
    ratio,
    ratio_difference,
)

PROTECTIVE, RESTRICTIVE, UNDETERMINED = "PROTECTIVE", "RESTRICTIVE", "UNDETERMINED"
DAYS_MIN = 20

# By UTC day: (entries, sum of effects).
Daily = Mapping[str, tuple[int, float]]


class Finding(Struct, frozen=True):
    """A verdict with what it rests on; intervals are None when there is nothing to estimate.

    `days` counts days with entries or effects. `days_more` is how many more at this effect would
    decide it, None when no number of days would.
    """

    verdict: str
    reason: str
    episodes: int
    days: int
    theta: Interval | None
    delta: Interval | None
    theta_anytime: Interval | None
    days_more: int | None


def judge(blocked: Daily, twins: Daily, *, bias_within: bool = True) -> Finding:
    """Judge daily effects of sole-blocked episodes against the twins of the same bots and days."""
    days = sorted(day for day, (n, effect) in blocked.items() if n or effect)
    counts = [blocked[day][0] for day in days]
    sums = [blocked[day][1] for day in days]
    base = [twins.get(day, (0, 0.0)) for day in days]
    theta = ratio(sums, counts)
    delta = ratio_difference(sums, counts, [b[1] for b in base], [b[0] for b in base])
    wide = anytime(theta, len(days)) if theta is not None else None
    verdict, reason = _verdict(theta, delta, len(days), bias_within)
    more = _days_more(theta, delta, len(days)) if verdict == UNDETERMINED else 0
    return Finding(verdict, reason, sum(counts), len(days), theta, delta, wide, more)


def _verdict(
    theta: Interval | None, delta: Interval | None, days: int, bias_within: bool
) -> tuple[str, str]:
    if theta is None:
        return UNDETERMINED, "no episode that it alone blocked has a known outcome yet"
    if delta is None:
        return UNDETERMINED, "no admitted trades of the same bots and days to compare with"
    if days < DAYS_MIN:
        return UNDETERMINED, f"{days} of the {DAYS_MIN} active days it takes"
    if not bias_within:
        return UNDETERMINED, "the simulator's bias is not known to be small"
    if theta.high < 0.0 and delta.high < 0.0:
        return PROTECTIVE, "what it blocked lost, and lost more than what was admitted"
    if theta.low > 0.0 and delta.low > 0.0:
        return RESTRICTIVE, "what it blocked earned, and earned more than what was admitted"
    return UNDETERMINED, "the intervals do not both leave zero on one side"


def _days_more(theta: Interval | None, delta: Interval | None, days: int) -> int | None:
    if theta is None or delta is None or theta.mean * delta.mean <= 0.0:
        return None
    waits = [days_until_decided(interval, days) for interval in (theta, delta)]
    if any(wait is None for wait in waits):
        return None
    return max(DAYS_MIN - days, *(wait for wait in waits if wait is not None))
