"""Limits whose worth is known: worthless given the bot, or planted with an effect.

A worthless limit may block by bot, by day, by coin, after losses or by how wide a trade is: as long
as the signals it blocks have the mean of the bot's others at that time, it chooses nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from research.calibration.signals import COINS, Bools, Floats, Signals, World, lasting

Rule = Callable[["Asked"], Bools]
FILL_R = 0.05
DELAY_R, DELAY_SD = 0.08, 0.3


@dataclass(frozen=True)
class Asked:
    """What a limit may know when it is asked: the world, its signals, and chance."""

    world: World
    signals: Signals
    histories: int
    rng: np.random.Generator

    @property
    def size(self) -> int:
        """Number of signals."""
        return len(self.signals.r)

    def chance(self, share: float | Floats) -> Bools:
        """Draw each signal with the given share."""
        drawn: Bools = self.rng.random(self.size) < share
        return drawn


@dataclass(frozen=True)
class Limit:
    """A limit: what it blocks, and what its blocked signals earn more than others.

    `effect_r` is planted, `fills_r` an error of the simulator from a third of the time on. With
    `delay_r` what it blocks is admitted later and earns so much more then. One that `turns` chooses
    the other way round from the middle on.
    """

    name: str
    rule: Rule
    effect_r: float = 0.0
    fills_r: float = 0.0
    delay_r: float = 0.0
    turns: bool = False

    def offset(self, asked: Asked) -> Floats:
        """Return what is added to the R of each signal when it is blocked."""
        day, days = asked.signals.day, asked.world.days
        sign = np.where(day < days // 2, 1.0, -1.0) if self.turns else 1.0
        fills = np.where(day >= days // 3, self.fills_r, 0.0)
        return np.asarray(self.effect_r * sign + fills)


def coin_flip(share: float) -> Rule:
    """Return a rule that blocks this share at random."""
    return lambda asked: asked.chance(share)


def by_bot(low: float, high: float) -> Rule:
    """Return a rule whose share goes from the worst bot's to the best bot's."""

    def rule(asked: Asked) -> Bools:
        rank = np.argsort(np.argsort(asked.world.bot_means, kind="stable"), kind="stable")
        shares = low + (high - low) * rank / (asked.world.bots - 1)
        return asked.chance(shares[asked.signals.bot])

    return rule


def worst_bots(asked: Asked) -> Bools:
    """Block three fifths of the signals of the two worst bots."""
    worst = np.argsort(asked.world.bot_means, kind="stable")[:2]
    return np.isin(asked.signals.bot, worst) & asked.chance(0.6)


def cooldown(thirds: int, bots: int | None = None) -> Rule:
    """Return a rule that blocks a bot in the thirds of a day after one in which it lost."""

    def rule(asked: Asked) -> Bools:
        s, of = asked.signals, asked.world.bots
        closed = np.where(s.close > s.day, s.close * 3 + 1, s.third)
        last = asked.world.days * 3
        lost = np.zeros((asked.histories, last + 1, of), dtype=np.bool_)
        losers = s.r < -0.3
        lost[s.history[losers], np.minimum(closed[losers], last), s.bot[losers]] = True
        found = np.zeros(asked.size, dtype=np.bool_)
        for back in range(1, thirds + 1):
            at = s.third - back
            found |= (at >= 0) & lost[s.history, np.maximum(at, 0), s.bot]
        return found & (s.bot < (of if bots is None else bots))

    return rule


def wild(share: float, bots: int | None = None) -> Rule:
    """Return a rule that blocks this share on wild days, of the first bots alone if it is told."""

    def rule(asked: Asked) -> Bools:
        s = asked.signals
        found = s.wild[s.day, s.history] & asked.chance(share)
        return found & (s.bot < (asked.world.bots if bots is None else bots))

    return rule


def brake(asked: Asked) -> Bools:
    """Block whole days after ten in which the desk lost more than it usually does."""
    s, days = asked.signals, asked.world.days
    at = np.minimum(s.close, days) * asked.histories + s.history
    daily = np.bincount(at, s.r, (days + 1) * asked.histories).reshape(days + 1, -1)[:days]
    total = np.zeros((days + 1, asked.histories))
    np.cumsum(daily, axis=0, out=total[1:])
    back = np.maximum(np.arange(days) - 10, 0)
    ten = total[np.arange(days)] - total[back]
    limit = -0.7 * daily.std() * np.sqrt(10.0) + 10.0 * daily.mean()
    return np.asarray(ten < limit)[s.day, s.history]


def coin_days(asked: Asked) -> Bools:
    """Block whole days of single coins."""
    s = asked.signals
    drawn = asked.rng.random((asked.histories, asked.world.days, COINS)) < 0.2
    return drawn[s.history, s.day, s.coin]


def ramp(asked: Asked) -> Bools:
    """Block a share that goes from nothing to a half."""
    return asked.chance(0.5 * asked.signals.day / asked.world.days)


def step(asked: Asked) -> Bools:
    """Block 2 %, and 40 % from the middle on."""
    return asked.chance(np.where(asked.signals.day < asked.world.days // 2, 0.02, 0.40))


def on_and_off(asked: Asked) -> Bools:
    """Block two fifths in every other spell of 20 to 60 days."""
    spell = lasting(asked.world.days, asked.histories, 20, 60, asked.rng)
    first = asked.rng.integers(2, size=asked.histories)
    s = asked.signals
    on: NDArray[np.bool_] = (spell[s.history, s.day] + first[s.history]) % 2 == 0
    return on & asked.chance(0.4)


def wide(asked: Asked) -> Bools:
    """Block trades whose outcomes are wide."""
    return asked.chance(np.where(asked.signals.wide, 0.6, 0.05))


def long(asked: Asked) -> Bools:
    """Block trades that last."""
    return asked.chance(np.where(asked.signals.long, 0.6, 0.05))


def by_coin(asked: Asked) -> Bools:
    """Block the signals of some coins more often than of others."""
    return asked.chance(0.05 + 0.3 * asked.signals.coin / (COINS - 1))


CONTROL = Limit("control", coin_flip(0.20))
PLAIN = (
    CONTROL,
    Limit("random 5 %", coin_flip(0.05)),
    Limit("random 30 %", coin_flip(0.30)),
    Limit("by bot, rising", by_bot(0.05, 0.5)),
    Limit("by bot, falling", by_bot(0.5, 0.05)),
    Limit("two worst bots", worst_bots),
    Limit("cooldown", cooldown(1)),
    Limit("cooldown, long", cooldown(2)),
    Limit("cooldown, four bots", cooldown(1, 4)),
    Limit("delay that gains", coin_flip(0.15), delay_r=DELAY_R),
    Limit("delay that costs", coin_flip(0.15), delay_r=-DELAY_R),
    Limit("wild days", wild(1.0)),
    Limit("wild days, most", wild(0.7)),
    Limit("wild days, four bots", wild(1.0, 4)),
)
HARD = (
    CONTROL,
    Limit("by bot, falling", by_bot(0.4, 0.05)),
    Limit("two worst bots", worst_bots),
    Limit("cooldown", cooldown(1)),
    Limit("brake", brake),
    Limit("coin-days", coin_days),
    Limit("ramp", ramp),
    Limit("step", step),
    Limit("on and off", on_and_off),
    Limit("wild days", wild(1.0)),
    Limit("wide", wide),
    Limit("by coin", by_coin),
    Limit("long", long),
    Limit("fills", coin_flip(0.20), fills_r=FILL_R),
)
SETS: dict[str, tuple[Limit, ...]] = {"plain": PLAIN, "hard": HARD}


def blocks(asked: Asked, limits: Sequence[Limit]) -> NDArray[np.bool_]:
    """Return what each limit would block (limits, signals)."""
    return np.stack([limit.rule(asked) for limit in limits])


def planted(effects_r: Sequence[float], share: float = 0.20) -> tuple[Limit, ...]:
    """Return limits that block one and the same draw, worse by these effects."""

    def rule(asked: Asked) -> Bools:
        # The digits beyond those that say when are as good as a coin, and the same for all.
        return np.asarray(asked.signals.time * 7919.0 % 1.0 < share)

    return tuple(Limit(f"{r:+.1f} R", rule, effect_r=r) for r in effects_r)
