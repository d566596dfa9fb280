"""Signals of made-up desks: many histories at once, one flat array a trait.

What makes honest intervals hard is in them: entries that come in clusters, a factor shared by all
trades of a third of a day, quiet weekends, wild spells, days on which the desk did not run, bots
that differ, and on demand means that drift, holds over days and events that set off many bots.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from research.calibration.returns import LAWS

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Bools = NDArray[np.bool_]

FACTOR_SD = 0.35
MONDAY_R = 0.05
WILD_SHARE, WILD_STAYS = 0.15, 0.5
WEEKEND = 0.5
COINS = 5
WIDE_SHARE = 0.25
LONG_SHARE, LONG_HOLDS = 0.30, 3.0
EVENT_SD, EVENT_SIZE = 0.6, 11


@dataclass(frozen=True)
class World:
    """Traits of a desk. All means and spreads are in R, all times in days.

    `correlation` is what a third of a day shares with the same third of the next. `wild_scale`
    widens the R of wild days, `wide_scale` that of a quarter of the trades. `hold_days` 0 closes
    every trade on its day. `common_sd` and `bot_regime_sd` are of means that jump after
    `regime_days`; `decay` lets every bot's mean fall from +decay to −decay. With `events` one cause
    makes up to 11 signals. Of `joint` limits all are enforced at once; `slots` limit what can be
    open. `limits` names the set of limits (`research/calibration/limits.py`).
    """

    name: str
    signals_a_day: float = 9.6
    days: int = 365
    bots: int = 12
    divisions: int = 3
    law: str = "normal"
    correlation: float = 0.0
    wild_scale: float = 1.8
    wide_scale: float = 1.0
    desk_r: float = 0.0
    bots_r: float = 0.2
    hold_days: float = 0.0
    common_sd: float = 0.0
    bot_regime_sd: float = 0.0
    regime_days: tuple[int, int] = (20, 60)
    decay: float = 0.0
    coins_r: float = 0.0
    events: bool = False
    missing: float = 0.03
    joint: bool = False
    slots: int = 0
    limits: str = "plain"

    @property
    def division(self) -> Ints:
        """Number of each bot's division."""
        return np.arange(self.bots) * self.divisions // self.bots

    @property
    def bot_means(self) -> Floats:
        """Mean R of each bot, dealt so that no division is the better one."""
        spread = np.linspace(-self.bots_r, self.bots_r, self.bots)
        return spread[_dealt(self.bots, 7)]


@dataclass(frozen=True)
class Signals:
    """Signals in order of history and time; all arrays but `run`, `wild` are flat.

    `mean` is the part of `r` that was settled beforehand. `run` and `wild` are (days, histories).
    """

    history: Ints
    day: Ints
    time: Floats
    bot: Ints
    coin: Ints
    wide: Bools
    long: Bools
    mean: Floats
    r: Floats
    close: Ints
    run: Bools
    wild: Bools

    @property
    def third(self) -> Ints:
        """Third of the day, counted from the first day."""
        return self.day * 3 + (self.time * 3.0).astype(np.int64)


def draw(world: World, histories: int, rng: np.random.Generator) -> Signals:
    """Draw the signals of so many histories."""
    run = rng.random((world.days, histories)) >= world.missing
    wild = wild_days(world, histories, rng)
    history, day, bot, time, shock = entries(world, run, rng)
    n = len(history)
    coin = rng.integers(COINS, size=n)
    wide = rng.random(n) < WIDE_SHARE
    long = rng.random(n) < LONG_SHARE
    mean = means(world, histories, rng)[history, day, bot]
    mean += world.coins_r * (coin - (COINS - 1) / 2) / ((COINS - 1) / 2)
    factor = common_factor(world, histories, rng)
    third = day * 3 + (time * 3.0).astype(np.int64)
    scale = np.where(wild[day, history], world.wild_scale, 1.0)
    if world.wide_scale > 1.0:
        usual = np.sqrt(1.0 + (world.wide_scale**2 - 1.0) * WIDE_SHARE)
        scale = scale * np.where(wide, world.wide_scale, 1.0) / usual
    noise = LAWS[world.law](rng, n) + FACTOR_SD * factor[third, history] + shock
    r = mean + scale * noise
    hold = np.zeros(n)
    if world.hold_days:
        hold = np.exp(0.5 + 1.1 * rng.standard_normal(n)) * world.hold_days / 3.0
        hold = hold * np.where(noise < 0.0, 0.7, 1.3) * np.where(long, LONG_HOLDS, 1.0) / 1.5
    close = day + (time * (hold > 0.0) + hold).astype(np.int64)
    return Signals(history, day, time, bot, coin, wide, long, mean, r, close, run, wild)


def _dealt(n: int, stride: int) -> Ints:
    """Return 0 … n − 1 in an order that favours neither end."""
    return np.argsort(np.arange(n) * stride % n, kind="stable")


def entries(
    world: World, run: Bools, rng: np.random.Generator
) -> tuple[Ints, Ints, Ints, Floats, Floats]:
    """Return history, day, bot, time of day and shared shock of every signal, in order of time."""
    days, histories = run.shape
    weekday = np.where(np.arange(days) % 7 >= 5, WEEKEND, 1.0) * 7.0 / (5.0 + 2.0 * WEEKEND)
    busy = rng.gamma(4.0, 0.25, (histories, days)) * weekday * run.T
    weights = np.linspace(0.4, 1.6, world.bots)[_dealt(world.bots, 5)]
    weights /= weights.sum()
    if world.events:
        size_mean = 1.0 + (EVENT_SIZE - 1) * 0.2
        events = rng.poisson(world.signals_a_day / size_mean * busy)
        at = np.repeat(np.arange(histories * days), events.ravel())
        sizes = 1 + rng.binomial(EVENT_SIZE - 1, 0.2, len(at))
        at, time, shock = (
            np.repeat(x, sizes)
            for x in (at, rng.random(len(at)), EVENT_SD * rng.standard_normal(len(at)))
        )
        bot = rng.choice(world.bots, size=len(at), p=weights)
    else:
        rate = world.signals_a_day * weights * busy[..., None]
        counts = rng.poisson(rate * rng.gamma(2.0, 0.5, rate.shape))
        cell = np.repeat(np.arange(counts.size), counts.ravel())
        at, bot = np.divmod(cell, world.bots)
        time, shock = rng.random(len(at)), np.zeros(len(at))
    order = np.argsort(at + time, kind="stable")
    at, bot, time, shock = at[order], bot[order], time[order], shock[order]
    history, day = np.divmod(at, days)
    return history, day, bot, time, shock


def means(world: World, histories: int, rng: np.random.Generator) -> Floats:
    """Return the mean R of each history, day and bot."""
    days = np.arange(world.days)
    found = world.desk_r + np.where(days % 7 == 0, MONDAY_R, 0.0)[:, None] + world.bot_means
    found = np.broadcast_to(found, (histories, world.days, world.bots)).copy()
    if world.common_sd:
        found += world.common_sd * regimes(world, histories, rng)[..., None]
    if world.bot_regime_sd:
        own = regimes(world, histories * world.bots, rng)
        found += world.bot_regime_sd * own.reshape(histories, world.bots, -1).swapaxes(1, 2)
    if world.decay:
        found += world.decay * (1.0 - 2.0 * days / (world.days - 1))[:, None]
    return found


def regimes(world: World, paths: int, rng: np.random.Generator) -> Floats:
    """Return levels (paths, days) of standard deviation 1 that jump from time to time."""
    low, high = world.regime_days
    number = lasting(world.days, paths, low, high, rng)
    levels = rng.standard_normal((paths, int(number.max()) + 1))
    return np.take_along_axis(levels, number, axis=1)


def lasting(days: int, paths: int, low: int, high: int, rng: np.random.Generator) -> Ints:
    """Return the number of the spell (paths, days) in which each day lies; all begin amid one."""
    lengths = rng.integers(low, high + 1, (paths, days // low + 2))
    lengths[:, 0] = np.ceil(lengths[:, 0] * rng.random(paths))
    ends = np.cumsum(lengths, axis=1)
    starts = np.zeros((paths, days + 1), dtype=np.int64)
    np.add.at(starts, (np.arange(paths)[:, None], np.minimum(ends, days)), 1)
    return np.cumsum(starts[:, :days], axis=1)


def common_factor(world: World, histories: int, rng: np.random.Generator) -> Floats:
    """Return the factor of each third of a day (thirds, histories), standard deviation 1."""
    shocks = rng.standard_normal((world.days, 3, histories))
    rho = world.correlation
    if rho:
        for day in range(1, world.days):
            shocks[day] = rho * shocks[day - 1] + np.sqrt(1.0 - rho * rho) * shocks[day]
    return shocks.reshape(world.days * 3, histories)


def wild_days(world: World, histories: int, rng: np.random.Generator) -> Bools:
    """Return which days are wild (days, histories): spells of two days on average."""
    enter = WILD_SHARE * (1.0 - WILD_STAYS) / (1.0 - WILD_SHARE)
    draws = rng.random((world.days, histories))
    found = np.zeros((world.days, histories), dtype=np.bool_)
    found[0] = draws[0] < WILD_SHARE
    for day in range(1, world.days):
        found[day] = draws[day] < np.where(found[day - 1], WILD_STAYS, enter)
    return found
