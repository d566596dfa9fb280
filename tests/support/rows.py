"""Cells of rows by the names of their columns."""

from __future__ import annotations

from typing import Any

from msgspec.structs import asdict

from shadow.store.tables.row import Row


def cells(row: Row, names: str) -> tuple[Any, ...]:
    """Return the cells of some columns, their names separated by blanks."""
    return tuple(getattr(row, name) for name in names.split())


def without(row: Row, *names: str) -> dict[str, Any]:
    """Return all cells by column, but those of some."""
    return {name: cell for name, cell in asdict(row).items() if name not in names}
