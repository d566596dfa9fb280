from __future__ import annotations

import io
import sys
import time

import pytest

from daemon.cli import progress as bars
from daemon.cli.progress import progress, waiting


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


@pytest.mark.parametrize(("takes_s", "seen"), [(0.0, False), (0.15, True)])
def test_what_has_no_share_is_shown_once_it_takes_a_while(
    monkeypatch: pytest.MonkeyPatch, takes_s: float, seen: bool
) -> None:
    err = Terminal()
    monkeypatch.setattr(sys, "stdout", Terminal())
    monkeypatch.setattr(sys, "stderr", err)
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setattr(bars, "SILENT_S", 0.05)
    with waiting("reading the database"):
        time.sleep(takes_s)
    assert ("reading the database" in err.getvalue()) is seen
    assert sys.stdout.getvalue() == ""  # type: ignore[attr-defined]


def test_a_pipe_gets_no_bar_whatever_it_takes(monkeypatch: pytest.MonkeyPatch) -> None:
    err = Terminal()
    monkeypatch.setattr(sys, "stdout", io.StringIO())
    monkeypatch.setattr(sys, "stderr", err)
    monkeypatch.setattr(bars, "SILENT_S", 0.0)
    with waiting("reading the database"):
        time.sleep(0.02)
    assert err.getvalue() == ""
