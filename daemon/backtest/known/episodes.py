"""Episodes laid out beforehand: when a bot speaks, what the price does then, which limits fail.

Two coins with slow books, a few bots, forty days. Nothing happens that is not written here, so what
the rows of limits and branches must hold can be told by hand.
"""

from __future__ import annotations

import random
from collections.abc import Mapping

from msgspec import Struct

from market.decision import Mode
from market.instrument import Instrument

DAY_S = 86_400
# A day is run from midnight on, just long enough to count.
RUN_S = 12 * 3_600 + 900
SLOT_S = 300
STEP_S = 5
# Before midnight a night's trade opens; after it, it closes.
EVE_S, DAWN_S = DAY_S - 120, 120

INSTRUMENTS = {
    "SOL": Instrument("SOL", 5, 2, 20),
    "ETH": Instrument("ETH", 1, 4, 25),
}
MIDS = {"SOL": 100.0, "ETH": 2_000.0}
# Hourly funding rates; only trades that are open over midnight pay any.
RATES = {"SOL": 0.0001, "ETH": -0.00005}
HALF_SPREAD = 0.01
STOP_SHARE = 0.01
CONVICTION = 0.2

BOTS = {"alpha": "trend", "beta": "trend", "gamma": "flow", "delta": "flow"}
# Enforced: one that knows losers, one that flips coins. Observing: one that dislikes winners,
# one that lacks data now and then.
ENFORCED = ("knows", "coin")
OBSERVING = ("dislikes", "watches")


class Episode(Struct, frozen=True):
    """One signal and what becomes of it.

    `at_s` counts from the beginning; `move_share` is how far the price goes in the trade's favour
    by its end, as a share of the mid. `fails` and `lacks` name the limits that fail it and those
    that have no data. At night it is first marked at `night_share`, over midnight.
    """

    at_s: int
    bot: str
    coin: str
    side: int
    move_share: float
    fails: frozenset[str]
    lacks: frozenset[str] = frozenset()
    night_share: float | None = None

    @property
    def day(self) -> int:
        """Number of the day it opens on, from 0."""
        return self.at_s // DAY_S

    @property
    def closes_on(self) -> int:
        """Number of the day it closes on."""
        return self.day + (self.night_share is not None)


class Layout(Struct, frozen=True):
    """Episodes in order of time, over days of which some were not run."""

    days: int
    idle: frozenset[int]
    episodes: tuple[Episode, ...]

    def runs(self, day: int) -> bool:
        """Say whether the desk runs on a day."""
        return 0 <= day < self.days and day not in self.idle


def lay_out(days: int, seed: int, *, a_day: int = 24, first_weekday: int = 0) -> Layout:
    """Return a layout; `first_weekday` is that of day 0, with Monday 0."""
    rng = random.Random(seed)
    idle = frozenset(day for day in range(3, days) if day % 40 == 9)
    found = []
    for day in range(days):
        if day in idle:
            continue
        slots = rng.sample(range(1, RUN_S // SLOT_S - 1), min(a_day, RUN_S // SLOT_S - 2))
        found += [_episode(rng, day * DAY_S + slot * SLOT_S) for slot in sorted(slots)]
        # Branches are forked anew as a Monday begins; what is open then is not held in common.
        eve_of_monday = (first_weekday + day) % 7 == 6
        if day % 3 == 1 and not eve_of_monday and day + 1 < days and day + 1 not in idle:
            found.append(_night(rng, day * DAY_S + EVE_S))
    return Layout(days, idle, tuple(found))


def _episode(rng: random.Random, at_s: int) -> Episode:
    bot = rng.choice(sorted(BOTS))
    wins = rng.random() < (0.55 if BOTS[bot] == "trend" else 0.45)
    move = rng.randint(60, 240) if wins else -rng.randint(100, 150)
    shares = {"knows": 0.04 if wins else 0.5, "coin": 0.25, "dislikes": 0.5 if wins else 0.04}
    fails = frozenset(name for name, share in shares.items() if rng.random() < share)
    if rng.random() < 0.2:
        fails |= {"watches"}
    lacks = frozenset({"watches"}) - fails if rng.random() < 0.1 else frozenset()
    coin, side = rng.choice(sorted(MIDS)), rng.choice((1, -1))
    return Episode(at_s, bot, coin, side, move / 10_000, fails, lacks)


def _night(rng: random.Random, at_s: int) -> Episode:
    found = _episode(rng, at_s)
    return Episode(
        at_s, found.bot, found.coin, found.side, found.move_share, found.fails, found.lacks, 0.002
    )


def path(episode: Episode) -> list[tuple[int, float]]:
    """Return the seconds at which its coin shows a book, with the mid of each."""
    mid = MIDS[episode.coin]

    def at(share: float) -> float:
        return round(mid * (1.0 + episode.side * share), 2)

    start, end = episode.at_s, at(episode.move_share)
    if episode.night_share is None:
        shown = [(0, mid), (3, mid), (6, end), (9, end), (12, end), (15, mid)]
        return [(start + s, px) for s, px in shown]
    over = DAY_S - EVE_S + DAWN_S
    held = [(s, at(episode.night_share)) for s in range(10, over, STEP_S)]
    ended = [(over, end), (over + 5, end), (over + 10, end), (over + 15, mid)]
    return [(start + s, px) for s, px in [(0, mid), (5, mid), *held, *ended]]


MODES: Mapping[str, Mode] = {
    **dict.fromkeys(ENFORCED, "enforce"),
    **dict.fromkeys(OBSERVING, "observe"),
}
