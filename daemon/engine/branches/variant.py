"""Variants of the desk: which limits stand in the way of a branch.

Halt, the venue's minimum and a bot's stage are rules: they are in force on every branch.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from typing import Literal

from msgspec import Struct

from risk.filter import Filter, measured

Kind = Literal[
    "nothing",  # toggles nothing: must equal the desk
    "observed",  # an enforced limit observes
    "data",  # an enforced limit lets pass what it lacks data for
    "enforced",  # what an observing limit fails is refused; what it lacks data for passes
    "open",  # no limit, every weight 1
    "direction",  # cumulative, every weight 1: the direction limit alone,
    "phase_space",  # the phase-space limit too,
    "limits",  # all of them
    "without",  # the limits somebody named observe
]
# In the order in which the orchestration score adds them up.
CUMULATIVE: tuple[Kind, ...] = ("open", "direction", "phase_space", "limits")


class Variant(Struct, frozen=True):
    """Difference from the desk. `filter` is "" where it is about no single limit.

    `ignored` are limits that stand in nobody's way, `lenient` those whose `no_data` passes,
    `added` observing ones whose failures refuse. Without `weighted` every weight is 1.
    """

    kind: Kind
    filter: str = ""
    ignored: frozenset[str] = frozenset()
    lenient: frozenset[str] = frozenset()
    added: frozenset[str] = frozenset()
    weighted: bool = True

    @property
    def name(self) -> str:
        """Return what it is called: its kind, and its limit if it has one."""
        return f"{self.kind} {self.filter}".rstrip()


def standard(filters: Iterable[Filter[Struct]]) -> list[Variant]:
    """Return the variants that follow from a desk's limits, `nothing` first."""
    limits = measured(filters)
    enforced = [f.name for f in limits if f.mode == "enforce"]
    found = [Variant("nothing")]
    for f in limits:
        if f.mode == "enforce":
            found.append(Variant("observed", f.name, ignored=frozenset({f.name})))
            found.append(Variant("data", f.name, lenient=frozenset({f.name})))
        else:
            found.append(Variant("enforced", f.name, added=frozenset({f.name})))
    kept: set[str] = set()
    for kind in CUMULATIVE:
        kept |= {kind} & set(enforced) if kind != "limits" else set(enforced)
        found.append(Variant(kind, ignored=frozenset(enforced) - kept, weighted=False))
    return found


def without(names: Collection[str]) -> list[Variant]:
    """Return the variants of a counterfactual: all the named limits observe."""
    return [Variant("nothing"), Variant("without", ignored=frozenset(names))]
