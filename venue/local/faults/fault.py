"""The contract of a fault, and the discovery of its kinds.

A new fault is one new file in a room of `kinds`: a frozen `Fault` whose fields are its parameters,
units in their names. It can be named in a plan and is drawn by chance by itself; `make docs` lists
it in docs/faults.md. Faults are pure: the time, the memory and the dice are handed to them, so a
seed and a plan say it all.
"""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Callable
from typing import Annotated, Any, ClassVar

from msgspec import Meta, Struct

from venue.local.faults.asked import Asked, Reply
from venue.local.faults.outgoing import Outgoing
from venue.local.market.contract import LocalMarket, Row

Seconds = Annotated[float, Meta(ge=0.0, le=1e9)]
Share = Annotated[float, Meta(ge=0.0, le=1.0)]
Milliseconds = Annotated[int, Meta(ge=0, le=1_000_000_000)]


def described(text: str) -> Meta:
    """Return the note on a parameter that the docs show beside its default."""
    return Meta(description=text)


class Moment(Struct, frozen=True):
    """The moment of a hit: ms since the start, the window, the memory of this client, a draw.

    `draw` is a number in [0, 1) of this frame or request alone; `memory` is the fault's own, one
    for each client (for requests: one for all).
    """

    now_ms: int
    begin_ms: int
    end_ms: int
    memory: dict[Any, Any]
    draw: float


class Fault(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A fault, from `at_s` after the start for `for_s` seconds.

    It hits each frame or request that it concerns with probability `share`. `coin`, `channel`,
    `request` (the type of a question or action) and `client` (1 for the first connection) narrow
    it down; without them it concerns everything its kind can spoil.
    """

    name: ClassVar[str]
    does: ClassVar[str]
    # What the docs add to its parameters, whose own notes are `described` beside their types.
    remark: ClassVar[str] = ""
    # What it can spoil where the plan does not say; empty: everything.
    channels: ClassVar[frozenset[str]] = frozenset()
    requests: ClassVar[frozenset[str]] = frozenset()
    spoils_answers: ClassVar[bool] = False
    # Faults that need a target, or do not end by themselves, are not drawn by chance.
    by_chance: ClassVar[bool] = True

    at_s: Seconds = 0.0
    for_s: Seconds = 5.0
    share: Share = 1.0
    coin: str = ""
    channel: str = ""
    request: str = ""
    client: int = 0

    def concerns(self, frame: Outgoing) -> bool:
        """Say whether the fault can spoil a frame."""
        if frame.is_answer and not self.spoils_answers:
            return False
        if self.coin and frame.coin != self.coin:
            return False
        if self.channel:
            return frame.channel == self.channel
        return not self.channels or frame.channel in self.channels

    def is_about(self, asked: Asked) -> bool:
        """Say whether the fault can spoil a request."""
        if self.coin and asked.coin != self.coin:
            return False
        if self.request:
            return asked.kind == self.request
        return not self.requests or bool(self.requests & {asked.kind, asked.path})

    def frames(self, frame: Outgoing, moment: Moment) -> list[Outgoing]:
        """Return what is sent instead of a frame."""
        return [frame]

    def breaks(self) -> int | None:
        """Return the close code with which connections end as the fault begins, None: they stay.

        1006 ends them without a word.
        """
        return None

    def lifetime_ms(self) -> int | None:
        """Return how long a connection made while the fault is on lasts, None: it stays."""
        return None

    def freezes(self) -> bool:
        """Say whether the fault leaves connections open that neither speak nor listen."""
        return False

    def before(self, asked: Asked, moment: Moment) -> Reply | None:
        """Return the reply to a request that never gets as far as the venue, None if it does."""
        return None

    def after(self, asked: Asked, reply: Reply, moment: Moment) -> Reply:
        """Return what becomes of the venue's reply."""
        return reply

    def act(self, action: Row, do: Callable[[Row], Row], moment: Moment) -> Row:
        """Return the reply to an action that the gate let through; `do` has it done."""
        return do(action)

    def delists(self) -> str:
        """Return the coin that the exchange takes off its list as the fault begins, "" for none."""
        return ""

    def around(self, market: LocalMarket, now_ms: Callable[[], int]) -> LocalMarket:
        """Return the market as it is under the fault; `now_ms` counts from the start."""
        return market

    @property
    def begin_ms(self) -> int:
        """Return when the fault begins, ms after the start."""
        return round(self.at_s * 1000.0)

    @property
    def end_ms(self) -> int:
        """Return when the fault is over, ms after the start."""
        return round((self.at_s + self.for_s) * 1000.0)


def spoils(kind: type[Fault], hook: str) -> bool:
    """Say whether a kind of fault has its own version of a hook."""
    return getattr(kind, hook) is not getattr(Fault, hook)


def discover() -> dict[str, type[Fault]]:
    """Return every kind of fault in the rooms of `kinds` by name, in the order of the names."""
    found: dict[str, type[Fault]] = {}
    package = importlib.import_module("venue.local.faults.kinds")
    for info in pkgutil.walk_packages(package.__path__, f"{package.__name__}."):
        module = importlib.import_module(info.name)
        for item in vars(module).values():
            if (
                isinstance(item, type)
                and issubclass(item, Fault)
                and item.__module__ == module.__name__
                and hasattr(item, "name")
            ):
                found[item.name] = item
    return dict(sorted(found.items()))
