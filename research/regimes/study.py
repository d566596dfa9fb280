"""Detection of known regimes: which label knew of them, and how soon?

Labels of turbulence are held against the crashes, labels of direction against every regime. A
label is worth having only when it does better than the plainest of its kind: a trailing threshold
on realised volatility, or the sign of the last month's move.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from research.rank_skill import block_interval
from research.regimes.known import Days, Known, Settings
from research.regimes.labels import DIRECTION, WILD

Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]

PLAINEST = {"wild": WILD[0], "direction": DIRECTION[0]}
BETTER, NO_BETTER, WORSE = "better than", "no better than", "worse than"


@dataclass(frozen=True)
class Detection:
    """One label in one regime.

    `lag` is the number of days until it first said so (1 is the first day), None for never;
    `whipsaws` how often it took that back within the regime; `agreement` the share of the
    regime's days on which it said so, `elsewhere` the share of days outside all such regimes.
    """

    coin: str
    regime: str
    kind: str
    label: str
    days: int
    lag: int | None
    whipsaws: int
    agreement: float
    elsewhere: float


@dataclass(frozen=True)
class Summary:
    """One label on all days: its balanced accuracy and what that is beside the plainest label's.

    Balanced: the mean over classes of the share of their days labelled right, so that a label
    that always says the same gets one half. A direction of 0 is right on no day; `said` is the
    share of days on which a label does name one (or says wild), `right` how many of those it
    gets right. `added` has a 95 % interval over blocks of days.
    """

    coin: str
    kind: str
    label: str
    days: int
    accuracy: float
    said: float
    right: float
    flips_a_year: float
    added: float
    low: float
    high: float
    verdict: str


def truth(kind: str, known: Sequence[Known], days: Days) -> Floats:
    """Return what each day was: 1 or 0 for wild, 1 or −1 for direction, nan outside all regimes.

    Where regimes lie within each other the shorter one counts.
    """
    out = np.zeros(len(days)) if kind == "wild" else np.full(len(days), np.nan)
    lengths = [np.datetime64(k.ends.date) - np.datetime64(k.begins.date) for k in known]
    for i in sorted(range(len(known)), key=lambda k: -lengths[k]):
        regime = known[i]
        if kind == "wild":
            if regime.wild:
                out[regime.days(days)] = 1.0
        else:
            out[regime.days(days)] = 1.0 if regime.direction == "up" else -1.0
    return out


def detection(
    coin: str,
    regime: Known,
    kind: str,
    label: str,
    days: Days,
    said: Floats,
    known: Sequence[Known],
) -> Detection | None:
    """Return how a label did in a regime; None when it could not speak on each of its days."""
    inside = regime.days(days)
    length = int((np.datetime64(regime.ends.date) - np.datetime64(regime.begins.date)).astype(int))
    if inside.sum() < length or not np.isfinite(said[inside]).all():
        return None
    wanted = 1.0 if kind == "wild" or regime.direction == "up" else -1.0
    on = said[inside] == wanted
    others = np.zeros(len(days), dtype=bool)
    for other in known:
        if (kind == "wild" and other.wild) or (
            kind != "wild" and other.direction == regime.direction
        ):
            others |= other.days(days)
    outside = ~others & np.isfinite(said)
    return Detection(
        coin,
        regime.name,
        kind if kind == "wild" else regime.direction,
        label,
        length,
        int(on.argmax()) + 1 if on.any() else None,
        int((on[:-1] & ~on[1:]).sum()),
        float(on.mean()),
        float((said[outside] == wanted).mean()) if outside.any() else float("nan"),
    )


def _scores(said: Floats, was: Floats, use: Bools) -> Floats:
    """Return what each used day adds to the balanced accuracy, times their number."""
    right = (said[use] == was[use]).astype(np.float64)
    classes, number = np.unique(was[use], return_inverse=True)
    counts = np.bincount(number)
    scores: Floats = right * len(right) / (len(classes) * counts[number])
    return scores


def summaries(
    coin: str,
    kind: str,
    said: Mapping[str, Floats],
    was: Floats,
    settings: Settings,
    seed: int,
) -> list[Summary]:
    """Return the labels of a kind on the days on which all speak; none without two classes."""
    names = WILD if kind == "wild" else DIRECTION
    use = np.isfinite(was)
    for name in names:
        use &= np.isfinite(said[name])
    if len(np.unique(was[use])) < 2:
        return []
    plain = PLAINEST[kind]
    base = _scores(said[plain], was, use)
    rows = []
    for name in names:
        scores = _scores(said[name], was, use)
        rng = np.random.default_rng([seed, *name.encode()])
        low, high = block_interval(
            [scores - base], [""], settings.block_days, settings.bootstraps, rng
        )
        spoken = said[name][use] != 0.0
        right = (said[name][use] == was[use])[spoken]
        verdict = BETTER if low > 0.0 else WORSE if high < 0.0 else NO_BETTER
        rows.append(
            Summary(
                coin,
                kind,
                name,
                int(use.sum()),
                float(scores.mean()),
                float(spoken.mean()),
                float(right.mean()) if len(right) else float("nan"),
                float((np.diff(said[name][use]) != 0.0).mean() * 365.0),
                float((scores - base).mean()),
                low,
                high,
                "" if name == plain else f"{verdict} {plain}",
            )
        )
    return rows


def study(
    coin: str,
    days: Days,
    said: Mapping[str, Floats],
    known: Sequence[Known],
    settings: Settings,
    seed: int,
) -> tuple[list[Detection], list[Summary]]:
    """Return both tables of a coin."""
    found: list[Detection] = []
    for regime in known:
        for kind, names in (("wild", WILD), ("direction", DIRECTION)):
            if kind == "wild" and not regime.wild:
                continue
            for name in names:
                row = detection(coin, regime, kind, name, days, said[name], known)
                if row is not None:
                    found.append(row)
    totals = []
    for kind in ("wild", "direction"):
        totals += summaries(coin, kind, said, truth(kind, known, days), settings, seed)
    return found, totals
