"""The premium of the perpetual over its oracle, and the funding that follows.

The premium is a slow part by the hour, around a mean that lasts on some coins, a quick part that
comes back within minutes, and what takers do to it: those who follow a move of the fair price push
the perpetual ahead of it, those who flee a crash push it below. The mid is the fair price times one
plus the premium, so it really reverts to the oracle. Funding is the venue's formula over the
hour's mean.

Source: Hyperliquid documentation, "Funding": F_8h = P + clamp(0.0001 - P, -0.0005, 0.0005), of
which an eighth is paid every hour, at most 4 %; P is measured from impact prices to the oracle.
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np

from venue.local.market.dice import Floats, decaying, generator
from venue.local.market.grid import HOURS, STEPS, STEPS_PER_HOUR
from venue.local.market.ticks import RATE_DECIMALS
from venue.local.world.coins import Profile

INTEREST_8H = 0.0001
CLAMP_8H = 0.0005
HOURLY_MAX = 0.04
HOURS_PER_RATE = 8

SLOW_VOL = 1.5e-4
SLOW_HALF_LIFE = 6.0
SLOW_LENGTH = 24
QUICK_HALF_LIFE = 20.0
QUICK_LENGTH = 160
# What followers of a move do: half of it is forgotten within ten minutes.
PUSH = 1.2e-4
PUSH_HALF_LIFE = 20.0
PUSH_LENGTH = 160
SHIFT_STEPS = 20
TAPER_STEPS = 60


@lru_cache(maxsize=1_024)
def _hour_noise(seed: int, coin: str, name: str, day: int) -> Floats:
    """Return the day's draws; a day before and a day after ask for them again."""
    return generator(seed, coin, name, day).standard_normal(HOURS)


def hourly(seed: int, coin: str, name: str, day: int) -> Floats:
    """Return a slow series of unit variance at the day's 25 hour marks."""
    noise = np.concatenate([_hour_noise(seed, coin, name, d) for d in range(day - 1, day + 2)])
    return decaying(noise[: 2 * HOURS + 1], SLOW_HALF_LIFE, SLOW_LENGTH)[1:]


def at_steps(hour_marks: Floats) -> Floats:
    """Return a series at hour marks, drawn straight between them, at the STEPS + 1 knots."""
    return np.interp(np.arange(STEPS + 1), np.arange(HOURS + 1) * STEPS_PER_HOUR, hour_marks)


def premium_knots(seed: int, profile: Profile, day: int) -> Floats:
    """Return the premium, as a fraction, at the day's STEPS + 1 knots."""
    coin = profile.instrument.coin
    slow = SLOW_VOL * hourly(seed, coin, "premium", day)
    before, today = (
        generator(seed, coin, "premium quick", d).standard_normal(STEPS) for d in (day - 1, day)
    )
    noise = np.concatenate((before[-QUICK_LENGTH:], today))
    quick = profile.premium_vol * decaying(noise, QUICK_HALF_LIFE, QUICK_LENGTH)
    return profile.premium_mean + at_steps(slow) + quick


def pushed(moves: Floats, shift: Floats) -> Floats:
    """Return what takers add to the premium at the day's STEPS + 1 knots, nothing at both ends.

    `moves` of the fair price are signed and in units of the usual step, `shift` is the regime's.
    """
    led = np.concatenate((np.zeros(PUSH_LENGTH), moves))
    follow = PUSH * np.tanh(decaying(led, PUSH_HALF_LIFE, PUSH_LENGTH))
    eased = np.concatenate((np.zeros(SHIFT_STEPS), shift, shift[-1:]))
    eased = np.convolve(eased, np.full(SHIFT_STEPS, 1.0 / SHIFT_STEPS), mode="valid")[1:]
    at = np.arange(STEPS + 1)
    taper = np.minimum(np.minimum(at, STEPS - at) / TAPER_STEPS, 1.0)
    return np.asarray((follow + eased) * taper)


def impact_premium(knots: Floats, half_impact: float) -> Floats:
    """Return the premium that impact prices `half_impact` off the mid would show."""
    return np.maximum(knots - half_impact, 0.0) - np.maximum(-knots - half_impact, 0.0)


def premium_of(impact_bid: float, impact_ask: float, oracle: float) -> float:
    """Return the venue's premium: how far impact prices clear the oracle, as a fraction of it."""
    return (max(impact_bid - oracle, 0.0) - max(oracle - impact_ask, 0.0)) / oracle


def funding_rate(premium: float) -> float:
    """Return the hourly rate charged for an hour whose mean premium (8 h units) this is."""
    correction = min(max(INTEREST_8H - premium, -CLAMP_8H), CLAMP_8H)
    rate = (premium + correction) / HOURS_PER_RATE
    return round(min(max(rate, -HOURLY_MAX), HOURLY_MAX), RATE_DECIMALS)
