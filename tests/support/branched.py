"""A desk of two bots with branches over six days, told by hand into a database.

It begins on a Saturday at noon. Every evening one signal that `limit` alone refuses stays open over
midnight, so that on Monday the branches are forked with something to sell; the Tuesday was not
run for half of it.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Sequence
from contextlib import closing
from itertools import cycle
from pathlib import Path
from typing import Any

from daemon.engine.branches.variant import standard
from market.decision import BUY
from market.events import MS_PER_DAY, NS_PER_DAY
from risk.filter import Mode
from tests.support.shadow import LATENCY_NS, T0, Puppet, Says, Scripted, Stage

SATURDAY, TUESDAY = 5, 8
DAYS = 6
# What the run says that its fills assume: the stage's model.
ASSUMED = {"fills": {"latency_ms": LATENCY_NS / 1e6}, "fees": {"taker_bps": 4.5}}
FILTERS: dict[str, Mode] = {"limit": "enforce", "other": "enforce", "watch": "observe"}
# What the filters say, one signal after the other; who is silent passes.
TURNS: tuple[dict[str, Says], ...] = (
    {},
    {"limit": "fail"},
    {},
    {"other": "fail"},
    {"watch": "fail"},
    {},
    {"limit": "fail", "other": "fail"},
    {},
    {"limit": "no_data"},
    {},
)
ALL_TURNS: tuple[dict[str, Says], ...] = (
    *TURNS,
    {"volatility": "fail"},
    {"control": "fail"},
    {"halt": "fail"},
    {"control": "fail"},
    {},
    {"control": "fail", "watch": "fail"},
    {"limit": "fail", "halt": "fail"},
)
RULES = ("halt",)
# Volatilities at signals that pass.
WILD = (2.0, 2.6, 1.3, 3.4, 1.1, 1.9, 4.0, 1.5, 2.2)
# Constants of the verdict under which six days show what six months would.
SOON = {
    "verdict": {
        "alpha_s": 0.7, "alpha_v": 0.7, "t_star_days": 1.0, "n_eff_min": 2.0, "blocked_min": 3,
        "seen_min": 3, "phi_max": 0.0,
    }
}  # fmt: skip
# Where the price goes after the entry: stops, targets and horizons, of longs and shorts.
MIDS = (101.2, 98.8, 100.3, 99.6, 101.2, 98.8, 99.9)


def branched_stage(filters: dict[str, Mode] | None = None, **options: Any) -> Stage:
    """Return the desk before its first event."""
    options.setdefault("delay_days", 0)
    options.setdefault("bots", [Puppet("alpha", "trend"), Puppet("beta", "flow")])
    filters = filters or FILTERS
    return Stage(
        filters=filters,
        variants=standard(
            Scripted(name, mode) for name, mode in filters.items() if name not in RULES
        ),
        now_ns=T0 + SATURDAY * NS_PER_DAY + NS_PER_DAY // 2,
        **options,
    )


def tell(
    stage: Stage,
    days: int = DAYS,
    said: Sequence[dict[str, Says]] = TURNS,
    names: Sequence[str] = ("alpha", "alpha", "beta"),
) -> None:
    """Let days pass, up to the first seconds of the one after."""
    stage.up()
    stage.book()
    stage.second()
    turns, mids, wild = cycle(said), cycle(MIDS), cycle(WILD)
    bots, sides = cycle(names), cycle((1, 1, -1, -1, 1))
    for day in range(SATURDAY, SATURDAY + days):
        stage.wait_until(day * MS_PER_DAY + MS_PER_DAY // 2)
        stage.books(3)
        for _ in range(14):
            if "volatility" in stage.filters:
                stage.filters["volatility"].value = next(wild)
            _turn(stage, next(bots), next(sides), next(mids), next(turns))
        _turn(stage, "alpha", BUY, 100.7, {"limit": "fail"}, hours=20.0)
        stage.wait_until((day + 1) * MS_PER_DAY - 1000)
        stage.engine.vitals.uptime.run_ns = 0 if day == TUESDAY else NS_PER_DAY * 3 // 4
        for wait_s in (0, 2):
            stage.wait(wait_s)
            stage.book(100.7)
            stage.second()


def _turn(
    stage: Stage, bot: str, side: int, mid: float, says: dict[str, Says], hours: float = 0.0
) -> None:
    stage.script(**{**dict.fromkeys(stage.filters, "pass"), **says})
    found = stage.signal(bot, side, target=1.0, horizon_s=hours * 3600 or 12)
    assert found is not None
    stage.books(2)
    stage.books(2, mid)
    if not hours:
        stage.books(16)


def branched(path: Path, days: int = DAYS, **options: Any) -> Stage:
    """Write days into a new database."""
    stage = branched_stage(**options)
    stage.open_store(path)
    tell(stage, days)
    _finish(stage, path)
    return stage


def whole(path: Path) -> None:
    """Write days of which a report has something in every column, with gates that few days pass.

    Beside the limits there are the coin, the one that measures volatility, a rule, a bot in the
    shadow stage, and regimes of all days but the last two.
    """
    bots = [Puppet("alpha", "trend"), Puppet("beta", "flow"), Puppet("nova", "flow")]
    more: dict[str, Mode] = {"volatility": "enforce", "control": "observe", "halt": "enforce"}
    stage = branched_stage(FILTERS | more, bots=bots, staged=("nova",), delay_days=1)
    stage.open_store(path)
    tell(stage, 9, ALL_TURNS, ("alpha", "alpha", "beta", "nova"))
    _finish(stage, path)
    with closing(sqlite3.connect(path)) as db:
        db.execute("UPDATE series SET terms = json_patch(terms, ?)", (json.dumps(SOON),))
        days = [day for (day,) in db.execute("SELECT DISTINCT day FROM slice_day ORDER BY day")]
        db.executemany(
            "INSERT INTO rollup VALUES (?, '', 'regime', ?, '', 1, 0, 0.0, 0.0, 0)",
            zip(days[:-2], cycle(("trend", "UNDETERMINED")), strict=False),
        )
        db.commit()


def _finish(stage: Stage, path: Path) -> None:
    stage.commit()
    assert stage.store is not None
    stage.store.close()
    with closing(sqlite3.connect(path)) as db:
        db.execute("UPDATE run SET config = json_patch(config, ?)", (json.dumps(ASSUMED),))
        db.commit()
