"""The markets that the bots of the contract are shown, each played once for all of them."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache, partial
from typing import Any

import numpy as np

from divisions.lane import Lane
from divisions.roster import BotClass, build
from market.events import Candles, Event
from tests.support.controls import fair
from tests.support.lively import history, instruments, lively, rough
from tests.support.stage import Heard, Stage
from tests.support.synthetic import Market

# All bots that are shown a market together.
Bots = tuple[BotClass, ...]

SEED, OTHER_SEED = 1, 2
VARIANTS = ("usual", "low", "high")
# Minutes until the bot with the longest bars speaks, told as bars, and half a day that is played.
PLAYED = 720
MINUTES = {"usual": 2 * 1440 + 720, "low": 2 * 1440 + 720, "high": 4 * 1440}
# What every bot owes, by part and name: a check takes all bots, one of them, and its own case. A
# part is what one process goes through, so that its markets are played once.
Check = Callable[..., None]
PARTS: dict[str, dict[str, Check]] = {}


def part(name: str, *cases: tuple[Any, ...]) -> Callable[[Check], Check]:
    """Enter a check under its part, once for each of its cases."""

    def enter(check: Check) -> Check:
        for case in cases or ((),):
            label = " ".join([check.__name__, *map(repr, case)])
            PARTS.setdefault(name, {})[label] = partial(given, check, case)
        return check

    return enter


def given(check: Check, case: tuple[Any, ...], bots: Bots, cls: BotClass) -> None:
    check(bots, cls, *case)


def lanes(bots: Bots, variant: str = "usual") -> list[Lane]:
    """Return a lane of every bot; low and high take the ends of each bot's search space."""
    pick = {"low": min, "high": max}.get(variant)
    out = []
    for cls in bots:
        params = {name: pick(values) for name, values in cls.search.items()} if pick else {}
        out.append(Lane(build(cls, params)))
    return out


def warm(seed: int = SEED) -> tuple[Event, ...]:
    return (*history(seed), *lively(seed))


def cut_ns() -> int:
    """Return a moment when most has been seen and much is to come."""
    events = lively(SEED)
    return events[len(events) * 2 // 3].recv_ns


def assert_sound(bots: Bots, stage: Stage, cls: BotClass) -> None:
    number = bots.index(cls)
    assert number not in stage.faults, stage.faults.get(number)


def plain(heard: list[Heard]) -> list[Any]:
    """Return actions as comparable data: a NaN or a changed digit shows."""
    return [(h.now_ns, h.coin, type(h.action).__name__, repr(h.action)) for h in heard]


@cache
def reference(bots: Bots) -> Stage:
    """Return the stage after all bots have seen two lively hours, history first."""
    return Stage(lanes(bots), instruments()).play(warm())


@cache
def cold(bots: Bots) -> Stage:
    return Stage(lanes(bots), instruments()).play(lively(SEED))


@cache
def spoiled_then_real(bots: Bots) -> tuple[Stage, Stage]:
    same = [lane.bot for lane in lanes(bots)]
    kept = [event for event in warm() if event.recv_ns < cut_ns()]
    garbage = [event for event in rough(OTHER_SEED) if event.recv_ns >= cut_ns()]
    spoiled = Stage([Lane(bot) for bot in same], instruments()).play([*kept, *garbage])
    after = Stage([Lane(bot) for bot in same], instruments()).play(warm())
    return spoiled, after


@cache
def taken_up(bots: Bots) -> Stage:
    stage = Stage(lanes(bots), instruments())
    events = warm()
    for n, event in enumerate(events):
        stage.step(event)
        if n % (len(events) // 7) == 1_000:
            stage.take_up(stage.written(), lanes(bots))
    return stage


@cache
def bad_day(bots: Bots, variant: str, with_history: bool) -> Stage:
    events: list[Event] = [
        event for event in rough(SEED) if with_history or not isinstance(event, Candles)
    ]
    return Stage(lanes(bots, variant), instruments()).play(events)


@cache
def at_the_end(bots: Bots, variant: str) -> Stage:
    return Stage(lanes(bots, variant), instruments()).play(warm())


@cache
def dead(bots: Bots) -> Stage:
    market = Market(np.zeros((4, MINUTES["usual"])), 60.0)
    return Stage(lanes(bots), market.instruments()).play(market.told_later(PLAYED))


@cache
def one_sided(bots: Bots, variant: str) -> Stage:
    """Return days of nothing but buyers, a climb of 5 % a day and asks that vanish."""
    ticks = MINUTES[variant]
    climb = np.cumsum(np.full((4, ticks), 0.05 / 1440), axis=1)
    ones = np.ones((4, ticks))
    fading = np.maximum(1.0 - np.arange(ticks) / ticks, 1e-9) * ones
    market = Market(
        climb, 60.0, bids=10.0 * ones, asks=fading, buys=ones,
        funding=2e-4 * ones, interest=1e6 * fading, premium=1e-3 * ones,
    )  # fmt: skip
    return Stage(lanes(bots, variant), market.instruments()).play(market.told_later(PLAYED))


@cache
def restless(bots: Bots, price: float, size: float) -> Stage:
    market = fair(hours=56.0, step_s=60.0)
    market.price, market.size = 128.0 * price, size
    return Stage(lanes(bots), market.instruments()).play(market.told_later(PLAYED))
