"""Text from outside: what is kept and shown can be written, and stays on its line."""

from __future__ import annotations

import os

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from market.text import visible


@pytest.mark.parametrize(
    ("raw", "shown"),
    [
        ("exchange maintenance – “soon” €", "exchange maintenance – “soon” €"),
        ("\x1b[2J\x1b]0;owned\x07", "\\x1b[2J\\x1b]0;owned\\x07"),
        ("one\nHALTED by nobody\r\ttwo", "one\\x0aHALTED by nobody\\x0d\\x09two"),
        (os.fsdecode(b"caf\xe9 \xff"), "caf\\xe9 \\xff"),
        ("\ud83d alone", "\\ud83d alone"),
        ("\x9b31m", "\\x9b31m"),
        ("pay \u202e001\u2066", "pay \\u202e001\\u2066"),
        ("\x00", "\\x00"),
    ],
)
def test_what_is_not_meant_to_be_seen_becomes_an_escape(raw: str, shown: str) -> None:
    assert visible(raw) == shown


@settings(max_examples=50, deadline=None)
@given(st.binary(max_size=40), st.text(max_size=20))
def test_any_bytes_become_one_line_that_can_be_written(raw: bytes, more: str) -> None:
    shown = visible(os.fsdecode(raw) + more)
    assert shown.encode().decode() == shown
    assert len(shown.splitlines()) <= 1
    assert visible(shown) == shown


def test_the_escapes_count_when_a_text_is_cut() -> None:
    assert visible("\x1b" * 100, 10) == "\\x1b\\x1b\\x"
