"""A lens's reading of a given series, with the rank and the reference that were asked for."""

from __future__ import annotations

from typing import Any

from msgspec import UNSET, Struct, UnsetType

from daemon.sheet.series import Seen


class SeriesReading(Struct, kw_only=True):
    """One lens on a series of `n` numbers; `value` is null when it abstains, for `flags[0]`.

    `null_rank` is there when a rank was asked for, `reference` and `difference` when a second
    opinion was. `measures` is whatever else the lens found, by name.
    """

    lens: str
    value: float | None
    null_rank: float | UnsetType | None = UNSET
    reference: float | UnsetType | None = UNSET
    difference: float | UnsetType | None = UNSET
    n: int
    params: dict[str, int | float]
    flags: list[str]
    measures: dict[str, Any]


def series_reading(seen: Seen, *, null: bool, check: bool) -> SeriesReading:
    """Return a reading with its rank and its reference where they were asked for."""
    reading = seen.reading
    return SeriesReading(
        lens=reading.lens,
        value=reading.value,
        null_rank=seen.null_rank if null else UNSET,
        reference=seen.reference if check else UNSET,
        difference=seen.difference if check else UNSET,
        n=reading.n,
        params=reading.params,
        flags=list(reading.flags),
        measures=reading.measures,
    )
