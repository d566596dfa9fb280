"""Progress bar of a command that takes its time."""

from __future__ import annotations

import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rich.progress import Progress

# What is done sooner needs no bar.
SILENT_S = 2.0


@contextmanager
def progress(what: str) -> Iterator[Callable[[float], None] | None]:
    """Yield what to call with the share that is done, None where nobody looks on.

    The bar stands on standard error, from two seconds on, and is gone at the end.
    """
    if not (sys.stdout.isatty() and sys.stderr.isatty()):
        yield None
        return
    bar = Bar(what)
    try:
        yield bar.show
    finally:
        bar.close()


@contextmanager
def waiting(what: str) -> Iterator[None]:
    """Show that something goes on whose share nobody knows, from two seconds on."""
    if not (sys.stdout.isatty() and sys.stderr.isatty()):
        yield
        return
    bar = Bar(what, measured=False)
    timer = threading.Timer(SILENT_S, bar.show, (0.0,))
    timer.start()
    try:
        yield
    finally:
        timer.cancel()
        timer.join()
        bar.close()


class Bar:
    """A bar that appears once it is worth it; one that is not measured goes to and fro."""

    def __init__(self, what: str, *, measured: bool = True) -> None:
        self._what = what
        self._measured = measured
        self._began = time.monotonic()
        self._shown: Progress | None = None

    def show(self, share: float) -> None:
        """Show the share that is done."""
        if self._shown is None:
            if time.monotonic() - self._began < SILENT_S:
                return
            self._shown = self._begin()
        self._shown.update(self._shown.task_ids[0], completed=share)

    def _begin(self) -> Progress:
        from rich.console import Console
        from rich.progress import Progress

        bar = Progress(console=Console(stderr=True), transient=True)
        bar.add_task(self._what, total=1.0 if self._measured else None)
        bar.start()
        return bar

    def close(self) -> None:
        """Take the bar away."""
        if self._shown is not None:
            self._shown.stop()
