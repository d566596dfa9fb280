"""Emergent regime: the division whose weight stands out, against a null band.

The rule pushes weights apart whatever the returns are: with five divisions one rises and one
falls every day, on noise too. So the highest weight's lead is compared with a null band: the
leads that the same rule makes when each day's results are dealt at random among the divisions.
Inside the band the regime is UNDETERMINED.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from divisions.roster import DIVISIONS
from divisions.weights import START
from market.events import MS_PER_DAY
from research.weights.darwin import Bools, Floats, Ints, paths, ratios, shuffled, standing_out
from shadow.store.rows import ms_of
from shadow.store.tables.weights import ReturnRow, WeightRow

UNDETERMINED = "UNDETERMINED"
SHUFFLES = 400
LEVEL = 0.95
SEED = 20_251


@dataclass(frozen=True)
class Regime:
    """The division that stands out, with what that rests on.

    `lead` is the leader's log weight less the mean of the others'; `band` is what the same rule
    reaches on shuffled returns in 95 of 100 histories, None while nothing could move; `p` is
    the share of shuffled histories with a lead at least as large. `ratio_p` is the same share for
    the lead of the best Sharpe ratio, which no bound cuts off: it knows sooner, and decides
    nothing here.
    """

    regime: str
    reason: str
    leader: str
    lead: float
    band: float | None
    p: float | None
    ratio_p: float | None
    days: int
    weights: dict[str, float] = field(default_factory=dict)


def emergent(
    latest: list[WeightRow],
    returns: list[ReturnRow],
    *,
    shuffles: int = SHUFFLES,
    seed: int = SEED,
) -> Regime:
    """Return the regime that the newest division weights show."""
    now = {row.name: row.weight for row in latest if row.scope == "division"}
    weights = {name: now.get(name, START) for name in DIVISIONS}
    lead = float(standing_out(np.array(list(weights.values()))))
    leader = max(weights, key=lambda name: weights[name])
    r, active, closed = table(returns)
    days = len(r)

    unmoved = all(weight == START for weight in weights.values())
    if unmoved or not days:
        reason = "no weight has moved yet" if unmoved else "no returns are known"
        return Regime(UNDETERMINED, reason, leader, lead, None, None, None, days, weights)
    rng = np.random.default_rng(seed)
    dealt, ends = shuffled(r, active, closed, shuffles, rng)
    everyone = np.broadcast_to(active, dealt.shape)
    null = standing_out(paths(dealt, everyone, ends)[:, -1])
    band = float(np.quantile(null, LEVEL))
    p = _share(null, lead)
    mine = _ratio_lead(np.round(r * 1e6).astype(np.int64)[None], active[None])[0]
    ratio_p = _share(_ratio_lead(dealt, everyone), mine) if np.isfinite(mine) else None
    if lead <= band:
        name, reason = UNDETERMINED, "the same rule leads as far on shuffled returns"
    else:
        name, reason = leader, f"{leader} leads beyond the null band"
    return Regime(name, reason, leader, lead, band, p, ratio_p, days, weights)


def regime_on(day: str, weights: list[WeightRow], returns: list[ReturnRow]) -> Regime:
    """Return the regime with which a UTC day began, by what was known of it by then.

    `weights` are the history of all weights, oldest first.
    """
    latest = {row.name: row for row in weights if row.scope == "division" and row.day <= day}
    return emergent(list(latest.values()), [row for row in returns if row.known <= day])


def _share(null: Floats, value: float) -> float:
    """Return the share of a null that reaches a value, the value itself counted in."""
    return (1 + int((null >= value - 1e-12).sum())) / (1 + len(null))


def _ratio_lead(r_e6: Ints, active: Bools) -> Floats:
    """Return the best last ratio less the mean of the others'; nan where one has none."""
    last = ratios(r_e6, active)[0][:, -1]
    best = last.max(axis=-1)
    result: Floats = best - (last.sum(axis=-1) - best) / (last.shape[-1] - 1)
    return result


def table(returns: list[ReturnRow]) -> tuple[Floats, np.ndarray, np.ndarray]:
    """Return (R, active, closed) by consecutive UTC day and division, first day to last."""
    if not returns:
        empty = np.zeros((0, len(DIVISIONS)))
        return empty, empty.astype(bool), empty.astype(np.int64)
    first = min(ms_of(row.day) for row in returns)
    days = (max(ms_of(row.day) for row in returns) - first) // MS_PER_DAY + 1
    r = np.zeros((days, len(DIVISIONS)))
    active = np.zeros(r.shape, dtype=bool)
    closed = np.zeros(r.shape, dtype=np.int64)
    for row in returns:
        if row.division in DIVISIONS:
            at = (ms_of(row.day) - first) // MS_PER_DAY, DIVISIONS.index(row.division)
            r[at] += row.r_e6 / 1e6
            closed[at] += row.closed
            active[at] = True
    return r, active, closed
