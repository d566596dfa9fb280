"""Small markets in which an idea is true, what they are made of, and one in which none is.

Each bot's own test shows the market of its idea. Fixed seeds; each market holds the effect and
enough noise to have its bounds work; how strong the effect is says nothing about real markets.
"""

from __future__ import annotations

import numpy as np

from divisions.lane import Lane
from divisions.roster import BotClass, build, discover
from tests.support.arena import Arena, luck
from tests.support.synthetic import Array, Market

MINUTE = 60.0
Generator = np.random.Generator
# Five percent over the whole roster.
LEVEL = 0.05 / len(discover())


def play(market: Market, *lanes: Lane) -> Arena:
    """Return what the lanes have done for themselves once the market is over."""
    return Arena(lanes, market.instruments()).play(market.events())


def assert_earns(cls: BotClass, market: Market) -> None:
    """Hold a bot to its idea: after fees it earns there, by more than luck."""
    arena = play(market, Lane(build(cls, {})))
    assert not arena.faults
    closed = arena.closed[0]
    assert len(closed) >= 10
    assert sum(c.net for c in closed) / len(closed) > 5e-4
    assert luck(closed) < LEVEL


def regimes(rng: Generator, rows: int, ticks: int, length: int, drift: float) -> Array:
    """Return drifts a tick that keep a sign for about `length` ticks, a coin at a time."""
    out = np.zeros((rows, ticks))
    for row in out:
        at, sign = 0, float(rng.choice([-1.0, 1.0]))
        while at < ticks:
            stay = int(length * rng.uniform(0.7, 1.3))
            row[at : at + stay] = sign * drift
            at, sign = at + stay, -sign
    return out


def noise(rng: Generator, rows: int, ticks: int, deviation: float) -> Array:
    """Return independent returns."""
    return np.asarray(rng.normal(0.0, deviation, (rows, ticks)))


def pulled(rng: Generator, rows: int, ticks: int, half_life: float, deviation: float) -> Array:
    """Return an Ornstein-Uhlenbeck level of that half-life and stationary deviation."""
    keep = 0.5 ** (1.0 / half_life)
    shocks = noise(rng, rows, ticks, deviation * np.sqrt(1.0 - keep * keep))
    level = np.zeros((rows, ticks))
    for k in range(1, ticks):
        level[:, k] = keep * level[:, k - 1] + shocks[:, k]
    return level


def episodes(rng: Generator, rows: int, ticks: int, every: int) -> list[tuple[int, int, float]]:
    """Return (coin, tick, sign) of events about `every` ticks apart, coins out of step."""
    found = []
    for i in range(rows):
        at = every // 2 + int(rng.integers(0, every // 2))
        while at < ticks - every:
            found.append((i, at, float(rng.choice([-1.0, 1.0]))))
            at += int(every * rng.uniform(0.8, 1.2))
    return found


def trending(
    seed: int, *, hours: float, length_h: float, drift: float, sd: float = 3e-4, rows: int = 2
) -> Market:
    """Return coins whose drift a minute lasts."""
    rng = np.random.default_rng(seed)
    ticks = int(hours * 60)
    steps = regimes(rng, rows, ticks, int(length_h * 60), drift) + noise(rng, rows, ticks, sd)
    return Market(np.cumsum(steps, axis=1), MINUTE)


def reverting(seed: int, *, hours: float, half_life_m: float, sd: float, rows: int = 2) -> Market:
    """Return coins that come back to a level."""
    rng = np.random.default_rng(seed)
    return Market(pulled(rng, rows, int(hours * 60), half_life_m, sd), MINUTE)


def pressed(kind: str, seed: int) -> Market:
    """Return seconds in which something in book or trades foretells a move of 60 bps."""
    rng = np.random.default_rng(seed)
    rows, ticks = 2, 9_000
    steps = noise(rng, rows, ticks, 2e-5)
    bids, asks = (rng.lognormal(0.0, 0.1, (rows, ticks)) for _ in range(2))
    prints, buys = np.asarray(rng.poisson(1.0, (rows, ticks))), np.full((rows, ticks), 0.5)
    volume = np.ones((rows, ticks))
    for i, at, sign in episodes(rng, rows, ticks, 400):
        lead = slice(at, at + 25)
        after = slice(at + 20, at + 140)
        steps[i, after] += sign * 0.006 / 120
        if kind == "queue":
            # The queue grows while it presses, and thins out slowly once it is done.
            queue = np.concatenate([np.arange(25.0), np.full(115, 24.0), np.arange(24.0, 0, -0.15)])
            (bids if sign > 0 else asks)[i, at : at + len(queue)] += 2.0 * queue
        elif kind == "lean":
            (bids if sign > 0 else asks)[i, at : at + 60] *= 6.0
            steps[i, at : at + 20] += sign * 2e-5
        elif kind == "aggression":
            buys[i, lead] = 0.5 + 0.5 * sign
            prints[i, lead], volume[i, lead] = 2, 4.0
        elif kind == "absorbed":
            buys[i, lead] = 0.5 - 0.5 * sign
            prints[i, lead], volume[i, lead] = 2, 6.0
        else:
            prints[i, lead] = 6
            steps[i, lead] += sign * 2e-4
    return Market(
        np.cumsum(steps, axis=1),
        1.0,
        bids=bids,
        asks=asks,
        prints=prints,
        buys=buys,
        volume=volume,
        contexts=False,
    )


def straying(seed: int, back: int) -> Market:
    """Return six coins on one market, each of which strays by 2.5 % and comes back."""
    rng = np.random.default_rng(seed)
    ticks = 6 * 1440
    own = noise(rng, 6, ticks, 1.5e-4)
    for i, at, sign in episodes(rng, 6, ticks, 480):
        own[i, at : at + 15] += sign * 0.025 / 15
        own[i, at + 20 : at + 20 + back] -= sign * 0.022 / back
    return Market(np.cumsum(noise(rng, 1, ticks, 4e-4) + own, axis=1), MINUTE)


def fair(seed: int = 200, *, hours: float = 108.0, step_s: float = 30.0) -> Market:
    """Return five coins in which nothing foretells anything, whatever a bot looks at."""
    rng = np.random.default_rng(seed)
    rows, ticks = 5, int(hours * 3_600 / step_s)
    # Volatility is clustered, half of it shared, and has fat tails.
    calm = np.exp(pulled(rng, 1, ticks, 2_000.0, 0.5) - 0.25)
    deviation = 4e-4 * calm
    shared, own = (rng.standard_t(4.0, (n, ticks)) / 2.0 for n in (1, rows))
    # Levels are a martingale, not logs: a mean of nothing must be nothing for a long and a short.
    path = np.cumsum(np.log1p(deviation * (shared + own)), axis=1)
    return Market(
        path,
        step_s,
        bids=rng.lognormal(0.0, 0.6, (rows, ticks)),
        asks=rng.lognormal(0.0, 0.6, (rows, ticks)),
        prints=np.asarray(rng.poisson(1.2 * np.exp(pulled(rng, rows, ticks, 3.0, 1.4)))),
        buys=np.clip(0.5 + pulled(rng, rows, ticks, 10.0, 0.4), 0.0, 1.0),
        volume=rng.lognormal(0.0, 0.7, (rows, ticks)),
        funding=1.25e-5 + pulled(rng, rows, ticks, 300.0, 3e-5),
        interest=1e6 * np.exp(pulled(rng, rows, ticks, 200.0, 0.05)),
        premium=pulled(rng, rows, ticks, 30.0, 5e-4),
    )
