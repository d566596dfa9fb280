from __future__ import annotations

import time
from pathlib import Path

import pytest

from daemon.instance.paths import StateDir
from daemon.screen.books import BookReader, as_shown, read_books
from daemon.screen.seen import Seen
from market.errors import GnomonError
from tests.support.closed_trades import MONDAY_NS, put_trade, writable


def test_the_books_hold_money_limits_bots_and_the_newest_of_both_kinds(seen: Seen) -> None:
    books = seen.books
    assert books is not None
    assert {row.name for row in books.limits} > {"direction", "control"}
    assert books.limits[-1].name == "control"
    assert [t.trade_id for t in books.trades] == sorted(t.trade_id for t in books.trades)[::-1]
    assert books.blocked and books.blocked[0].signal_id > books.blocked[-1].signal_id


def test_today_is_from_midnight_utc_and_the_week_seven_days(tmp_path: Path) -> None:
    state, db = writable(tmp_path)
    for back_h in (1, 30, 200):
        put_trade(db, closed_ns=MONDAY_NS + (12 - back_h) * 3_600 * 10**9, gross_e6=back_h * 10**6)
    db.close()
    books = read_books(state, MONDAY_NS + 12 * 3_600 * 10**9)
    assert books.today and books.week and books.whole
    assert (books.today.net_usd, books.week.net_usd, books.whole.net_usd) == (1.0, 31.0, 231.0)
    assert books.phantoms is None and books.equity.equity_usd == []


def test_a_reader_finds_a_database_that_comes_later(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("daemon.screen.books.EVERY_S", 0.01)
    nowhere = StateDir(tmp_path, "local")
    with pytest.raises(GnomonError):
        read_books(nowhere, 1)
    with BookReader(nowhere) as reader:
        assert reader.newest is None
        _, db = writable(tmp_path)
        db.close()
        until = time.monotonic() + 5
        while reader.newest is None and time.monotonic() < until:
            time.sleep(0.01)
        assert reader.newest is not None and reader.newest.bots == []


def test_what_a_terminal_would_obey_is_shown_as_it_is(seen: Seen) -> None:
    assert seen.books is not None
    told = as_shown(seen.status)
    assert told == seen.status
    evil = [*seen.books.bots, *seen.books.bots]
    assert as_shown(seen.books).bots * 2 == evil
