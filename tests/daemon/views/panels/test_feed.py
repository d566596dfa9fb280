from __future__ import annotations

from daemon.instance.database import reading
from daemon.views.panels.feed import feed_panel
from tests.daemon.views.panels.conftest import Traded
from tests.support.closed_trades import empty_db, put_trade


def test_all_three_kinds_are_one_feed_newest_first(traded: Traded) -> None:
    with reading(traded.state) as db:
        events = feed_panel(db).events
        failing = dict(db.execute("SELECT signal_id, failing FROM signal").fetchall())
    times = [e.ts_ms for e in events]
    assert times == sorted(times, reverse=True) and len(events) <= 60
    assert {e.kind for e in events} == {"fill", "close", "block"}
    for event in events:
        if event.kind == "block":
            assert ",".join(event.limits) == failing[event.signal_id]
        else:
            assert event.usd is not None and event.px is not None and not event.limits


def test_a_trade_that_closed_is_there_twice() -> None:
    db = empty_db()
    put_trade(db, gross_e6=5_000_000, side="sell")
    put_trade(db, status="open")
    closed, *fills = feed_panel(db).events
    assert (closed.kind, closed.usd, closed.r, closed.words) == ("close", 5.0, 0.5, "stopped out")
    assert [(e.kind, e.usd) for e in fills] == [("fill", 1000.0)] * 2
    assert closed.side == "short"
