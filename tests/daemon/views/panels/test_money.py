from __future__ import annotations

import msgspec

from daemon.instance.database import reading
from daemon.views.money import money
from daemon.views.panels.money import money_panel
from tests.daemon.views.panels.conftest import Traded
from tests.support.closed_trades import MONDAY_NS, empty_db, put_trade


def test_the_panel_has_the_desk_s_own_money(traded: Traded) -> None:
    with reading(traded.state) as db:
        found = money_panel(db, db.execute("SELECT MAX(ts_ns) FROM equity").fetchone()[0])
        assert found.all == next(iter(money(db)))
    assert found.start_usd == traded.status.start_usd
    assert found.day_start_usd == traded.status.day_start_usd
    assert found.peak_usd is not None and found.peak_usd >= traded.status.equity_usd - 1e-6
    assert found.loss is not None and found.r_usd is not None and found.r_usd > 0
    lost = max(1 - traded.status.equity_usd / found.peak_usd, 0.0)
    assert abs(found.loss.peak_share - lost) < 1e-3
    assert found.ranges["all"].equity_usd[-1] == found.ranges["day"].equity_usd[-1]
    assert all(t > 1e12 for t in found.ranges["all"].times_ms)


def test_today_begins_at_midnight_utc() -> None:
    db = empty_db()
    for hours in (1, 30):
        put_trade(db, closed_ns=MONDAY_NS + hours * 3_600 * 10**9, gross_e6=hours * 10**6)
    found = money_panel(db, MONDAY_NS + 31 * 3_600 * 10**9)
    assert found.today and found.week
    assert (found.today.net_usd, found.week.net_usd) == (30.0, 31.0)
    assert (found.days, found.loss, found.start_usd) == (0.0, None, None)
    msgspec.json.encode(found)
