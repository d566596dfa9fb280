"""The page's process, started beside the daemon: whatever becomes of it, the daemon goes on."""

from __future__ import annotations

import socket
import subprocess
import sys
from contextlib import suppress
from types import TracebackType
from typing import Self

from daemon.instance.paths import StateDir

HOST, PORT = "127.0.0.1", 8078
LEAVES_WITHIN_S = 2.0


class PageProcess:
    """`gnomon web` as a child, if wanted; it leaves when its parent does."""

    def __init__(self, state: StateDir, *, wanted: bool) -> None:
        self._state = state
        self._port = free_port() if wanted else 0
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        """Return where the page is, "" where there is none."""
        return f"http://{HOST}:{self._port}/" if self._port else ""

    def __enter__(self) -> Self:
        return self

    def start(self) -> None:
        """Start serving; a page that cannot start is missed by nobody but its readers."""
        if not self._port:
            return
        command = [sys.executable, "-m", "daemon", "web", "--with-parent", "--port"]
        command += [str(self._port), "--state", str(self._state.root), "--mode", self._state.folder]
        with suppress(OSError):
            self._process = subprocess.Popen(  # noqa: S603 - our own
                command,
                stdin=subprocess.PIPE,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                # Ctrl-C in the terminal is for the daemon.
                start_new_session=True,
            )

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        tb: TracebackType | None,
    ) -> None:
        if self._process is None or self._process.stdin is None:
            return
        self._process.stdin.close()
        try:
            self._process.wait(timeout=LEAVES_WITHIN_S)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()


def free_port() -> int:
    """Return the usual port, or any other that is free where somebody has it."""
    for port in (PORT, 0):
        with socket.socket() as s, suppress(OSError):
            s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            s.bind((HOST, port))
            return int(s.getsockname()[1])
    return 0
