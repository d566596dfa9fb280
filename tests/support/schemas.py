"""Reading JSON schemas."""

from __future__ import annotations

from typing import Any


def keys_of(schema: Any) -> set[str]:
    """Return the name of every property in a schema, however deep."""
    found: set[str] = set()
    if isinstance(schema, dict):
        found |= set(schema.get("properties", {}))
        for value in schema.values():
            found |= keys_of(value)
    elif isinstance(schema, list):
        for value in schema:
            found |= keys_of(value)
    return found
