"""Does the synthetic world look like a market, and can nobody live off it with one line?

Facts are those of Cont 2001, "Empirical properties of asset returns". The one-liners are judged
by day, all coins of a seed together, at a family-wise level of five percent: and one that cheats
shows that the judge would notice.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

import numpy as np
import pytest
from scipy.special import stdtr

from tests.venue.local.serving import EPOCH_MS
from venue.hyperliquid.universe import load_instruments
from venue.local.market.grid import CELL_MS, CELLS
from venue.local.world.archive import Archive
from venue.local.world.depth import Depth
from venue.local.world.premium import funding_rate

COINS = ("BTC", "SOL", "HYPE", "AVAX")
SEEDS = (1, 2, 3, 4)
DAYS = range(2, 16)
MINUTES = 1_440
FEE = 4.5e-4
FIRST_WEEKDAY = (EPOCH_MS // 86_400_000 + 3 + DAYS[0]) % 7  # 0 is Monday; 1970 began on a Thursday


@dataclass(frozen=True)
class History:
    """Minutes of one coin: log mid and half spread at their ends, signed USD taken, funding."""

    mid: np.ndarray
    half: np.ndarray
    taken: np.ndarray
    funding: np.ndarray
    closes: np.ndarray
    counts: np.ndarray


@cache
def history(seed: int) -> dict[str, History]:
    archive = Archive(seed, load_instruments().values())
    return {coin: read(archive, coin) for coin in COINS}


def read(archive: Archive, coin: str) -> History:
    columns: list[list[np.ndarray]] = [[] for _ in range(6)]
    end = np.minimum(np.arange(1, MINUTES + 1) * (60_000 // CELL_MS) - 1, CELLS - 1)
    for number in DAYS:
        day = archive.day(coin, number)
        touch = np.array([day.touch_of(cell)[:2] for cell in end.tolist()], dtype=float)
        mid = touch.mean(axis=1)
        signed = np.asarray(day.print_side).astype(float) * np.asarray(day.print_lots)
        signed *= np.asarray(day.print_px)
        minute = np.asarray(day.print_ms) // 60_000
        rates = [funding_rate(premium) for premium in day.record.premium]
        for column, values in zip(
            columns,
            (
                np.log(mid),
                (touch[:, 1] - mid) / mid,
                np.bincount(minute, signed, MINUTES),
                np.repeat(rates, 60) / 60.0,
                np.log(day.record.minutes.close),
                day.record.minutes.count,
            ),
            strict=True,
        ):
            column.append(values)
    return History(*map(np.concatenate, columns))


def correlation(a: np.ndarray, b: np.ndarray) -> float:
    return float(np.corrcoef(a, b)[0, 1])


def after(x: np.ndarray, lag: int) -> float:
    return correlation(x[lag:], x[:-lag])


def pooled(fact, coins: tuple[str, ...] = COINS) -> list[float]:
    """Return a number of every coin of every seed."""
    return [fact(history(seed)[coin]) for seed in SEEDS for coin in coins]


def returns(past: History) -> np.ndarray:
    return np.diff(past.closes)


def test_tails_are_fat() -> None:
    def excess(past: History) -> float:
        r = returns(past)
        return float(np.mean((r - r.mean()) ** 4) / np.var(r) ** 2 - 3.0)

    found = pooled(excess)
    assert min(found) > 1.0
    assert float(np.median(found)) > 2.0
    assert max(found) < 60.0


def test_large_moves_are_followed_by_large_ones_for_an_hour() -> None:
    found = {
        lag: float(np.mean(pooled(lambda past, lag=lag: after(np.abs(returns(past)), lag))))
        for lag in (1, 5, 15, 60, 180)
    }
    assert found[1] > 0.12
    assert found[15] > 0.6 * found[1]
    assert found[60] > 0.04
    assert found[1] > found[60] > found[180] > -0.02


def test_moves_say_nothing_about_the_next_ones() -> None:
    for lag in (1, 2, 5, 10, 30):
        found = pooled(lambda past, lag=lag: after(returns(past), lag))
        assert abs(float(np.mean(found))) < 0.03, lag
        assert max(map(abs, found)) < 0.08, lag


def test_coins_follow_the_factor_but_not_to_the_letter() -> None:
    for seed in SEEDS:
        five = {coin: np.diff(past.closes[::5]) for coin, past in history(seed).items()}
        for coin in COINS[1:]:
            assert 0.25 < correlation(five["BTC"], five[coin]) < 0.9
        assert 0.05 < correlation(five["SOL"], five["AVAX"]) < 0.8


def test_volatility_is_the_profiles() -> None:
    for coin in COINS:
        profile = Archive(1, load_instruments().values()).profiles[coin]
        daily = np.mean([np.var(returns(history(seed)[coin])) for seed in SEEDS]) * MINUTES
        assert float(daily) ** 0.5 == pytest.approx(profile.daily_vol, rel=0.25)


def test_trades_come_in_clusters() -> None:
    archive = Archive(1, load_instruments().values())
    for coin in COINS:
        day = archive.day(coin, 3)
        at = np.unique(np.asarray(day.print_ms))
        waits = np.diff(at)
        assert float(np.std(waits) / np.mean(waits)) > 1.3
        counts = np.bincount(at // 10_000, minlength=8_640)
        assert 2.0 < float(np.var(counts) / np.mean(counts)) < 60.0
        sides = np.asarray(day.print_side).astype(float)
        assert float(np.mean(sides[10:] * sides[:-10])) > 0.03


def test_volume_and_volatility_go_together() -> None:
    def together(past: History) -> float:
        return correlation(np.abs(returns(past)), past.counts[1:].astype(float))

    assert min(pooled(together)) > 0.15


def test_spreads_and_depths_stay_in_their_ranges() -> None:
    archive = Archive(2, load_instruments().values())
    for coin in ("BTC", "SOL", "AERO"):
        profile, day = archive.profiles[coin], archive.day(coin, 4)
        quotes = np.array([day.touch_of(cell)[:2] for cell in range(0, CELLS, 50)], dtype=float)
        bps = 2e4 * (quotes[:, 1] - quotes[:, 0]) / quotes.sum(axis=1)
        tick_bps = 1e4 * (day.tick or 1) / quotes[0, 0]
        assert float(np.min(bps)) > 0.0
        assert 0.7 < float(np.mean(bps)) / profile.spread_bps < 2.0
        assert float(np.quantile(bps, 0.999)) < 15.0 * profile.spread_bps + 2.0 * tick_bps
        depth = Depth(profile)
        scale = 10.0 ** -(profile.instrument.px_decimals + profile.instrument.sz_decimals)
        usd = [
            sum(px * lots * scale for px, lots, _ in depth.book(day, ms, 10)[side])
            for ms in range(0, 86_400_000, 600_000)
            for side in (0, 1)
        ]
        assert 0.2 * profile.touch_usd < min(usd)
        assert 1.0 < float(np.median(usd)) / profile.touch_usd < 30.0


def past_move(x: np.ndarray, back: int) -> np.ndarray:
    out = np.zeros(len(x))
    out[back:] = x[back:] - x[:-back]
    return out


def one_liners(past: History, leader: History, hold: int) -> dict[str, np.ndarray]:
    """Return what each idea would hold, -1, 0 or 1, decided at the end of each minute."""
    move, led = past_move(past.mid, hold), past_move(leader.mid, hold)
    taken = past_move(np.cumsum(past.taken), hold)
    large = np.abs(move) > 2.0 * np.std(move)
    weekday = (np.arange(len(move)) // MINUTES + FIRST_WEEKDAY) % 7
    return {
        "momentum": np.sign(move),
        "reversal": -np.sign(move),
        "momentum after a large move": np.sign(move) * large,
        "reversal after a large move": -np.sign(move) * large,
        "with the takers": np.sign(taken),
        "against the takers": -np.sign(taken),
        "with the leader": np.sign(led),
        "with a large move of the leader": np.sign(led) * (np.abs(led) > 2.0 * np.std(led)),
        "collect the funding": -np.sign(past.funding),
        "pay the funding": np.sign(past.funding),
        "Fridays not Mondays": (weekday == 4) * 1.0 - (weekday == 0),
        "always long": np.ones(len(move)),
        "always short": -np.ones(len(move)),
    }


@cache
def judged(idea: str, hold: int, cheat: float = 0.0) -> tuple[float, float, int]:
    """Return the mean net return of a trade, its one-sided p-value by day, and their number.

    A trade pays half the spread and a taker's fee at both ends, and gets or pays the funding.
    `cheat` makes that share of the decisions with hindsight.
    """
    sums, counts = [], []
    rng = np.random.default_rng(1)
    for seed in SEEDS:
        net, trades = np.zeros(len(DAYS)), np.zeros(len(DAYS))
        for coin in COINS:
            past = history(seed)[coin]
            at = np.arange(2 * hold, len(past.mid) - hold, hold)
            coming = past.mid[at + hold] - past.mid[at]
            held = one_liners(past, history(seed)["BTC"], hold)[idea][at]
            held = np.where(rng.random(len(at)) < cheat, np.sign(coming), held)
            paid = np.cumsum(past.funding)
            gain = held * coming - held * (paid[at + hold] - paid[at])
            gain -= np.abs(held) * (past.half[at] + past.half[at + hold] + 2.0 * FEE)
            net += np.bincount(at // MINUTES, gain, len(DAYS))
            trades += np.bincount(at // MINUTES, np.abs(held), len(DAYS))
        sums.append(net)
        counts.append(trades)
    d, n = np.concatenate(sums), np.concatenate(counts)
    d, n = d[n > 0], n[n > 0]
    mean = float(d.sum() / n.sum())
    errors = (d - mean * n) / n.sum()
    deviation = float(np.sqrt(len(d) / (len(d) - 1) * np.sum(errors**2)))
    return mean, float(1.0 - stdtr(len(d) - 1, mean / deviation)), int(n.sum())


HOLDS = (1, 5, 15, 60, 240)
IDEAS = tuple(one_liners(*[History(*[np.zeros(3)] * 6)] * 2, 1))


def test_no_one_liner_pays_its_fees() -> None:
    level = 0.05 / (len(HOLDS) * len(IDEAS))
    for hold in HOLDS:
        for idea in IDEAS:
            mean, p, trades = judged(idea, hold)
            assert trades > 20, (idea, hold)
            assert mean < 0.0 or p > level, (idea, hold, mean, p)


def test_short_ones_lose_nearly_all_of_their_fees() -> None:
    for idea in IDEAS:
        for hold in (1, 5):
            mean, _, _ = judged(idea, hold)
            assert -3.0 * FEE < mean < -0.6 * 2.0 * FEE, (idea, hold)


def test_who_knows_the_future_now_and_then_is_found_out() -> None:
    mean, p, _ = judged("momentum", 60, cheat=0.3)
    assert mean > 0.0
    assert p < 0.05 / (len(HOLDS) * len(IDEAS))
