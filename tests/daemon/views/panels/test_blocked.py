from __future__ import annotations

import pytest

from daemon.instance.database import reading
from daemon.views.money import money
from daemon.views.panels.blocked import blocked_panel
from tests.daemon.views.panels.conftest import Traded
from tests.support.closed_trades import empty_db


def test_both_lines_end_where_the_money_does(traded: Traded) -> None:
    with reading(traded.state) as db:
        found = blocked_panel(db)
        (taken,), (blocked,) = money(db), money(db, kind="phantom")
        sole = dict(
            db.execute(
                "SELECT filter, SUM(net_e6) FROM rollup WHERE scope = 'sole' AND mode <> 'stage'"
                " GROUP BY filter"
            ).fetchall()
        )
    assert found.taken[-1] == pytest.approx(taken.net_usd)
    assert found.any[-1] == pytest.approx(blocked.net_usd)
    assert {name: round(line[-1] * 1e6) for name, line in found.by.items()} == sole
    assert {len(line) for line in (found.taken, found.any, *found.by.values())} == {len(found.days)}


def test_before_anything_was_booked_there_is_no_line() -> None:
    found = blocked_panel(empty_db())
    assert (found.days, found.taken, found.by) == ([], [], {})
