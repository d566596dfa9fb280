"""Roster of bots, discovered in the division folders."""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Mapping
from typing import Any

import msgspec
from msgspec import Struct

from divisions.bot import Bot
from divisions.lane import Stage
from divisions.search import vet_search

DIVISIONS = ("trend", "reversion", "flow", "carry", "relative")

BotClass = type[Bot[Any, Any]]


def discover() -> list[BotClass]:
    """Return every bot class, by division and then by name.

    Raises TypeError for a bot whose search space does not fit its parameters.
    """
    found: list[BotClass] = []
    for division in DIVISIONS:
        package = importlib.import_module(f"divisions.{division}")
        classes: list[BotClass] = []
        for info in pkgutil.iter_modules(package.__path__):
            module = importlib.import_module(f"{package.__name__}.{info.name}")
            for item in vars(module).values():
                if (
                    isinstance(item, type)
                    and issubclass(item, Bot)
                    and item.__module__ == module.__name__
                ):
                    vet_search(item)
                    classes.append(item)
        found.extend(sorted(classes, key=lambda cls: cls.name))
    return found


def usual_stage(cls: BotClass) -> Stage:
    """Return the stage of a bot of which the configuration says nothing."""
    return "admit" if cls.admitted_as == cls.name else "shadow"


def build(cls: BotClass, params: Mapping[str, Any]) -> Bot[Any, Any]:
    """Return a bot with its parameters, the given ones over the defaults.

    Raises ValueError naming the parameter that is unknown or out of range.
    """
    try:
        checked: Struct = msgspec.convert(dict(params), cls.params_type)
    except msgspec.ValidationError as error:
        raise ValueError(str(error)) from None
    return cls(checked)
