"""The table of faults in docs/faults.md, made from the kinds themselves."""

from __future__ import annotations

from typing import Any, Literal, get_args, get_origin

import msgspec
from msgspec import inspect

from venue.local.faults.fault import Fault, discover

HEAD = "| fault | what it does | its own parameters |\n|---|---|---|\n"


def table() -> str:
    """Return the Markdown table of all kinds of fault, in the order of their names."""
    return HEAD + "".join(row(kind) for kind in discover().values())


def row(kind: type[Fault]) -> str:
    """Return the table's line on one kind: name, what it does, its own parameters."""
    shared = set(Fault.__struct_fields__)
    fields = [field for field in msgspec.structs.fields(kind) if field.name not in shared]
    notes = [_parameter(field) for field in fields] + ([kind.remark] if kind.remark else [])
    told = f" {', '.join(notes)} " if notes else " "
    return f"| `{kind.name}` | {kind.does} |{told}|\n"


def _parameter(field: msgspec.structs.FieldInfo) -> str:
    """Return a parameter with its default, the other values it may have, and its note."""
    default = msgspec.json.encode(field.default).decode().strip('"').removesuffix(".0")
    others = [str(one) for one in get_args(field.type) if one != field.default]
    if get_origin(field.type) is Literal:
        return f"`{field.name}` ({default}, or {', '.join(others)})"
    info = inspect.type_info(field.type)
    schema: dict[str, Any] = {}
    if isinstance(info, inspect.Metadata):
        schema = info.extra_json_schema or {}
    note = schema.get("description")
    return f"`{field.name}` ({default}; {note})" if note else f"`{field.name}` ({default})"
