"""Slices of a limit's choice by coin, bot or regime: shrunken, and without verdict.

Whoever cuts a limit's signals into thirty slices finds a best and a worst one by chance. So each is
drawn to what all of them say together by as much as it is uncertain itself.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from math import inf

from msgspec import Struct, structs

from quant.inference.anytime import PHI_MAX, Sums
from quant.inference.shrinkage import shrink
from shadow.report.fold import JudgedDay
from shadow.report.measured import Evidence, measure


class Slice(Struct, frozen=True):
    """Choice within one slice in R per blocked signal: as it is, and shrunken with its interval.

    `kept` is the share of its own estimate in the shrunken one: 0 takes the mean of all slices.
    None where nothing can be said.
    """

    name: str
    blocked: int
    r: float | None
    shrunken: float | None
    low: float | None
    high: float | None
    kept: float


def by_bot(row: JudgedDay) -> str:
    """Name the slice of a row by its bot."""
    return row.bot


def slices(
    evidence: Evidence, rows: Sequence[JudgedDay], of: Callable[[JudgedDay], str]
) -> list[Slice]:
    """Return the slices of day rows, in order of their names.

    `rows` are finer than the evidence's where it takes that: one a day, bot, sample and slice. A
    slice has rates and means of its own past.
    """
    parts: dict[str, list[JudgedDay]] = {}
    for row in rows:
        parts.setdefault(of(row), []).append(row)
    found = {
        name: measure(
            structs.replace(evidence, judged=parts[name], value=(), folded=None, folded_clean=None)
        )
        for name in sorted(parts)
    }
    sums = {name: one.choice.selection for name, one in found.items()}
    blocked = {name: one.choice.booked.blocked for name, one in found.items()}
    return shrunken(sums, blocked, phi_max=evidence.terms.phi_max)


def shrunken(
    sums: Mapping[str, Sums], blocked: Mapping[str, int], *, phi_max: float = PHI_MAX
) -> list[Slice]:
    """Return slices of which the sums are known, each drawn to what all say together."""
    drawn = shrink([(one.estimate, variance(one, phi_max)) for one in sums.values()])
    return [
        Slice(
            name=name,
            blocked=blocked[name],
            r=one.estimate if one.h else None,
            shrunken=found.value if found else None,
            low=found.low if found else None,
            high=found.high if found else None,
            kept=found.kept if found else 0.0,
        )
        for (name, one), found in zip(sums.items(), drawn, strict=True)
    ]


def variance(sums: Sums, phi_max: float = PHI_MAX) -> float:
    """Return the variance of an estimate; infinite where it has no spread to tell it."""
    if not sums.spread or sums.days <= 1.0:
        return inf
    small_sample = sums.days / (sums.days - 1.0)
    return sums.inflation(phi_max) * small_sample * sums.spread / (sums.h * sums.h)
