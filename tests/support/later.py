"""Modules that only a few tests need and that take long to import."""

from __future__ import annotations

from importlib import import_module
from importlib.util import find_spec
from typing import Any


class Later:
    """Stands for a module, which is imported when something of it is first used.

    The loader of the standard library will not do: pytest asks each name of a test file for its
    class, and a lazy module takes that for a use.
    """

    def __init__(self, name: str) -> None:
        self._name = name

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        return getattr(import_module(self._name), name)


def later(name: str) -> Any:
    """Return a module that costs nothing at collection; raises ModuleNotFoundError at once."""
    if find_spec(name) is None:
        raise ModuleNotFoundError(name)
    return Later(name)
