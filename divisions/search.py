"""Search spaces: what may be changed about a bot, one thing at a time.

A bot declares candidate values by parameter (`Bot.search`). They are checked against its
parameters when it is found, so that whatever is drawn later is a valid and real change.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

import msgspec
from msgspec import Struct

from divisions.bot import Bot

# Keys of a bot's section in the configuration that are not its parameters.
RESERVED = ("enabled", "stage")


class Change(NamedTuple):
    """One parameter with another value."""

    name: str
    value: float


def changes(cls: type[Bot[Any, Any]], params: Struct | None = None) -> list[Change]:
    """Return every single change from `params` (None: the defaults), in declared order.

    One that would contradict another parameter is left out.
    """
    now = cls.params_type() if params is None else params
    return [
        Change(name, value)
        for name, values in cls.search.items()
        for value in values
        if value != getattr(now, name) and _sound(now, name, value)
    ]


def _sound(params: Struct, name: str, value: float) -> bool:
    """Say whether parameters still go together with one of them changed."""
    try:
        msgspec.convert({**msgspec.to_builtins(params), name: value}, type(params))
    except msgspec.ValidationError:
        return False
    return True


def vet_search(cls: type[Bot[Any, Any]]) -> None:
    """Raise TypeError for parameters or a search space that could not be worked with."""
    for problem in _problems(cls):
        raise TypeError(f"{cls.__module__}.{cls.__name__}: {problem}")


def _problems(cls: type[Bot[Any, Any]]) -> Iterator[str]:
    names = cls.params_type.__struct_fields__
    for name in RESERVED:
        if name in names:
            yield f"{name!r} is a key of every bot and cannot be a parameter"
    for name, values in cls.search.items():
        if name not in names:
            yield f"searches {name!r}, which is no parameter"
            continue
        if len(set(values)) != len(values):
            yield f"search of {name!r} names a value twice"
        for value in values:
            try:
                msgspec.convert({name: value}, cls.params_type)
            except msgspec.ValidationError as error:
                yield f"search of {name!r}: {error}"
        if all(value == getattr(cls.params_type(), name) for value in values):
            yield f"search of {name!r} holds no change"
