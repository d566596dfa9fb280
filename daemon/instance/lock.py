"""Lock on a state folder: one daemon each, held for its lifetime; and a look at who holds it."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from daemon.instance.paths import StateDir
from market.errors import AnotherInstance, OperatorError

# Every lock of the system, one a line; anybody may read it.
LOCKS = Path("/proc/locks")


def _path(state_dir: StateDir) -> Path:
    return state_dir.path / "lock"


@contextmanager
def alone(state_dir: StateDir) -> Iterator[None]:
    """Hold the state folder's lock; raises AnotherInstance when someone else does."""
    path = _path(state_dir)
    try:
        opened = path.open("a+")
    except OSError as error:
        raise OperatorError(f"{path}: cannot be opened ({error.strerror})") from None
    with opened as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            lock.seek(0)
            holder = lock.read().strip() or "unknown"
            raise AnotherInstance(
                f"{state_dir.path} is in use by a running daemon (pid {holder}); "
                "stop it or name another --state"
            ) from None
        lock.truncate(0)
        lock.write(f"{os.getpid()}\n")
        lock.flush()
        yield


def is_held(state_dir: StateDir) -> bool:
    """Say whether a daemon runs on the state folder, without touching its lock.

    Trying the lock would do too, but could turn away a daemon that starts at that moment.
    """
    try:
        inode = _path(state_dir).stat().st_ino
        held = LOCKS.read_text().splitlines()
    except OSError:
        return False
    return any(
        words[1] == "FLOCK" and words[5].endswith(f":{inode}") for words in map(str.split, held)
    )
