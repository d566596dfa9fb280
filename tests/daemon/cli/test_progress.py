from __future__ import annotations

import io
import sys

import pytest

from daemon.cli import progress as bars
from daemon.cli.progress import progress


class Terminal(io.StringIO):
    """A stream that says it is a terminal."""

    def isatty(self) -> bool:
        return True


def shown(monkeypatch: pytest.MonkeyPatch, *, out: io.StringIO, after_s: float) -> tuple[str, str]:
    err, now = Terminal(), [100.0]
    monkeypatch.setattr(sys, "stdout", out)
    monkeypatch.setattr(sys, "stderr", err)
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setattr(bars.time, "monotonic", lambda: now[0])
    with progress("reading the tape") as told:
        if told is not None:
            told(0.1)
            now[0] += after_s
            told(0.5)
    return out.getvalue(), err.getvalue()


def test_a_bar_appears_on_standard_error_once_it_takes_a_while(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    out, err = shown(monkeypatch, out=Terminal(), after_s=2.5)
    assert out == "" and "reading the tape" in err


def test_what_is_done_soon_shows_no_bar(monkeypatch: pytest.MonkeyPatch) -> None:
    assert shown(monkeypatch, out=Terminal(), after_s=1.5) == ("", "")


def test_where_nobody_looks_on_nothing_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    assert shown(monkeypatch, out=io.StringIO(), after_s=60.0) == ("", "")
