"""The desk of the page on reading a report: 120 days, four limits and a coin among them."""

from __future__ import annotations

import random
import sqlite3
from contextlib import closing
from pathlib import Path

from msgspec import structs

from shadow.report.measured import ValueDay
from tests.support.evidence import Signal, day_of, evidence_of, worked
from tests.support.measured_db import Planted

DAYS = 120
# By day and whether costs are known: trades, notional, waiting and impact of entries and of exits,
# gross, fees, funding, net.
PAID = (
    ("2026-03-02", 1, 412, 824_000_000_000, 70_100_000, 104_850_000, 48_100_000, 109_900_000,
     1_977_450_000, 741_600_000, 31_150_000, 1_204_700_000),
    ("2026-03-03", 0, 3, None, None, None, None, None, -8_800_000, 5_400_000, 0, -14_200_000),
)  # fmt: skip


def example(path: Path) -> Path:
    """Write the database of the example."""
    dice = random.Random(4)
    end = day_of(DAYS - 1)
    planted = Planted().run(DAYS).limit("direction", worked(DAYS))
    coin = evidence_of(_signals(dice, DAYS, 0.0, 0.2), _values(dice, 0.02, 0.9), through=end)
    planted.limit("control", coin, kind="enforced")
    thin = evidence_of(_signals(dice, DAYS, 0.1, 0.15), _values(dice, -0.05, 0.5), through=end)
    planted.limit("liquidity", thin, missing_e6=20_000)
    young = evidence_of(_signals(dice, 12, 0.0, 0.2), through=end)
    # Its desk goes on beside the other when it blocks nothing any more.
    idle = [ValueDay(day_of(day), 0.0) for day in range(12, DAYS)]
    young = structs.replace(young, value=(*young.value, *idle))
    planted.limit("volatility", young)
    for name, mode, blocked in (
        ("direction", "enforce", 420),
        ("control", "observe", 254),
        ("liquidity", "enforce", 260),
        ("volatility", "enforce", 31),
    ):
        planted.counted(name, mode, "sole", day=5, signals=blocked)
    planted.counted("halt", "enforce", "shared", day=3, signals=7)
    for reason, count in (("joint", 61), ("joint:direction", 44), ("no_data", 12)):
        planted.counted("liquidity", "left_out", reason, day=3, entries=count)
    planted.write(path)
    with closing(sqlite3.connect(path)) as db:
        db.executemany(f"INSERT INTO shortfall_day VALUES ({','.join('?' * 12)})", PAID)
        db.commit()
    return path


def _signals(dice: random.Random, days: int, shift: float, share: float) -> list[Signal]:
    """Return ten signals a day with stops at −1 R; a share is blocked, and `shift` R better."""
    found = []
    for day in range(days):
        for bot in ("x", "y"):
            for _ in range(5):
                blocked = dice.random() < share
                r = dice.choice([-1.0, -1.0, -1.0, 1.4, 1.6]) + (shift if blocked else 0.0)
                found.append(Signal(day, bot, round(r, 2), blocked))
    return found


def _values(dice: random.Random, mean: float, spread: float) -> list[float]:
    return [dice.gauss(mean, spread) for _ in range(DAYS)]
