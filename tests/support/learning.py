"""Weeks of trading for the weights to learn from, on the real engine, in a second or two."""

from __future__ import annotations

import random
from collections.abc import Iterable, Mapping
from pathlib import Path

from divisions.roster import DIVISIONS
from tests.support.shadow import Puppet, Stage

HOUR_MS = 3_600_000
DAY_MS = 24 * HOUR_MS
# The best is best by far, the worst by far the worst, the others alike but for luck.
EDGE = {"trend": 0.5, "reversion": 0.0, "flow": 0.0, "carry": 0.0, "relative": -0.5}
NO_EDGE = dict.fromkeys(EDGE, 0.0)


def five(**options: object) -> Stage:
    """Return a stage with a bot in each division, named after it."""
    return Stage(bots=[Puppet(f"{d}_bot", d) for d in DIVISIONS], **options)  # type: ignore[arg-type]


def trade_once(stage: Stage, moves: Mapping[str, float]) -> None:
    """Let bots enter at 100 and leave where the mid has moved by so much for each of them."""
    stage.book()
    for bot in moves:
        stage.signal(bot, stop=2.0)
    stage.books(1)
    for bot, move in moves.items():
        stage.wait(1)
        stage.book(100.0 + move)
        stage.call_exit(bot)
        stage.books(1, 100.0 + move)


def season(
    stage: Stage,
    days: Iterable[int],
    edge: Mapping[str, float] = EDGE,
    *,
    seed: int = 1,
    commit: bool = False,
) -> Stage:
    """Trade twice a day, once admitted and once blocked; days count from the stage's first."""
    for day in days:
        for slot, says in ((0, "pass"), (1, "fail")):
            rng = random.Random(f"{seed}/{day}/{slot}")
            moves = {f"{d}_bot": e + rng.uniform(-0.8, 0.8) for d, e in edge.items()}
            stage.wait_until(day * DAY_MS + (10 + slot) * HOUR_MS)
            stage.script(limit=says)
            trade_once(stage, moves)
        if commit:
            stage.commit()
    return stage


def learned(path: Path, days: int = 32, edge: Mapping[str, float] = EDGE, *, seed: int = 1) -> Path:
    """Write a database in which the weights have moved for a while."""
    stage = season(five(), range(days), edge, seed=seed)
    stage.wait_until(days * DAY_MS + 1000)
    stage.second()
    return stage.finish(path)
