"""Table of the measurements, in the order in which they run."""

from __future__ import annotations

from collections.abc import Callable

from bench import (
    admission,
    bots,
    branches,
    decode,
    deltas,
    header,
    hot_engine,
    lens_close,
    lenses,
    loopback,
    marking,
    matching,
    replay,
    soak,
    store,
    world,
)
from bench.result import Result

MEASUREMENTS: dict[str, Callable[[int], Result]] = {
    "decode": decode.measure,
    "deltas": deltas.measure,
    "engine": hot_engine.measure,
    "admission": admission.measure,
    "bots": bots.measure,
    "marking": marking.measure,
    "matching": matching.measure,
    "replay": replay.measure,
    "branches": branches.measure,
    "store": store.measure,
    "header": header.measure,
    "world": world.measure,
    "loopback": loopback.measure,
    "soak": soak.measure,
    # Last, for what they import stays in this process.
    "lenses": lenses.measure,
    "lens-close": lens_close.measure,
}
