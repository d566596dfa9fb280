"""Reading JSON schemas, and holding JSON against them."""

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


def faults(schema: Any, value: Any, parts: dict[str, Any], at: str = "$") -> list[str]:
    """Return what in a value is not as its schema says; a key it does not name is a fault."""
    if "$ref" in schema:
        return faults(parts[schema["$ref"].removeprefix("#/$defs/")], value, parts, at)
    if "anyOf" in schema:
        tried = [faults(each, value, parts, at) for each in schema["anyOf"]]
        return min(tried, key=len)
    kind = schema.get("type")
    if kind is not None and not _is(kind, value):
        return [f"{at}: {value!r} is no {kind}"]
    if kind == "array":
        if "prefixItems" in schema:
            each = zip(schema["prefixItems"], value, strict=True)
        else:
            each = ((schema["items"], item) for item in value)
        return [f for i, (s, v) in enumerate(each) for f in faults(s, v, parts, f"{at}[{i}]")]
    if kind != "object":
        return []
    known, rest = schema.get("properties", {}), schema.get("additionalProperties")
    found = [f"{at}.{key} is missing" for key in schema.get("required", ()) if key not in value]
    for key, item in value.items():
        if key in known or isinstance(rest, dict):
            found += faults(known.get(key, rest), item, parts, f"{at}.{key}")
        elif rest is None and known:
            found.append(f"{at}.{key} is in no schema")
    return found


KINDS: dict[str, tuple[type, ...]] = {
    "object": (dict,), "array": (list,), "string": (str,), "number": (int, float),
    "integer": (int,), "boolean": (bool,), "null": (type(None),),
}  # fmt: skip


def _is(kind: str | list[str], value: Any) -> bool:
    if isinstance(kind, list):
        return any(_is(each, value) for each in kind)
    return isinstance(value, KINDS[kind]) and (kind == "boolean" or not isinstance(value, bool))
