"""Contract of a lens: a series of numbers in, one reading out, or the reason why not.

A lens is one file in this folder with a `LENS`. It takes the series as it stands: to difference,
scale or clip is the caller's choice. It never returns a doubtful number: where its assumptions
fail, the value is None and the first flag says why.
"""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Callable, Mapping
from functools import cache
from typing import Any

import numpy as np
from msgspec import Struct, field
from numpy.typing import NDArray

Array = NDArray[np.float64]
Number = float | int


class Reading(Struct, frozen=True):
    """Reading of a series of `n` numbers by one lens.

    `value` is its one figure, None when it abstains. `measures` holds whatever else it found,
    `params` what it was told, `flags` the reason of an abstention and remarks, in words.
    """

    lens: str
    value: float | None
    n: int
    params: dict[str, Number]
    flags: tuple[str, ...] = ()
    measures: dict[str, Any] = field(default_factory=dict)


class Abstain(Exception):
    """Abstention of a lens: no sound number can be given; the text is the reason."""


class Lens(Struct, frozen=True):
    """One lens: what it asks, its parameters with their defaults, and how it measures.

    `measure(series, **params)` returns (value, measures, flags), raising Abstain where it must
    and ValueError for parameters that make no sense. `reference`, of the same arguments, returns
    the value by the reference library, for `--check`; None where there is none.
    """

    name: str
    asks: str
    defaults: Mapping[str, Number]
    measure: Callable[..., tuple[float, dict[str, Any], tuple[str, ...]]]
    reference: Callable[..., float] | None = None

    def params(self, given: Mapping[str, Number]) -> dict[str, Number]:
        """Return the defaults with `given` over them; raises ValueError naming what is unknown."""
        unknown = sorted(set(given) - set(self.defaults))
        if unknown:
            raise ValueError(
                f"{self.name} has no parameter {unknown[0]!r}; it has "
                f"{', '.join(self.defaults) or 'none'}"
            )
        params: dict[str, Number] = {**self.defaults, **given}
        for name, default in self.defaults.items():
            if isinstance(default, int) and int(params[name]) != params[name]:
                raise ValueError(f"{name}={params[name]:g}: a whole number is needed")
            params[name] = type(default)(params[name])
        return params

    def read(self, series: Array, given: Mapping[str, Number] | None = None) -> Reading:
        """Return the reading of a series of shape (n,); raises ValueError for bad parameters."""
        params = self.params(given or {})
        values = np.ascontiguousarray(series, dtype=np.float64)
        try:
            if values.ndim != 1 or not len(values):
                raise Abstain("the series is empty")
            if not np.isfinite(values).all():
                raise Abstain("the series holds a number that is not finite")
            value, measures, flags = self.measure(values, **params)
            if not np.isfinite(value):
                raise Abstain("no finite value")
        except Abstain as why:
            return Reading(self.name, None, len(values), params, (str(why),))
        return Reading(self.name, float(value), len(values), params, flags, measures)


def enough(series: Array, least: int) -> None:
    """Abstain when the series is shorter than `least`."""
    if len(series) < least:
        raise Abstain(f"needs {least} values, got {len(series)}")


def varied(series: Array, least: int = 50) -> None:
    """Abstain when the series takes fewer than `least` distinct values.

    Ties are distances of exactly zero, which most of these methods silently drop.
    """
    distinct = len(np.unique(series))
    if distinct < least:
        raise Abstain(f"only {distinct} distinct values, needs {least}")


@cache
def discover() -> dict[str, Lens]:
    """Return every lens of this folder by name, in alphabetical order."""
    package = importlib.import_module("quant")
    found: dict[str, Lens] = {}
    for info in pkgutil.iter_modules(package.__path__):
        lens = getattr(importlib.import_module(f"quant.{info.name}"), "LENS", None)
        if isinstance(lens, Lens):
            found[lens.name] = lens
    return dict(sorted(found.items()))
