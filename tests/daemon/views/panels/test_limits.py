from __future__ import annotations

from contextlib import closing
from pathlib import Path

import pytest

from daemon.instance.database import reading
from daemon.views.panels.limits import axis_end, limit_detail, limits_panel
from shadow.report.report import report
from shadow.store.store import open_readonly
from tests.daemon.views.panels.conftest import Traded
from tests.support.report_example import example


def test_rows_say_what_the_report_says(tmp_path: Path) -> None:
    with closing(open_readonly(example(tmp_path / "gnomon.db"))) as db:
        found, told = limits_panel(db), report(db, by="filter")
    assert (found.watched, found.decided, found.best, found.worst) == (3, 1, "direction", None)
    assert [row.kind for row in found.rows] == [
        "decided", "undecided", "undecided", "placebo", "rule",
    ]  # fmt: skip
    for row, source in zip(found.rows, told.rows, strict=False):
        assert (row.name, row.blocked, row.only_this) == (
            source.name, source.blocked, source.sole_blocked,
        )  # fmt: skip
        assert (row.value_usd, row.verdict) == (source.value_usd, source.verdict)
        if source.value_usd is not None:
            assert row.values[-1][1] == pytest.approx(source.value_usd)
        assert (row.bar is None) == (source.value_low is None)
    direction = found.rows[0]
    assert direction.bar is not None and direction.bar.any_low is not None
    assert direction.bar.any_low < direction.bar.low < direction.bar.at < direction.bar.high
    assert direction.progress is None and 0 < (found.rows[1].progress or 0) < 1
    assert direction.asks.endswith("?")
    assert found.axis_usd == axis_end(found.rows) >= direction.bar.any_low


def test_a_limit_opens_with_its_episodes_best_and_worst(traded: Traded) -> None:
    with reading(traded.state) as db:
        names = [row.name for row in limits_panel(db).rows if row.only_this]
        found = {name: limit_detail(db, name) for name in names}
        assert limit_detail(db, "nothing") is None
        sole = dict(
            db.execute(
                "SELECT s.sole, COUNT(*) FROM signal s JOIN trade t ON t.signal_id = s.signal_id"
                " AND t.trade_id = s.trade_id WHERE t.net_e6 IS NOT NULL AND t.kind = 'phantom'"
                " GROUP BY s.sole"
            ).fetchall()
        )
    opened = 0
    for name, detail in found.items():
        assert detail is not None and len(detail.episodes) == min(sole.get(name, 0), 20)
        if detail.episodes:
            opened += 1
            assert detail.best is not None and detail.worst is not None
            rs = [e.r for e in detail.episodes if e.r is not None]
            assert detail.best.r == max(rs) and detail.worst.r == min(rs)
    assert opened
