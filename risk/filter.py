"""Contract of a filter, and the discovery of the filters in this folder.

A new filter is one new file: a `Filter` subclass with a frozen `Settings`. It appears in the
configuration under `[gate.<name>]`, in the report and in the docs' table by itself.
"""

from __future__ import annotations

import importlib
import pkgutil
from abc import ABC, abstractmethod
from collections.abc import Iterable
from typing import ClassVar, Generic, Literal, TypeVar

from msgspec import Struct

from market.decision import Check, Mode, Proposal
from market.desk import DeskView


class NoSettings(Struct, frozen=True, forbid_unknown_fields=True):
    """Settings of filters that have nothing to set."""


# What of a signal decides a check: the market alone, the size asked for, or the desk that asks.
Reads = Literal["market", "size", "desk"]

Side = Literal["above", "below"]

S = TypeVar("S", bound=Struct)


class Filter(ABC, Generic[S]):
    """One limit. `check` must be pure: no clock, no I/O, no memory that can change an outcome.

    `asks` is the question in words. `rank` orders the filters for people. `version` changes
    whenever the same inputs could be judged differently, and is stored with every check. A `rule`
    is asked even when it is off, and may answer with a check of another mode than its own; it is
    in force on every desk and has no verdict. `reads` says what a check depends on: of the market
    it is the same for every desk that hears the signal, of the size for every desk that asks for
    as much. `rests_on` names what of the configuration beside its own settings its answers rest
    on. A check's value is in `unit`, and refused when it is on the side of the threshold that
    `blocks` names.
    """

    name: ClassVar[str]
    asks: ClassVar[str]
    unit: ClassVar[str] = ""
    blocks: ClassVar[Side] = "above"
    rank: ClassVar[int]
    version: ClassVar[int] = 1
    default_mode: ClassVar[Mode] = "enforce"
    may_enforce: ClassVar[bool] = True
    rule: ClassVar[bool] = False
    rests_on: ClassVar[tuple[str, ...]] = ()
    reads: Reads = "market"
    settings_type: ClassVar[type[Struct]] = NoSettings

    def __init__(self, settings: S, mode: Mode) -> None:
        self.settings = settings
        self.mode: Mode = mode

    @abstractmethod
    def check(self, proposal: Proposal, view: DeskView) -> Check:
        """Judge a sized proposal."""

    def breach(self, view: DeskView) -> str:
        """Return why entries must stay closed until the operator resumes; asked once a second."""
        return ""

    def passed(
        self,
        value: float | None = None,
        threshold: float | None = None,
        room_e6: int | None = None,
        *,
        reason: str = "",
    ) -> Check:
        """Return a pass, with what ought to be said of it."""
        return Check(self.name, "pass", self.mode, value, threshold, reason, room_e6)

    def failed(self, value: float | None, threshold: float | None, reason: str) -> Check:
        """Return a refusal with its reason in words."""
        return Check(self.name, "fail", self.mode, value, threshold, reason)

    def no_data(self, reason: str) -> Check:
        """Return "cannot tell", which refuses when enforced and is counted apart."""
        return Check(self.name, "no_data", self.mode, None, None, reason)


def measured(filters: Iterable[Filter[Struct]]) -> list[Filter[Struct]]:
    """Return the limits whose worth is measured: what is neither a rule nor off."""
    return [f for f in filters if not f.rule and f.mode != "off"]


def discover() -> list[type[Filter[Struct]]]:
    """Return every filter class of this folder, in rank order."""
    found: list[type[Filter[Struct]]] = []
    package = importlib.import_module("risk")
    for info in pkgutil.iter_modules(package.__path__):
        module = importlib.import_module(f"risk.{info.name}")
        for item in vars(module).values():
            if (
                isinstance(item, type)
                and issubclass(item, Filter)
                and item.__module__ == module.__name__
                and hasattr(item, "name")
            ):
                found.append(item)
    return sorted(found, key=lambda cls: (cls.rank, cls.name))


def filter_names() -> list[str]:
    """Return the filters that may be left out."""
    return [cls.name for cls in discover()]
