"""The live screen: a process of its own that asks the daemon for its status twice a second.

Drawing takes milliseconds, and the engine shares its loop with nobody who needs those. So the
screen is `gnomon top`, started beside the daemon, and the daemon's log goes to a file meanwhile.
"""

from __future__ import annotations

import asyncio
import subprocess
import sys
from types import TracebackType
from typing import Self, TextIO

from daemon.instance.paths import StateDir

LOG_BYTES_MAX = 10 << 20
ASKED_AFTER_S = 0.2


class Screen:
    """The drawing process, if wanted, and the file that the daemon's log goes to meanwhile.

    `page` is where the page is, to be shown too.
    """

    def __init__(self, state: StateDir, *, wanted: bool, page: str = "") -> None:
        self._state = state
        self._page = page
        self._wanted = wanted
        self._process: subprocess.Popen[bytes] | None = None
        self.log: TextIO | None = None

    def __enter__(self) -> Self:
        if self._wanted:
            path = self._state.path / "gnomon.log"
            if path.exists() and path.stat().st_size > LOG_BYTES_MAX:
                path.replace(path.with_suffix(".log.1"))
            self.log = path.open("a", buffering=1)
            local = self._state.folder == "local"
            self.say(f"gnomon is {'starting its' if local else 'asking the'} venue and warming up…")
        return self

    def say(self, text: str) -> None:
        """Tell what goes on before there is anything to draw."""
        if self._wanted:
            sys.stdout.write(f"{text}\n")
            sys.stdout.flush()

    def show(self) -> None:
        """Start drawing once the daemon can be asked."""
        if self._wanted:
            asyncio.get_running_loop().call_later(ASKED_AFTER_S, self._start)

    def _start(self) -> None:
        command = [sys.executable, "-m", "daemon", "top", "--follow-parent"]
        command += ["--state", str(self._state.root), "--mode", self._state.folder]
        command += ["--page", self._page] if self._page else []
        self._process = subprocess.Popen(command, stdin=subprocess.PIPE)  # noqa: S603 - our own

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        tb: TracebackType | None,
    ) -> None:
        if self._process is not None:
            assert self._process.stdin is not None
            self._process.stdin.close()
            try:
                self._process.wait(timeout=2.0)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait()
        if self.log is not None:
            self.log.close()
