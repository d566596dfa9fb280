from __future__ import annotations

from daemon.instance.database import reading
from daemon.views.panels.coin import coin_panel
from tests.daemon.views.panels.conftest import Traded
from tests.support.closed_trades import MONDAY_NS, empty_db, put_trade


def test_marks_are_of_the_candles_shown(traded: Traded) -> None:
    with reading(traded.state) as db:
        found = coin_panel(db, "BTC", ["BTC"], traded.chart)
        count = db.execute(
            "SELECT COUNT(*) FROM trade WHERE coin = 'BTC' AND opened_ns IS NOT NULL AND"
            " (kind = 'paper' OR (kind = 'phantom' AND cause = 'block'))"
        ).fetchone()[0]
    assert found.live and found.candles == traded.chart.candles
    assert len(found.marks) == min(count, 60) > 0
    assert all((m.kind == "blocked") == bool(m.limits) for m in found.marks)


def test_an_open_trade_has_no_end_and_without_a_daemon_there_is_no_chart(traded: Traded) -> None:
    db = empty_db()
    put_trade(db, status="open", opened_ns=MONDAY_NS)
    put_trade(db, kind="twin")
    chart = traded.chart
    chart.candles = [(0, 1.0, 1.0, 1.0, 1.0)]
    (mark,) = coin_panel(db, "BTC", ["BTC"], chart).marks
    assert (mark.kind, mark.to_ms, mark.r) == ("taken", None, None)
    rest = coin_panel(db, "BTC", ["BTC"], None)
    assert (rest.live, rest.candles, rest.marks) == (False, [], [])
