from __future__ import annotations

import asyncio
import subprocess
from pathlib import Path
from typing import Any

import pytest

from daemon.instance.paths import StateDir
from daemon.screen import process as module
from daemon.screen.process import Screen


def state_in(path: Path) -> StateDir:
    state = StateDir(path, "local")
    state.create()
    return state


class Process:
    """A screen that leaves when told, or does not."""

    def __init__(self, *, stubborn: bool = False) -> None:
        self.stubborn = stubborn
        self.told: list[str] = []
        self.stdin = self

    def close(self) -> None:
        self.told.append("closed")

    def wait(self, timeout: float | None = None) -> int:
        self.told.append(f"waited {timeout}")
        if self.stubborn and timeout is not None:
            raise subprocess.TimeoutExpired("top", timeout)
        return 0

    def kill(self) -> None:
        self.told.append("killed")


def test_without_a_terminal_nothing_is_drawn_and_the_log_stays_where_it_was(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with Screen(state_in(tmp_path), wanted=False) as made:
        assert made.log is None
        made.show()
    assert capsys.readouterr().out == ""
    assert not list((tmp_path / "local").glob("*.log*"))


def test_with_a_screen_the_log_goes_to_a_file_that_is_renewed_when_long(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(module, "LOG_BYTES_MAX", 10)
    state = state_in(tmp_path)
    for text in ("a first run\n", "a second run\n"):
        with Screen(state, wanted=True) as made:
            assert made.log is not None
            made.log.write(text)
        assert made.log.closed
    assert (state.path / "gnomon.log").read_text() == "a second run\n"
    assert (state.path / "gnomon.log.1").read_text() == "a first run\n"
    assert "starting" in capsys.readouterr().out


@pytest.mark.parametrize("stubborn", [False, True])
def test_the_screen_is_told_to_leave_and_ended_when_it_does_not(
    stubborn: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    started: list[Any] = []
    process = Process(stubborn=stubborn)

    def popen(command: list[str], **options: Any) -> Process:
        started.append(command)
        return process

    monkeypatch.setattr(subprocess, "Popen", popen)
    monkeypatch.setattr(module, "ASKED_AFTER_S", 0.0)

    async def main() -> None:
        with Screen(state_in(tmp_path), wanted=True) as made:
            made.show()
            assert not started, "not before the daemon can be asked"
            await asyncio.sleep(0.05)
            assert started

    asyncio.run(main())
    assert started[0][1:] == [
        "-m", "daemon", "top", "--follow-parent", "--state", str(tmp_path), "--mode", "local",
    ]  # fmt: skip
    assert process.told[0] == "closed"
    assert ("killed" in process.told) == stubborn
