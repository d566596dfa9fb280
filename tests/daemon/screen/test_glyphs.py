from __future__ import annotations

import io
import sys

import pytest

from daemon.screen.glyphs import ASCII, UNICODE, glyphs, sparkline
from daemon.screen.terminal import Output


def test_a_terminal_without_unicode_gets_signs_it_can_show(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(sys, "stdout", Output(io.StringIO(), "ascii"))
    assert glyphs() is ASCII
    monkeypatch.setattr(sys, "stdout", Output(io.StringIO(), "utf-8"))
    assert glyphs() is UNICODE
    for name in ASCII.__struct_fields__:
        assert getattr(ASCII, name).isascii()
    # No two states may look alike.
    for signs in (ASCII, UNICODE):
        told = [signs.good, signs.warn, signs.bad, signs.blocked_long, signs.blocked_short,
                signs.closed, signs.phantom, signs.observing]  # fmt: skip
        assert len(set(told)) == len(told)


def test_a_line_ends_with_the_newest_and_draws_nothing_that_was_not_measured() -> None:
    assert sparkline([], 10, "12345678") == sparkline([1.0], 0, "12345678") == ""
    assert sparkline([1.0, 2.0, 3.0], 10, "123") == "123"
    assert sparkline([5.0] * 4, 10, "123") == "1111"
    assert sparkline([float(i) for i in range(100)], 5, "12345") == "12345"
