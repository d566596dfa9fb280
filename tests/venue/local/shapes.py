"""How alike are our messages and recorded ones? Names, order of names, JSON types, decimal text.

A shape is learned from any number of examples: which names an object always has, which only
sometimes, in what order they come, and what kinds of values stand where.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any

# Decimal text as the venue writes it: no exponent, no zeros to spare, at least one decimal.
_DECIMAL = re.compile(r"-?(0|[1-9]\d*)\.(\d|\d*[1-9])")
_NUMERIC = re.compile(r"-?\d+(\.\d*)?([eE][-+]?\d+)?")
_HEX = re.compile(r"0x[0-9a-fA-F]*")
DECIMAL, LOOSE, HEX, TEXT = "decimal text", "loose number in text", "hex text", "text"


@dataclass
class Shape:
    """What was seen in one place of many messages."""

    kinds: set[str] = field(default_factory=set)
    fields: dict[str, Shape] = field(default_factory=dict)
    seen: int = 0
    counts: dict[str, int] = field(default_factory=dict)
    orders: set[tuple[str, ...]] = field(default_factory=set)
    element: Shape | None = None

    def learn(self, value: Any) -> Shape:
        """Take in one more example."""
        self.kinds.add(kind_of(value))
        if isinstance(value, dict):
            self.seen += 1
            self.orders.add(tuple(value))
            for name, inner in value.items():
                self.counts[name] = self.counts.get(name, 0) + 1
                self.fields.setdefault(name, Shape()).learn(inner)
        elif isinstance(value, list):
            self.element = self.element or Shape()
            for inner in value:
                self.element.learn(inner)
        return self

    def always(self) -> set[str]:
        """Return the names that every example had."""
        return {name for name, count in self.counts.items() if count == self.seen}


def kind_of(value: Any) -> str:
    if isinstance(value, str):
        if _DECIMAL.fullmatch(value):
            return DECIMAL
        if _NUMERIC.fullmatch(value):
            return LOOSE
        return HEX if _HEX.fullmatch(value) else TEXT
    return {dict: "object", list: "array", type(None): "null"}.get(
        type(value), type(value).__name__
    )


def differences(
    ours: Shape,
    theirs: Shape,
    *,
    more: frozenset[str] = frozenset(),
    nullable: frozenset[str] = frozenset(),
    filled: Mapping[str, str] = MappingProxyType({}),
    ordered: bool = True,
    where: str = "",
) -> list[str]:
    """Say in words what in ours is unlike what was recorded.

    `more` are names that the documentation adds to what was recorded, `nullable` those that it
    lets be null; either is a path such as "ctx.midPx". `filled` are kinds it names where only null
    was recorded. Without `ordered` the order of names is
    left out, for recordings that sorted them.
    """
    found = []
    strange = ours.kinds - theirs.kinds - ({"null"} if where in nullable else set())
    strange.discard(filled.get(where, ""))
    if strange:
        found.append(f"{where or 'it'}: {sorted(strange)}, recorded {sorted(theirs.kinds)}")
    if "object" in ours.kinds & theirs.kinds:
        found += _names(ours, theirs, more, ordered, where)
        for name in ours.fields.keys() & theirs.fields.keys():
            found += differences(
                ours.fields[name],
                theirs.fields[name],
                more=more,
                nullable=nullable,
                filled=filled,
                ordered=ordered,
                where=f"{where}.{name}".lstrip("."),
            )
    if ours.element and theirs.element and theirs.element.kinds:
        found += differences(
            ours.element,
            theirs.element,
            more=more,
            nullable=nullable,
            filled=filled,
            ordered=ordered,
            where=where,
        )
    return found


def _names(
    ours: Shape, theirs: Shape, more: frozenset[str], ordered: bool, where: str
) -> list[str]:
    found = []
    added = {path.rsplit(".", 1)[-1] for path in more if path.rpartition(".")[0] == where}
    missing = theirs.always() - ours.always() - added
    if missing:
        found.append(f"{where or 'it'}: lacks {sorted(missing)}")
    extra = set(ours.fields) - set(theirs.fields) - added
    if extra:
        found.append(f"{where or 'it'}: has {sorted(extra)} on top")
    if ordered:
        pairs = {pair for names in theirs.orders for pair in _pairs(names)}
        for names in ours.orders:
            turned = [(a, b) for a, b in _pairs(names) if (b, a) in pairs and (a, b) not in pairs]
            if turned:
                found.append(f"{where or 'it'}: order of {turned[0]}, recorded the other way")
                break
    return found


def _pairs(names: tuple[str, ...]) -> list[tuple[str, str]]:
    return [(a, b) for i, a in enumerate(names) for b in names[i + 1 :]]
