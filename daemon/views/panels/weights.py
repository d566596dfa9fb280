"""Who gets the money? Weights of the divisions, regimes, and what each stage has added."""

from __future__ import annotations

from collections import defaultdict
from sqlite3 import Connection

from msgspec import Struct

from shadow.report.score import StageScore, score

DAYS_MAX = 400
_REGIMES = """
SELECT day, scope FROM rollup_day WHERE (filter, mode) = ('', 'regime') ORDER BY day
"""
_WEIGHTS = "SELECT day, name, weight FROM weight WHERE scope = 'division' ORDER BY day, name"


class WeightsPanel(Struct):
    """Weights by division over `days`, the regime with which each day began, and the stages.

    `last_day` has the stages of the newest day alone.
    """

    days: list[str]
    divisions: dict[str, list[float]]
    now: dict[str, float]
    regimes: list[tuple[str, str]]
    orchestration: list[StageScore]
    last_day: list[StageScore]


def weights_panel(db: Connection) -> WeightsPanel:
    """Return what the weights have come to; a division without a row on a day kept its last."""
    by_day: dict[str, dict[str, float]] = defaultdict(dict)
    for day, name, weight in db.execute(_WEIGHTS):
        by_day[day][name] = weight
    days = sorted(by_day)[-DAYS_MAX:]
    names = sorted({name for found in by_day.values() for name in found})
    now = dict.fromkeys(names, 1.0)
    lines: dict[str, list[float]] = {name: [] for name in names}
    for day in sorted(by_day):
        now |= by_day[day]
        if day >= days[0]:
            for name in names:
                lines[name].append(now[name])
    stages = score(db)
    newest = db.execute("SELECT MAX(day) FROM branch_day").fetchone()[0]
    return WeightsPanel(
        days=days,
        divisions=lines,
        now=now,
        regimes=[(day, name) for day, name in db.execute(_REGIMES)][-DAYS_MAX:],
        orchestration=stages,
        last_day=score(db, since=newest) if newest else [],
    )
