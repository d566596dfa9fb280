from __future__ import annotations

from contextlib import closing
from datetime import date
from pathlib import Path

from daemon.backtest.known.desk import run
from daemon.backtest.known.episodes import lay_out
from market.events import NS_PER_DAY
from shadow.store.check import broken_promises
from shadow.store.store import open_readonly

START_NS = (date(2026, 1, 7) - date(1970, 1, 1)).days * NS_PER_DAY


def test_everything_that_was_laid_out_happens_and_nothing_else(tmp_path: Path) -> None:
    layout = lay_out(2, 7, first_weekday=2)
    run(layout, START_NS, tmp_path / "known.db", {"booking_delay_days": 14})
    with closing(open_readonly(tmp_path / "known.db")) as db:
        signals = db.execute("SELECT ts_ns, bot, coin FROM signal ORDER BY ts_ns").fetchall()
        told = [((ts - START_NS) // 10**9, bot, coin) for ts, bot, coin in signals]
        assert told == [(e.at_s, e.bot, e.coin) for e in layout.episodes]
        assert db.execute("SELECT * FROM alarm").fetchall() == []
        assert db.execute("SELECT * FROM trade WHERE flags <> ''").fetchall() == []
        assert broken_promises(db) == []
