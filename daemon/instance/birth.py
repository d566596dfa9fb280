"""Birth of a database: what its configuration said then, and counts for as long as it lives."""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping

import msgspec
from msgspec import Struct

from daemon.config.sections import Config
from market.errors import GnomonError


class Born(Struct):
    """The part of a desk that never changes: its money at the start, and the placebo's seed."""

    start_e6: int
    seed: int


def unheeded(config: Config, pieces: Mapping[str, str]) -> list[str]:
    """Return, a line each, the keys that say something else than what a database was born with.

    `pieces` is its durable state; one without a desk is not born yet.
    """
    if "desk" not in pieces:
        return []
    born = msgspec.json.decode(pieces["desk"], type=Born)
    lines = []
    if born.start_e6 != round(config.desk.equity_usd * 1e6):
        lines.append(
            f"desk.equity_usd = {config.desk.equity_usd:,.2f} counts for a new database only; "
            f"this one began with {born.start_e6 / 1e6:,.2f}"
        )
    if born.seed != config.seed:
        lines.append(
            f"seed = {config.seed} counts for a new database only; the placebo of this one draws "
            f"with {born.seed}"
        )
    return lines


def unheeded_at(config: Config, db: sqlite3.Connection) -> list[str]:
    """Return the same of an open database; one that cannot be read has others say so."""
    try:
        row = db.execute("SELECT value FROM state WHERE key = 'desk'").fetchone()
        return [] if row is None else unheeded(config, {"desk": row[0]})
    except (sqlite3.Error, msgspec.MsgspecError, GnomonError):
        return []
