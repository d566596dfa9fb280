"""Many different questions to a world, and the hashes of its answers."""

from __future__ import annotations

import hashlib

from tests.venue.local.serving import DAY_MS, EPOCH_MS, NOW_MS, SEED
from venue.local.market.contract import Topic
from venue.local.world.world import World

__all__ = ["EPOCH_MS", "SEED", "SOME", "World", "answers", "questions"]

SOME = ("BTC", "SOL", "AERO")


def questions() -> list[tuple[str, tuple]]:
    """Return method and arguments of many different questions."""
    asked: list[tuple[str, tuple]] = []
    for coin in SOME:
        for at in (NOW_MS, EPOCH_MS + DAY_MS, EPOCH_MS + 3 * DAY_MS - 1, EPOCH_MS + 5):
            asked += [
                ("book", (Topic("l2Book", coin, fast=True), at)),
                ("book", (Topic("l2Book", coin, figures=4), at)),
                ("recent_trades", (coin, at)),
                ("candles", (coin, "15m", at - DAY_MS, at, at)),
                ("candles", (coin, "1m", at, at, at)),
                ("context", (coin, at)),
                ("funding_history", (coin, EPOCH_MS, at)),
                ("first", (Topic("bbo", coin), at)),
            ]
    return asked


def answers(world: World, asked: list[tuple[str, tuple]]) -> dict[str, str]:
    """Return the hash of each answer, by its question."""
    out = {}
    for name, arguments in asked:
        answer = repr(getattr(world, name)(*arguments))
        out[f"{name}{arguments}"] = hashlib.blake2b(answer.encode()).hexdigest()
    return out
