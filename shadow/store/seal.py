"""Seals of the durable state: a checksum for each piece, and one over all of them.

A piece whose text is not what was written does not fit its own sum; one that was swapped for an
older one, left out or added, sum and all, does not fit the sum over all. That one is the exclusive
or of the others, so that a commit that changes three pieces of a thousand reads none of the rest.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Mapping
from hashlib import blake2b

# The row of the sum over all, as hexadecimal text in JSON.
WHOLE = "whole"

STATE_SET = (
    "INSERT INTO state (key, value, sum) VALUES (?, ?, ?)"
    " ON CONFLICT DO UPDATE SET value = excluded.value, sum = excluded.sum"
)
STATE_DROP = "DELETE FROM state WHERE key = ?"


def sum_of(key: str, value: str) -> int:
    """Return the checksum of a piece as a signed integer of 64 bits."""
    content = f"{key}\0{value}".encode()
    return int.from_bytes(blake2b(content, digest_size=8).digest(), "big", signed=True)


def over_all(sums: Iterable[int]) -> int:
    """Return the sum over all pieces."""
    whole = 0
    for one in sums:
        whole ^= one
    return whole


def sums_after(sums: Mapping[str, int], state: Mapping[str, str | None]) -> dict[str, int]:
    """Return the checksums there are once pieces of state are written and dropped."""
    after = dict(sums)
    for key, value in state.items():
        if value is None:
            after.pop(key, None)
        else:
            after[key] = sum_of(key, value)
    return after


def put_state(
    db: sqlite3.Connection, state: Mapping[str, str | None], sums: Mapping[str, int]
) -> None:
    """Write pieces of state with their checksums and the one over all; None drops a piece."""
    rows: list[tuple[str, str, int | None]] = [
        (key, value, sums[key]) for key, value in state.items() if value is not None
    ]
    rows.append((WHOLE, f'"{over_all(sums.values()):x}"', None))
    db.executemany(STATE_SET, rows)
    db.executemany(STATE_DROP, [(key,) for key, value in state.items() if value is None])


def broken_seals(rows: Iterable[tuple[str, str, int | None]]) -> list[str]:
    """Return in words what of (key, value, sum) rows does not fit; nothing where none is sealed."""
    pieces = {key: (value, seal) for key, value, seal in rows}
    whole = pieces.pop(WHOLE, None)
    if whole is None and all(seal is None for _, seal in pieces.values()):
        return []
    found = [
        f"state {key} is not what was written: its checksum differs"
        for key, (value, seal) in pieces.items()
        if seal != sum_of(key, value)
    ]
    sums = [seal for _, seal in pieces.values() if seal is not None]
    if not found and (whole is None or whole[0] != f'"{over_all(sums):x}"'):
        found.append("the pieces of state are not of one instant: one is older, missing or new")
    return found
