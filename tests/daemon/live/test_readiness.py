from __future__ import annotations

import gc
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from daemon.live.readiness import (
    COMPILED_WITHIN_S,
    READY_WITHIN_S,
    WATCHDOG_WITHIN_S,
    Readiness,
    missing_history,
    status_line,
)
from market.events import TIMEFRAMES
from tests.daemon import rig
from tests.support.daemons import StandIn, figures
from tests.support.market import append_closes

SAID = "local, feed up, 0 admitted, 0 blocked, equity 100000.00 USD"


class Manager:
    """A service manager that has heard what it was told."""

    def __init__(self, listener: socket.socket) -> None:
        self._listener = listener

    def heard(self) -> list[str]:
        """Return what was said since the last time."""
        found = []
        while True:
            try:
                found.append(self._listener.recv(4096).decode())
            except BlockingIOError:
                return found


@pytest.fixture
def manager(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Manager]:
    monkeypatch.delenv("WATCHDOG_USEC", raising=False)
    monkeypatch.setenv("NOTIFY_SOCKET", str(tmp_path / "notify"))
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as listener:
        listener.bind(str(tmp_path / "notify"))
        listener.setblocking(False)
        yield Manager(listener)


def rim(*, books: bool = True) -> StandIn:
    engine = rig.fresh({"desk": {"equity_usd": 100_000.0}}, rig.PAIR).engine
    for coin in engine.market.coins.values():
        coin.book.ok = books
        coin.bars.whole = True
        for timeframe in TIMEFRAMES:
            append_closes(coin, [1.0], timeframe)
    return StandIn(engine)


def test_it_is_ready_once_books_history_and_lenses_are_there(manager: Manager) -> None:
    there = rim()
    readiness = Readiness(there)
    for missing in ({"requests": 3}, {"lenses_warm": False}):
        there.numbers = figures(**missing)
        assert not readiness.look(1.0) and not readiness.ready
    assert manager.heard() == []
    there.numbers = figures()
    assert readiness.look(1.0) and readiness.ready
    assert manager.heard() == [f"READY=1\nSTATUS={SAID}"]
    assert not readiness.look(2.0), "said once"
    assert manager.heard() == []


def test_books_and_history_are_not_waited_for_for_ever(manager: Manager) -> None:
    there = rim(books=False)
    there.numbers = figures(requests=1)
    readiness = Readiness(there)
    assert not readiness.look(READY_WITHIN_S - 0.1)
    assert readiness.look(READY_WITHIN_S)


def test_what_history_is_missing_is_said(manager: Manager) -> None:
    there = rim()
    assert missing_history(there) == ""
    bars = there.engine.market.coins["ETH"].bars
    bars.whole = False
    bars.series["4h"].clear()
    assert missing_history(there) == "ETH (1m 4h)"
    there.numbers = figures(requests=2)
    assert Readiness(there).look(READY_WITHIN_S)
    assert manager.heard() == [f"READY=1\nSTATUS={SAID}, without the history of ETH (1m 4h)"]


def test_nor_is_a_lens_process_that_compiles(manager: Manager) -> None:
    there = rim()
    there.numbers = figures(lenses_warm=False)
    readiness = Readiness(there)
    assert not readiness.look(COMPILED_WITHIN_S - 0.1)
    assert readiness.look(COMPILED_WITHIN_S)


def test_what_lives_at_readiness_is_not_looked_at_again(manager: Manager) -> None:
    Readiness(rim()).look(0.0)
    assert gc.get_freeze_count() > 0 and gc.get_threshold() == (50_000, 20, 100)


def test_the_watchdog_is_fed_as_often_as_it_wants_and_not_more(
    manager: Manager, monkeypatch: pytest.MonkeyPatch
) -> None:
    readiness = Readiness(rim())
    readiness.feed_watchdog(1000.0)
    assert manager.heard() == [], "nobody asked"
    monkeypatch.setenv("WATCHDOG_USEC", "4000000")
    for now_s in (1000.0, 1001.0, 1001.9, 1002.0, 1003.0):
        readiness.feed_watchdog(now_s)
    assert manager.heard() == [f"WATCHDOG=1\nSTATUS={SAID}"] * 2
    monkeypatch.setenv("WATCHDOG_USEC", "60000000")
    readiness.feed_watchdog(1002.0 + WATCHDOG_WITHIN_S - 0.1)
    assert manager.heard() == []
    readiness.feed_watchdog(1002.0 + WATCHDOG_WITHIN_S)
    assert len(manager.heard()) == 1


def test_pauses_of_the_collector_count_from_readiness_to_the_end(manager: Manager) -> None:
    readiness = Readiness(rim())
    before = len(gc.callbacks)
    readiness.begin()
    gc.collect()
    assert readiness.gc_pause_ms_max == 0.0
    readiness.look(0.0)
    gc.collect()
    assert readiness.gc_pause_ms_max > 0.0
    readiness.end()
    assert len(gc.callbacks) == before and manager.heard()[-1] == "STOPPING=1"


def test_a_feed_that_is_down_is_in_the_line() -> None:
    there = rim()
    there.numbers = figures(connected=False, mode="paper-testnet")
    assert status_line(there).startswith("paper-testnet, feed down, 0 admitted, 0 blocked, ")
