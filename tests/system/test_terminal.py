"""What a person at a terminal sees, through a real pseudo-terminal."""

from __future__ import annotations

import os
import pty
import re
import select
import signal
import struct
import subprocess
import termios
import time
from fcntl import ioctl
from pathlib import Path

from tests.support.process import command, environment

ESCAPES = re.compile(rb"\x1b\[[0-9;?]*[A-Za-z]|\x1b[()][A-Z0-9]|\x1b[=>]")


def read_until(fd: int, words: tuple[bytes, ...], seconds: float) -> bytes:
    """Return what the terminal shows until all words have been seen."""
    seen = b""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if select.select([fd], [], [], 0.2)[0]:
            try:
                seen += os.read(fd, 65536)
            except OSError:
                break
        if all(word in ESCAPES.sub(b"", seen) for word in words):
            break
    return ESCAPES.sub(b"", seen)


def test_the_screen_shows_what_happens_and_ctrl_c_ends_it(tmp_path: Path) -> None:
    main, child = pty.openpty()
    ioctl(child, termios.TIOCSWINSZ, struct.pack("HHHH", 48, 170, 0, 0))
    env = environment({"TERM": "xterm-256color"})
    process = subprocess.Popen(
        command("run", "--state", tmp_path),
        stdin=child,
        stdout=child,
        stderr=child,
        env=env,
        start_new_session=True,
        cwd="/",
    )
    os.close(child)
    try:
        words = (
            b"ALL RIGHT",
            b"feed 8 of 8",
            b"direction",
            b"USD",
            b"What do I hold?",
            b"Ctrl-C stops",
        )
        shown = read_until(main, words, 30.0)
        for word in words:
            assert word in shown, shown[-3000:]
        began = time.monotonic()
        os.killpg(process.pid, signal.SIGINT)
        shown = read_until(main, (b"gnomon shadow report",), 10.0)
        assert process.wait(10.0) == 0
        assert time.monotonic() - began < 5.0
        assert b"see what the limits were worth" in shown
    finally:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()
        os.close(main)
    assert "feed up" in (tmp_path / "local" / "gnomon.log").read_text()
