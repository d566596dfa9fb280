from __future__ import annotations

from daemon.engine.branches.side import signal_of
from daemon.engine.engine import Engine
from tests.daemon import rig
from tests.daemon.rig import Scene


class Everything:
    """A watcher that keeps what it is told, by the number of the signal."""

    def __init__(self) -> None:
        self.by_number: dict[int, tuple[int, int]] = {}
        self.names: set[str] = set()
        self._ready = self._refused = 0

    def heard(self, ready: int) -> None:
        """Begin with a signal."""
        self._ready, self._refused = ready, 0

    def refused(self, name: str, branches: int) -> None:
        """Keep who is refused: nobody twice, and nobody who is busy."""
        assert branches and not branches & self._refused and not branches & ~self._ready
        self._refused |= branches
        self.names.add(name)

    def taken(self, number: int) -> None:
        """Keep what was said of the signal."""
        self.by_number[number] = self._ready, self._refused


def test_whoever_is_ready_and_not_refused_takes_the_signal() -> None:
    watcher = Everything()
    opened: dict[int, int] = {}

    def watch(engine: Engine) -> None:
        engine.desks.branches.watcher = watcher

    scene = Scene(seed=7, config=rig.TIGHT, before=watch)
    branches = scene.engine.desks.branches

    def look() -> None:
        for trade_id in branches.ledger.trades:
            number = signal_of(trade_id)
            opened[number] = opened.get(number, 0) | branches.holdings.holders[trade_id]

    scene.advance(80, on_second=look)
    look()
    assert len(opened) > 3 and {"direction", "position"} <= watcher.names
    for number, sides in opened.items():
        ready, refused = watcher.by_number[number]
        assert sides == ready & ~refused
    assert any(refused for _, refused in watcher.by_number.values())
    alone = Scene(seed=7, config=rig.TIGHT)
    alone.advance(80)
    assert alone.engine.vitals.branch_digest == scene.engine.vitals.branch_digest
