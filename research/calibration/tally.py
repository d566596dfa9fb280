"""What a batch of histories comes to: a few numbers of each history and limit."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from research.calibration import rule
from research.calibration.booking import Booked
from research.calibration.rule import Bools, Floats, Looks, Running
from shadow.report.terms import Terms

Ints = NDArray[np.int64]
MISS_ALPHA = 0.05
NEVER = np.iinfo(np.int64).max


@dataclass(frozen=True)
class Series:
    """Intervals of choice or value: (looks, histories, limits), or (histories, limits) of any day.

    `low` and `high` are those of a single look, nan where none is shown. `highest_low` and
    `lowest_high` are the extremes of the intervals that hold on any day, once they are shown.
    """

    estimate: Floats
    low: Floats
    high: Floats
    highest_low: Floats
    lowest_high: Floats


@dataclass(frozen=True)
class Tally:
    """What was seen in daily looks, by history and limit.

    Days of first verdicts count from 1 and are NEVER where there was none. `equal` says at each
    look whether it was EQUIVALENT by then, `last` what was said on the last day.
    """

    choice: Series
    value: Series
    value_truth: Floats
    protective: Ints
    restrictive: Ints
    like_a_coin: Ints
    choice_decided: Ints
    equal: Bools
    last: NDArray[np.int8]


def tally(booked: Booked, looks_at: Sequence[int], terms: Terms) -> Tally:
    """Return the numbers of a batch; looks are at the end of these days, counted from 1."""
    looks = rule.look(booked.rows, terms)
    at = np.minimum(np.asarray(looks_at), len(looks.verdict)) - 1
    equal = np.logical_or.accumulate(looks.verdict >= rule.COIN, axis=0)[at]
    return Tally(
        choice=_series(looks, looks.choice, looks.up, looks.down, at, terms),
        value=_series(looks, looks.value, looks.down, looks.up, at, terms),
        value_truth=booked.value_truth,
        protective=_first(looks.verdict == rule.PROTECTIVE),
        restrictive=_first(looks.verdict == rule.RESTRICTIVE),
        like_a_coin=_first(looks.verdict == rule.COIN),
        choice_decided=_first(looks.shown & (looks.choice_sign != 0)),
        equal=equal,
        last=looks.verdict[-1],
    )


def _series(
    looks: Looks, sums: Running, up: Floats, down: Floats, at: Ints, terms: Terms
) -> Series:
    then = Running(*(getattr(sums, name)[at] for name in Running.__dataclass_fields__))
    low, high = rule.single(then, terms)
    hidden = ~looks.shown[at]
    ever_low, ever_high = rule.anytime(sums, MISS_ALPHA, up, down, terms)
    ever_low = np.where(looks.shown, ever_low, -np.inf)
    ever_high = np.where(looks.shown, ever_high, np.inf)
    return Series(
        estimate=np.where(hidden, np.nan, then.estimate),
        low=np.where(hidden, np.nan, low),
        high=np.where(hidden, np.nan, high),
        highest_low=ever_low.max(axis=0),
        lowest_high=ever_high.min(axis=0),
    )


def _first(said: Bools) -> Ints:
    """Return the day, from 1, on which something was first said."""
    return np.where(said.any(axis=0), said.argmax(axis=0) + 1, NEVER)


def joined(parts: Sequence[Tally]) -> Tally:
    """Return the tallies of several batches as one."""

    def series(name: str) -> Series:
        of = [getattr(part, name) for part in parts]
        return Series(
            *(
                np.concatenate([getattr(one, key) for one in of], axis=-2)
                for key in Series.__dataclass_fields__
            )
        )

    rest = [key for key in Tally.__dataclass_fields__ if key not in ("choice", "value")]
    return Tally(
        choice=series("choice"),
        value=series("value"),
        **{key: np.concatenate([getattr(part, key) for part in parts], axis=-2) for key in rest},
    )
