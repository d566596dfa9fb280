"""Lens readings of one given series, ranked among its nulls, with the reference beside them.

The null of a series is its own deviations from its mean with signs tossed afresh: all their sizes
where they stand, and so all clustering of them, without any law of direction. Unlike the ranks of
a desk these are of the series as it stands, not prewhitened: plain correlation rejects as well.
"""

from __future__ import annotations

from collections.abc import Mapping
from difflib import get_close_matches
from typing import Any

import numpy as np
from msgspec import Struct, structs
from numpy.typing import NDArray

from market.errors import ExtraMissing, InvariantBroken
from quant.lens import Abstain, Lens, Number, Reading

Array = NDArray[np.float64]

SURROGATES = 79
SEED = 7
TOLERANCE = 1e-6
# Below this a relative difference is one of rounding.
SMALL = 1e-9

# Lenses whose value signs cannot judge, and why.
NO_NULL = {
    "efficiency_ratio": "no null_rank: prices have no signs to toss; see measures.quantile",
    "hawkes": "no null_rank: event times have no signs to toss; see measures.ks_p",
    "hmm": "no null_rank: tossed signs leave sizes, and so its states, as they are",
    "volatility": "no null_rank: tossed signs leave sizes as they are",
}
NO_REFERENCE = "no reference library"


class Seen(Struct, frozen=True):
    """A reading, its rank among nulls, and the reference's value; None where not asked for."""

    reading: Reading
    null_rank: float | None = None
    reference: float | None = None

    @property
    def difference(self) -> float | None:
        """Return how far the reading is from the reference, None without one."""
        if self.reading.value is None or self.reference is None:
            return None
        return self.reading.value - self.reference

    @property
    def agrees(self) -> bool:
        """Say whether nothing contradicts the reading, to a millionth of it."""
        gap, value = self.difference, self.reading.value
        if gap is None or value is None or self.reference is None:
            return True
        return abs(gap) <= TOLERANCE * max(abs(value), abs(self.reference)) + SMALL


def look(
    lens: Lens, series: Array, given: Mapping[str, Number], *, null: bool, check: bool
) -> Seen:
    """Return what a lens says of a series (n,); raises ValueError for parameters of no sense.

    `null` ranks the value, `check` asks the reference library and raises ExtraMissing where that
    is not installed. A lens that abstains is neither ranked nor checked.
    """
    seen = Seen(lens.read(series, given))
    if seen.reading.value is None:
        return seen
    if null:
        seen = _ranked(lens, series, seen)
    return _checked(lens, series, seen) if check else seen


def look_through_all(
    lenses: Mapping[str, Lens],
    series: Array,
    given: Mapping[str, Number],
    *,
    null: bool,
    check: bool,
) -> list[Seen]:
    """Return what each lens says, each taking of the parameters those it knows.

    Raises ValueError for a parameter that none of them knows, or that makes no sense.
    """
    known = sorted({name for lens in lenses.values() for name in lens.defaults})
    for name in given:
        if name not in known:
            raise ValueError(f"no lens has a parameter {name!r}; there are {', '.join(known)}")
    found = []
    for lens in lenses.values():
        own = {name: value for name, value in given.items() if name in lens.defaults}
        try:
            found.append(look(lens, series, own, null=null, check=check))
        except ValueError as error:
            if own:
                raise
            # A series that is not of the kind this lens is for.
            flags = (str(error),)
            found.append(Seen(Reading(lens.name, None, len(series), lens.params({}), flags)))
    return found


def _flagged(seen: Seen, flag: str) -> Seen:
    return structs.replace(
        seen, reading=structs.replace(seen.reading, flags=(*seen.reading.flags, flag))
    )


def _ranked(lens: Lens, series: Array, seen: Seen) -> Seen:
    if lens.name in NO_NULL:
        return _flagged(seen, NO_NULL[lens.name])
    from quant.surrogates import sign_flip  # noqa: PLC0415 - only a rank needs nulls

    mean = series.mean()
    nulls = mean + sign_flip(series - mean, SURROGATES, np.random.default_rng(SEED))
    values = [lens.read(each, seen.reading.params).value for each in nulls]
    spoken = np.array([value for value in values if value is not None])
    if 2 * len(spoken) < SURROGATES:
        return _flagged(seen, f"no null_rank: it abstains on {SURROGATES - len(spoken)} nulls")
    return structs.replace(seen, null_rank=rank(float(seen.reading.value or 0.0), spoken))


def rank(value: float, nulls: Array) -> float:
    """Return where a value stands among nulls (k,), in (0, 1); ties count half."""
    below = np.count_nonzero(nulls < value) + 0.5 * np.count_nonzero(nulls == value)
    return float((below + 0.5) / (len(nulls) + 1))


def _checked(lens: Lens, series: Array, seen: Seen) -> Seen:
    if lens.reference is None:
        return _flagged(seen, NO_REFERENCE)
    try:
        value = float(lens.reference(series, **seen.reading.params))
    except Abstain as why:
        return _flagged(seen, f"no reference: {why}")
    except ImportError as error:
        library = (error.name or "a library").split(".")[0]
        raise ExtraMissing(f"--check of {lens.name}", library, "check") from None
    return structs.replace(seen, reference=value)


def require_agreement(found: list[Seen]) -> None:
    """Raise InvariantBroken naming the first reading that its reference contradicts."""
    for seen in found:
        if not seen.agrees:
            reading = seen.reading
            raise InvariantBroken(
                f"lens --check: {reading.lens} gives {reading.value!r}, its reference "
                f"{seen.reference!r}, apart by {seen.difference:.3g}"
            )


def nearest(name: str, known: Mapping[str, Any]) -> str:
    """Return words about a lens that does not exist: the nearest name, and all of them."""
    close = get_close_matches(name, known, n=1, cutoff=0.5)
    guess = f"did you mean {close[0]!r}? " if close else ""
    return f"no lens {name!r}; {guess}there are {', '.join(known)}"
