"""What a bot may cost, measured against a piece of plain Python on the same machine at that moment.

Absolute times belong to a machine and its load; a ratio to a fixed piece of work does not.
"""

from __future__ import annotations

from collections import defaultdict
from functools import cache
from statistics import median
from time import perf_counter_ns
from typing import Any

import pytest

from divisions.lane import Lane
from divisions.roster import BotClass, build, discover
from market.decision import ExitCall, Signal
from tests.support.lively import history, instruments, lively
from tests.support.stage import Hook, Stage

BOTS = discover()
SEED = 1
# In units of `unit`, two or three microseconds on a usual server. A bar closes once a minute at
# most.
TICK_UNITS = 2.5
BAR_UNITS = 60.0
each_bot = pytest.mark.parametrize("cls", BOTS, ids=lambda cls: cls.name)


def unit() -> None:
    """Do what a microsecond or two of a bot's life is made of: floats, a list, attributes."""
    total, ring = 0.0, [1.0] * 8
    for i in range(24):
        ring[i & 7] = total
        total += ring[(i + 3) & 7] * 0.5 + 1.0


class Clocked:
    """Times every call of every hook, and the unit between them."""

    def __init__(self) -> None:
        self.spent: dict[tuple[str, str], list[int]] = defaultdict(list)
        self.units: list[int] = []
        self._calls = 0

    def __call__(
        self, lane: Lane, hook: Hook, arguments: tuple[Any, ...]
    ) -> Signal | ExitCall | None:
        self._calls += 1
        if self._calls % 50 == 0:
            began = perf_counter_ns()
            unit()
            self.units.append(perf_counter_ns() - began)
        began = perf_counter_ns()
        action = hook(*arguments)
        self.spent[lane.name, hook.__name__].append(perf_counter_ns() - began)
        return action


@cache
def clocked() -> Clocked:
    clock = Clocked()
    stage = Stage([Lane(build(cls, {})) for cls in BOTS], instruments(), clock)
    stage.play((*history(SEED), *lively(SEED)))
    assert not stage.faults
    return clock


def costs(cls: BotClass) -> dict[str, list[float]]:
    """Return the cost of each call in units, by hook."""
    clock = clocked()
    one = median(clock.units)
    return {h: [t / one for t in s] for (name, h), s in clock.spent.items() if name == cls.name}


@each_bot
def test_an_event_costs_a_bounded_time(cls: BotClass) -> None:
    for hook, spent in costs(cls).items():
        bound = BAR_UNITS if hook == "on_bar" else TICK_UNITS
        # Half of all calls, so that neither a signal nor a neighbour on the machine is measured.
        assert median(spent) < bound, hook
        assert sorted(spent)[len(spent) * 9 // 10] < 3.0 * bound, hook


@each_bot
def test_an_event_costs_no_more_after_hours_than_in_the_beginning(cls: BotClass) -> None:
    for hook, spent in costs(cls).items():
        if hook != "on_bar":
            part = len(spent) // 4
            early, late = median(spent[part : 2 * part]), median(spent[-part:])
            assert late < 2.0 * early + 0.5, hook


def test_a_bot_that_goes_through_a_list_at_every_event_would_be_found_out() -> None:
    one = median(clocked().units)
    began = perf_counter_ns()
    for _ in range(100):
        sum(v * v for v in range(400))
    assert (perf_counter_ns() - began) / 100 / one > TICK_UNITS
