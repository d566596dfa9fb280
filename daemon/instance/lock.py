"""Lock on a state folder: one daemon each, held for its lifetime; and a look at who holds it."""

from __future__ import annotations

import errno
import fcntl
import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TextIO

from daemon.instance.paths import StateDir
from market.errors import AnotherInstance, OperatorError

# Every lock of the system, one a line; anybody may read it.
LOCKS = Path("/proc/locks")


def lock_of(state_dir: StateDir) -> Path:
    """Return the lock's file."""
    return state_dir.path / "lock"


@contextmanager
def alone(state_dir: StateDir) -> Iterator[None]:
    """Hold the state folder's lock; raises AnotherInstance when someone else does."""
    with _opened(lock_of(state_dir)) as lock:
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


def _opened(path: Path) -> TextIO:
    """Open the lock itself, made where it is missing: what a link points to is another's file."""
    how = os.O_RDWR | os.O_APPEND | os.O_CREAT | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
    try:
        number = os.open(path, how, 0o666)
    except OSError as error:
        why = "a link" if error.errno == errno.ELOOP else error.strerror
        raise OperatorError(f"{path}: cannot be opened ({why})") from None
    if not stat.S_ISREG(os.fstat(number).st_mode):
        os.close(number)
        raise OperatorError(f"{path}: is no file; move it away")
    return os.fdopen(number, "a+")


def is_held(state_dir: StateDir) -> bool:
    """Say whether a daemon runs on the state folder, without touching its lock.

    Trying the lock would do too, but could turn away a daemon that starts at that moment.
    """
    try:
        inode = lock_of(state_dir).lstat().st_ino
        held = LOCKS.read_text().splitlines()
    except OSError:
        return False
    return any(
        words[1] == "FLOCK" and words[5].endswith(f":{inode}") for words in map(str.split, held)
    )
