"""A small seeded market of six coins: two hours in which something happens to every kind of bot.

One event path a seed, no network. Trends, jumps that revert, a leader whose jumps the others
answer a minute later, one-sided bursts of trades, pressure at the touch, funding that leaves its
resting value, open interest that is flushed. `rough` is the same market on a bad day.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from math import exp, log10

import numpy as np

from market.events import (
    NS_PER_MS,
    NS_PER_S,
    TIMEFRAMES,
    BboUpdate,
    BookUpdate,
    Candle,
    Candles,
    ContextUpdate,
    Event,
    FeedDown,
    FeedUp,
    Level,
    Print,
    Timer,
    TradesUpdate,
)
from market.instrument import Instrument
from tests.support.market import START_MS

# Coin, szDecimals, price and beta to the leader.
COINS = (
    ("BTC", 5, 60_000.0, 1.0),
    ("ETH", 4, 3_000.0, 1.2),
    ("SOL", 2, 150.0, 1.6),
    ("DOGE", 0, 0.15, 1.4),
    ("AVAX", 2, 30.0, 1.5),
    ("LINK", 1, 18.0, 1.1),
)
TICK_S = 5
TICKS = 1_620
TICKS_PER_MINUTE = 60 // TICK_S
BEGIN_MS = START_MS + 12_000
HISTORY = {"1m": 300, "5m": 130, "15m": 130, "1h": 130, "4h": 130}


def instruments() -> dict[str, Instrument]:
    """Return the six coins' rules."""
    return {
        name: Instrument(name, i, decimals, 20) for i, (name, decimals, _, _) in enumerate(COINS)
    }


def _log_paths(rng: np.random.Generator) -> np.ndarray:
    """Log returns since the beginning, one row a coin, one column a tick."""
    phase = np.arange(TICKS) // TICKS_PER_MINUTE % 30
    drift = np.select([phase < 9, (phase >= 14) & (phase < 23)], [1.1e-4, -1.1e-4], 0.0)
    leader = drift + rng.normal(0.0, 1.5e-4, TICKS)
    jumps = np.zeros(TICKS)
    # Late in a minute, so that the bar of the leader has the jump and those of the others do not.
    for minute in range(7, TICKS // TICKS_PER_MINUTE - 2, 11):
        jumps[minute * TICKS_PER_MINUTE - 4] = rng.choice([-1.0, 1.0]) * 0.004
    answered = np.concatenate([np.zeros(TICKS_PER_MINUTE), jumps[:-TICKS_PER_MINUTE]])
    rows = []
    for i, (_, _, _, beta) in enumerate(COINS):
        own = rng.normal(0.0, 1.2e-4, TICKS)
        for at in rng.integers(200, TICKS - 80, 5):
            move = rng.choice([-1.0, 1.0]) * 0.006
            own[at] += move
            own[at + 6 : at + 66] -= 0.8 * move / 60
        # One move that no other coin shares, standing when a quarter hour closes.
        at = TICKS_PER_MINUTE * 15 * (i + 1) - 30
        own[at] += 0.02 if i % 2 else -0.02
        own[at + 60 : at + 160] -= (0.016 if i % 2 else -0.016) / 100
        rows.append((leader + jumps if i == 0 else beta * (leader + answered)) + own)
    return np.cumsum(np.array(rows), axis=1)


def _depth(mid: float, tick: float, sizes: np.ndarray) -> tuple[list[Level], list[Level]]:
    best = round(mid / tick)
    half = len(sizes) // 2
    bids = [Level((best - 1 - k) * tick, float(sizes[k]), 1) for k in range(half)]
    asks = [Level((best + 1 + k) * tick, float(sizes[half + k]), 1) for k in range(half)]
    return bids, asks


@cache
def history(seed: int) -> tuple[Candles, ...]:
    """Return what the venue tells of the time before: every timeframe of every coin.

    Before that time ETH has risen for a day, SOL drew a straight line, DOGE fell quiet and AVAX was
    pulled to its mean, which bots on long bars wait for.
    """
    rng = np.random.default_rng([seed, 1])
    minutes = HISTORY["4h"] * 240
    out = []
    factor = rng.normal(0.0, 5e-4, minutes)
    for name, _, price, beta in COINS:
        returns = beta * factor + rng.normal(0.0, 4e-4, minutes)
        if name == "ETH":
            returns[-1_800:] += 4e-5
        elif name == "SOL":
            returns[-420:] = 0.15 * returns[-420:] + 1e-4
        elif name == "DOGE":
            returns[-100:] *= 0.3
        path = np.cumsum(returns)
        if name == "AVAX":
            for k in range(minutes - 600, minutes):
                path[k] = path[minutes - 601] + 0.9 * (path[k - 1] - path[minutes - 601])
                path[k] += returns[k]
        closes = price * np.exp(path - path[-1])
        for timeframe in TIMEFRAMES:
            step = {"1m": 1, "5m": 5, "15m": 15, "1h": 60, "4h": 240}[timeframe]
            count = HISTORY[timeframe]
            grid = closes[-count * step - 1 :]
            rows = []
            for k in range(count):
                inside = grid[k * step : (k + 1) * step + 1]
                rows.append(
                    Candle(
                        START_MS - (count - k) * step * 60_000,
                        float(inside[0]),
                        float(inside.max()) * 1.0001,
                        float(inside.min()) * 0.9999,
                        float(inside[-1]),
                        float(rng.uniform(50.0, 150.0) * step),
                        10 * step,
                    )
                )
            rows.append(Candle(START_MS, price, price, price, price, 1.0, 1))
            asked_ns = BEGIN_MS * NS_PER_MS
            out.append(Candles(name, timeframe, rows, asked_ns, asked_ns))
    return tuple(out)


@cache
def lively(seed: int, ticks: int = TICKS) -> tuple[Event, ...]:
    """Return the events of the market, books, trades, contexts and seconds, in order."""
    rng = np.random.default_rng([seed, 2])
    paths = _log_paths(rng)
    oracles = [price for _, _, price, _ in COINS]
    interest = [1e6 / price for _, _, price, _ in COINS]
    out: list[Event] = [FeedUp(BEGIN_MS * NS_PER_MS)]
    for k in range(ticks):
        now_ms = BEGIN_MS + (k + 1) * TICK_S * 1_000
        for i, (name, _, price, _) in enumerate(COINS):
            mid = price * exp(paths[i, k])
            unit = 10.0 ** (round(log10(price)) - 5)
            busy = (k // 40 + i) % 9 == 0
            at_ms = now_ms - 900 + 10 * i
            sizes = rng.lognormal(0.0, 0.4, 10) * 1e4 / price
            if busy:
                # Somebody leans on one side of the book and takes from the other.
                sizes[0 if k // 40 % 2 else 5] *= 8.0
            bids, asks = _depth(mid, unit, sizes)
            out.append(BookUpdate(name, at_ms, bids, asks, True, (at_ms + 300) * NS_PER_MS))
            if k % 6 == i:
                deep = _depth(mid, unit, rng.lognormal(0.0, 0.4, 40) * 1e4 / price)
                out.append(BookUpdate(name, at_ms, *deep, False, (at_ms + 305) * NS_PER_MS))
            count = 5 if busy else int(rng.poisson(1.2))
            if count:
                sides = rng.choice([-1, 1], count)
                if busy:
                    sides[:] = 1 if k // 40 % 2 else -1
                amounts = rng.lognormal(0.0, 0.5, count) * (4e3 if busy else 1e3) / price
                prints = [
                    Print(at_ms + j, (asks if side > 0 else bids)[0].px, float(size), int(side))
                    for j, (side, size) in enumerate(zip(sides, amounts, strict=True))
                ]
                out.append(TradesUpdate(name, prints, (at_ms + 320) * NS_PER_MS))
            if k % 2 == i % 2:
                touch = (
                    Level(bids[0].px, bids[0].sz * float(rng.uniform(0.3, 1.0)), 1),
                    Level(asks[0].px, asks[0].sz * float(rng.uniform(0.3, 1.0)), 1),
                )
                later = at_ms + 200
                out.append(BboUpdate(name, later, *touch, (later + 200) * NS_PER_MS))
            oracles[i] += (mid - oracles[i]) * 0.03
            interest[i] *= exp(rng.normal(0.0, 1e-3)) * (0.93 if k % 400 == 350 + i else 1.0)
            funding = 1.25e-5 + 7e-5 * np.sin((k + 70 * i) / 130.0) ** 15
            out.append(
                ContextUpdate(
                    name,
                    float(funding),
                    interest[i],
                    oracles[i],
                    0.5 * (mid + oracles[i]),
                    mid / oracles[i] - 1.0,
                    5e7,
                    price,
                    (at_ms + 450) * NS_PER_MS,
                )
            )
        out.append(Timer(now_ms * NS_PER_MS))
    # Coins interleave within a tick; the engine is told things in the order they came.
    out.sort(key=lambda event: event.recv_ns)
    return tuple(out)


@cache
def rough(seed: int) -> tuple[Event, ...]:
    """Return a bad day: outages, dead and wild coins, broken books, frames twice and too late."""
    return tuple(_roughened(seed))


def _roughened(seed: int) -> Iterator[Event]:
    rng = np.random.default_rng([seed, 3])
    down_until = last_book = 0
    yield from history(seed)
    for n, event in enumerate(lively(seed)):
        now_ns = event.recv_ns
        if down_until:
            if now_ns < down_until:
                if isinstance(event, Timer):
                    yield event
                continue
            down_until = 0
            yield FeedUp(now_ns)
        elif n % 9_000 == 8_999:
            down_until = now_ns + int(rng.integers(2, 400)) * NS_PER_S
            yield FeedDown("lost", now_ns)
            continue
        match event:
            case BookUpdate(coin="DOGE") | BboUpdate(coin="DOGE") | TradesUpdate(coin="DOGE"):
                yield _frozen(event)
            case TradesUpdate(coin="LINK"):
                pass
            case TradesUpdate(coin="AVAX", prints=prints):
                px = 30.0 * (3.0 if now_ns // (60 * NS_PER_S) % 2 else 0.3)
                yield TradesUpdate(
                    "AVAX", [Print(p.time_ms, px, 1e9, p.aggressor) for p in prints], now_ns
                )
            case BookUpdate() if n % 7 == 0:
                last_book = n
                yield _broken(event, int(rng.integers(0, 5)))
            case BookUpdate() if n - last_book == 11:
                yield event
                yield event
                yield BookUpdate(
                    event.coin, event.time_ms - 9_000, event.asks, event.bids, event.fast, now_ns
                )
            case ContextUpdate() if n % 5 == 0:
                yield ContextUpdate(
                    event.coin,
                    0.04,
                    0.0,
                    event.oracle_px * 1.5,
                    event.mark_px,
                    None,
                    0.0,
                    0.0,
                    now_ns,
                )
            case _:
                yield event


def _frozen(event: BookUpdate | BboUpdate | TradesUpdate) -> Event:
    """Return what a coin says at which nothing ever changes."""
    now_ns = event.recv_ns
    if isinstance(event, TradesUpdate):
        return TradesUpdate("DOGE", [Print(event.prints[0].time_ms, 0.1, 1.0, 1)], now_ns)
    bid, ask = Level(0.09999, 5.0, 1), Level(0.10001, 5.0, 1)
    if isinstance(event, BboUpdate):
        return BboUpdate("DOGE", event.time_ms, bid, ask, now_ns)
    return BookUpdate("DOGE", event.time_ms, [bid], [ask], event.fast, now_ns)


def _broken(event: BookUpdate, how: int) -> BookUpdate:
    """Return a book without bids, without asks, empty, locked, or thin as paper."""
    bids, asks = event.bids, event.asks
    if how in (0, 2):
        bids = []
    if how in (1, 2):
        asks = []
    if how == 3:
        bids, asks = [Level(bids[0].px, 1.0, 1)], [Level(bids[0].px, 1.0, 1)]
    if how == 4:
        bids, asks = [Level(bids[0].px * 0.5, 1e-9, 1)], [Level(asks[0].px * 2.0, 1e12, 1)]
    return BookUpdate(event.coin, event.time_ms, bids, asks, event.fast, event.recv_ns)
