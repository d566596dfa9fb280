"""Results of `gnomon replay`: the folder they go to, and their text."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path

from daemon.instance.database import reading
from daemon.instance.paths import StateDir
from daemon.replay.player import Player
from daemon.replay.result import Result
from daemon.views.money import money
from market.errors import InputDamaged
from shadow.store.store import Store
from venue.tape.segment import segments_of


def replay_tape(
    tape: Path,
    state: Path | None,
    without: Sequence[str],
    *,
    whole: bool = False,
    progress: Callable[[float], None] | None = None,
) -> Result:
    """Replay into STATE/replay/gnomon.db, or a temporary folder when no state is given.

    Filters named in `without` are left out of a branch, or of the whole desk. `progress` is told
    the share that is done.
    """
    if state is not None:
        return _replay(tape, StateDir(state, "replay"), without, whole, progress)
    with tempfile.TemporaryDirectory(prefix="gnomon-replay-") as folder:
        return _replay(tape, StateDir(Path(folder), "replay"), without, whole, progress)


def _replay(
    tape: Path,
    state: StateDir,
    without: Sequence[str],
    whole: bool,
    progress: Callable[[float], None] | None,
) -> Result:
    network = _network(tape)
    state.create()
    for suffix in ("", "-wal", "-shm"):
        # A replay's database is derived from its tape alone, so it is made anew each time.
        state.database.with_name(state.database.name + suffix).unlink(missing_ok=True)
    store = Store(state.database, mode="replay", network=network)
    try:
        result = Player(store, without=without, whole=whole, progress=progress).play(tape)
        with reading(state) as db:
            result.pnl = [*money(db), *money(db, kind="phantom")]
        return result
    finally:
        store.close()


def _network(tape: Path) -> str:
    """Return the network of the first segment that has a header."""
    found = segments_of(tape)
    for segment in found:
        if any(segment.groups()):
            return segment.header().network
    raise InputDamaged(f"{found[0].path}: not a tape (no header)")
