from __future__ import annotations

import sqlite3

from daemon.instance.database import reading
from daemon.views.panels.weights import weights_panel
from divisions.roster import DIVISIONS
from tests.daemon.views.panels.conftest import Traded
from tests.support.closed_trades import empty_db


def weigh(db: sqlite3.Connection, day: str, name: str, weight: float) -> None:
    row = (day, "division", name, weight, None, "x", 0, 0)
    db.execute("INSERT INTO weight VALUES (?, ?, ?, ?, ?, ?, ?, ?)", row)


def test_a_division_without_a_row_keeps_its_weight() -> None:
    db = empty_db()
    weigh(db, "2026-11-01", "trend", 1.0)
    weigh(db, "2026-11-01", "flow", 1.0)
    weigh(db, "2026-11-02", "flow", 1.05)
    found = weights_panel(db)
    assert found.days == ["2026-11-01", "2026-11-02"]
    assert found.divisions == {"flow": [1.0, 1.05], "trend": [1.0, 1.0]}
    assert found.now == {"flow": 1.05, "trend": 1.0}


def test_a_fresh_desk_has_equal_weights_and_no_stage_yet(traded: Traded) -> None:
    with reading(traded.state) as db:
        found = weights_panel(db)
    assert set(found.now) == set(DIVISIONS) and set(found.now.values()) == {1.0}
    assert [s.days for s in found.orchestration] == [0] * len(found.orchestration)
