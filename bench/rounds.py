"""Rounds in which the sides take turns, and the statistics over them.

Throughput is counted in CPU seconds of the measuring thread, so that a neighbour's load does not
count; latency in wall time. Ratios are taken round by round and only then their median.
"""

from __future__ import annotations

import gc
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from statistics import median

from bench.result import Figure


def cpu_s(work: Callable[[], object]) -> float:
    """Return the CPU seconds that this thread spends on a piece of work."""
    began = time.thread_time()
    work()
    return time.thread_time() - began


def in_turns(rounds: int, sides: Mapping[str, Callable[[], float]]) -> dict[str, list[float]]:
    """Return what each side returned, round by round; every round begins with another side."""
    names = list(sides)
    found: dict[str, list[float]] = {name: [] for name in names}
    for number in range(rounds):
        first = number % len(names)
        for name in names[first:] + names[:first]:
            found[name].append(sides[name]())
    return found


def over_rounds(what: str, values: Sequence[float], unit: str = "", **goal: float | bool) -> Figure:
    """Return the median of the rounds as a figure."""
    return Figure(what, median(values), unit, rounds=tuple(values), **goal)  # type: ignore[arg-type]


def ratios(slow: Sequence[float], fast: Sequence[float]) -> list[float]:
    """Return how many times as long the slow side took, round by round."""
    return [a / b for a, b in zip(slow, fast, strict=True)]


def percentile(values: Sequence[float], share: float) -> float:
    """Return the value below which a share of all values lies."""
    ordered = sorted(values)
    return ordered[min(int(len(ordered) * share), len(ordered) - 1)]


@contextmanager
def settled_gc() -> Iterator[None]:
    """Collect, freeze and raise the thresholds as the daemon does once it is ready."""
    before = gc.get_threshold()
    gc.collect()
    gc.freeze()
    gc.set_threshold(50_000, 20, 100)
    try:
        yield
    finally:
        gc.set_threshold(*before)
        gc.unfreeze()
