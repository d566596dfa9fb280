"""For each bot a small market in which its idea is true, and one market in which none is.

Fixed seeds. Each market holds the effect and enough noise to have its bounds work; how strong the
effect is says nothing about real markets.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import numpy as np

from tests.support.synthetic import Array, Market

MINUTE = 60.0
Generator = np.random.Generator


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


def dips() -> Market:
    """Return trends of days with a swing of an hour around them."""
    rng = np.random.default_rng(103)
    ticks = 6 * 1440
    drift = np.cumsum(regimes(rng, 2, ticks, 2880, 5e-5), axis=1)
    swing = 0.006 * np.sin(2 * np.pi * np.arange(ticks) / 90.0)
    return Market(drift + swing + pulled(rng, 2, ticks, 5.0, 5e-4), MINUTE)


def squeezes() -> Market:
    """Return lively days with quiet stretches, each of which ends in a move."""
    rng = np.random.default_rng(104)
    ticks = 10 * 1440
    steps = noise(rng, 2, ticks, 5e-4)
    for i, at, sign in episodes(rng, 2, ticks, 720):
        steps[i, at - 120 : at] *= 0.2
        steps[i, at : at + 60] += sign * 4e-4
    return Market(np.cumsum(steps, axis=1), MINUTE)


def shocks() -> Market:
    """Return minutes of one percent on much volume, given back within ten."""
    rng = np.random.default_rng(108)
    ticks = 2 * 1440
    steps, volume = noise(rng, 2, ticks, 2e-4), np.ones((2, ticks))
    for i, at, sign in episodes(rng, 2, ticks, 90):
        steps[i, at] += sign * 0.01
        steps[i, at + 1 : at + 11] -= sign * 0.0009
        volume[i, at] = 5.0
    return Market(np.cumsum(steps, axis=1), MINUTE, volume=volume)


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


def paid() -> Market:
    """Return a quiet price while one side pays 6 bps an hour for hours on end."""
    rng = np.random.default_rng(117)
    ticks = 12 * 1440
    funding = regimes(rng, 2, ticks, 720, 6e-4)
    return Market(pulled(rng, 2, ticks, 30.0, 1e-3), MINUTE, funding=funding)


def crowded() -> Market:
    """Return waves of funding whose turn is followed by the price."""
    rng = np.random.default_rng(118)
    ticks = 14 * 1440
    steps = noise(rng, 2, ticks, 2e-4)
    funding = 1.25e-5 + noise(rng, 2, ticks, 2e-6)
    for i, at, sign in episodes(rng, 2, ticks, 600):
        wave = np.sin(np.pi * np.arange(120) / 120.0) ** 2
        funding[i, at : at + 120] += sign * 2e-4 * wave
        steps[i, at + 60 : at + 180] -= sign * 2e-4
    return Market(np.cumsum(steps, axis=1), MINUTE, funding=funding)


def premiums() -> Market:
    """Return a perpetual that jumps away from its oracle and comes back within minutes."""
    rng = np.random.default_rng(119)
    ticks = 6 * 720
    premium = pulled(rng, 2, ticks, 10.0, 5e-5)
    for i, at, sign in episodes(rng, 2, ticks, 200):
        premium[i, at : at + 120] += sign * 0.005 * 0.5 ** (np.arange(120) / 30.0)
    oracle = np.cumsum(noise(rng, 2, ticks, 5e-5), axis=1)
    return Market(oracle + np.log1p(premium), 5.0, premium=premium)


def flushes() -> Market:
    """Return falls and rises of 1.5 % on vanishing open interest, mostly given back."""
    rng = np.random.default_rng(120)
    ticks = 12 * 1440
    steps, interest = noise(rng, 2, ticks, 5e-5), np.full((2, ticks), 1e6)
    for i, at, sign in episodes(rng, 2, ticks, 700):
        steps[i, at : at + 12] += sign * 0.015 / 12
        steps[i, at + 14 : at + 214] -= sign * 0.013 / 200
        interest[i, at + 10 :] *= 0.93
    return Market(np.cumsum(steps, axis=1), 5.0, interest=interest)


def arriving() -> Market:
    """Return funding that climbs and falls for hours, and the price with it."""
    rng = np.random.default_rng(121)
    ticks = 6 * 1440
    slope = regimes(rng, 2, ticks, 180, 1.0)
    funding = 1.25e-5 + 4e-7 * (np.cumsum(slope, axis=1))
    steps = 1.2e-4 * slope + noise(rng, 2, ticks, 2e-4)
    return Market(np.cumsum(steps, axis=1), MINUTE, funding=funding)


def outrunning() -> Market:
    """Return six coins on one market, each with a drift of its own that lasts."""
    rng = np.random.default_rng(122)
    ticks = 3 * 1440
    market = noise(rng, 1, ticks, 4e-4)
    own = regimes(rng, 6, ticks, 360, 1.5e-4) + noise(rng, 6, ticks, 2e-4)
    return Market(np.cumsum(market + own, axis=1), MINUTE)


def straying(seed: int, back: int) -> Market:
    """Return six coins on one market, each of which strays by 2.5 % and comes back."""
    rng = np.random.default_rng(seed)
    ticks = 6 * 1440
    own = noise(rng, 6, ticks, 1.5e-4)
    for i, at, sign in episodes(rng, 6, ticks, 480):
        own[i, at : at + 15] += sign * 0.025 / 15
        own[i, at + 20 : at + 20 + back] -= sign * 0.022 / back
    return Market(np.cumsum(noise(rng, 1, ticks, 4e-4) + own, axis=1), MINUTE)


def tied() -> Market:
    """Return coins tied to ETH by a spread that is pulled to its mean."""
    rng = np.random.default_rng(124)
    ticks = 8 * 1440
    eth = np.cumsum(noise(rng, 1, ticks, 3e-4), axis=1)
    others = np.array([[0.0], [1.0], [1.2], [0.8]]) * eth + pulled(rng, 4, ticks, 30.0, 1.2e-2)
    others[1] = eth[0]
    return Market(others, MINUTE)


def following() -> Market:
    """Return coins that answer a jump of BTC over the two minutes after it."""
    rng = np.random.default_rng(125)
    ticks = 4 * 1440
    leader = noise(rng, 1, ticks, 2e-4)[0]
    steps = np.vstack([leader, *(leader + noise(rng, 3, ticks, 1e-4))])
    for _, about, sign in episodes(rng, 1, ticks, 80):
        at = about // 4 * 4 + 2
        steps[0, at] += sign * 0.006
        steps[1:, at + 2 : at + 10] += sign * 0.006 / 8
    return Market(np.cumsum(steps, axis=1), 15.0)


CONTROLS: dict[str, Callable[[], Market]] = {
    "donchian": partial(trending, 101, hours=96, length_h=6, drift=2e-4),
    "ema_cross": partial(trending, 102, hours=48, length_h=3, drift=2.5e-4),
    "pullback": dips,
    "squeeze_breakout": squeezes,
    "trend_slope": partial(trending, 105, hours=240, length_h=20, drift=2e-4),
    "ts_momentum": partial(trending, 106, hours=1200, length_h=90, drift=6e-5, rows=1),
    "bollinger": partial(reverting, 107, hours=36, half_life_m=6, sd=6e-3),
    "vwap_stretch": partial(reverting, 109, hours=48, half_life_m=12, sd=8e-3),
    "rsi_fade": partial(reverting, 110, hours=160, half_life_m=25, sd=1.2e-2),
    "shock_fade": shocks,
    "ou_reversion": partial(reverting, 111, hours=96, half_life_m=30, sd=1.2e-2),
    "order_flow": partial(pressed, "queue", 112),
    "microprice_drift": partial(pressed, "lean", 113),
    "trade_imbalance": partial(pressed, "aggression", 114),
    "absorption": partial(pressed, "absorbed", 115),
    "burst_follow": partial(pressed, "burst", 116),
    "funding_harvest": paid,
    "funding_fade": crowded,
    "premium_reversion": premiums,
    "oi_flush": flushes,
    "funding_drift": arriving,
    "cross_momentum": outrunning,
    "cross_reversal": partial(straying, 123, 60),
    "pair_reversion": tied,
    "lead_lag": following,
    "beta_residual": partial(straying, 126, 100),
}


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
