"""Output streams: what is printed is one line, can be encoded, and moves no cursor."""

from __future__ import annotations

import io
import os
import subprocess
import sys
from typing import Any

import pytest

from daemon.screen.terminal import Output, encoding_of, fit_streams, for_drawing, shows


class Tty(io.StringIO):
    """A stream that says it is a terminal of UTF-8."""

    encoding = "utf-8"

    def isatty(self) -> bool:
        return True


def shown(text: str, encoding: str) -> str:
    stream = io.StringIO()
    assert Output(stream, encoding).write(text) == len(text)
    return stream.getvalue()


@pytest.mark.parametrize(
    ("encoding", "text", "expected"),
    [
        ("utf-8", "a – b → “c” … é\n", "a – b → “c” … é\n"),
        ("ascii", "a – b → “c” … +1.0 × 2", 'a - b -> "c" ... +1.0 x 2'),
        ("ascii", "kPÉPÉ 中 \U0001f600", "kP\\xc9P\\xc9 \\u4e2d \\U0001f600"),
        ("latin-1", "é – ×", "é - ×"),
        ("utf-8", "\x1b[2Jgone\r\n\x07next\n", "\\x1b[2Jgone\\x0d\n\\x07next\n"),
        ("utf-8", "a\u2028b\udcff\u202e", "a\\u2028b\\xff\\u202e"),
    ],
)
def test_what_is_printed_can_be_shown_and_moves_no_cursor(
    encoding: str, text: str, expected: str
) -> None:
    assert shown(text, encoding) == expected


def test_who_draws_may_use_escapes_and_is_told_what_the_terminal_shows() -> None:
    stream = io.StringIO()
    drawing = Output(stream, "ascii").drawing
    drawing.write("\x1b[1mbold – \x1b[0m")
    assert stream.getvalue() == "\x1b[1mbold - \x1b[0m"
    assert drawing.encoding == "ascii"


@pytest.mark.parametrize(
    ("environ", "expected"),
    [
        ({}, "utf-8"),
        ({"LANG": "C"}, "ascii"),
        ({"LANG": "POSIX"}, "ascii"),
        ({"LANG": "C.UTF-8"}, "utf-8"),
        ({"LANG": "C", "LC_ALL": "en_GB.UTF-8"}, "utf-8"),
        ({"LANG": "en_GB.UTF-8", "LC_ALL": "C"}, "ascii"),
        ({"LANG": "C", "PYTHONUTF8": "1"}, "utf-8"),
        ({"LANG": "C", "PYTHONIOENCODING": "utf-8"}, "utf-8"),
        ({"TERM": "dumb"}, "ascii"),
        ({"TERM": "dumb", "PYTHONIOENCODING": "utf-8"}, "utf-8"),
    ],
)
def test_a_terminal_shows_what_its_locale_says(environ: dict[str, str], expected: str) -> None:
    assert encoding_of(Tty(), environ) == expected


def test_a_pipe_is_no_dumb_terminal() -> None:
    assert encoding_of(io.StringIO(), {"TERM": "dumb"}) == "utf-8"


def test_the_streams_are_put_back(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdout", before := io.StringIO())
    monkeypatch.setenv("LC_ALL", "C")
    assert shows("…") and for_drawing() is before
    with fit_streams():
        assert not shows("…") and shows("...")
        print("one … \x1b")
        assert for_drawing() is not before
    assert sys.stdout is before
    assert before.getvalue() == "one ... \\x1b\n"


RUN = """
import sys
from daemon.__main__ import main
sys.argv = ["gnomon", *sys.argv[1:]]
main()
"""


@pytest.mark.parametrize("locale", [{"LC_ALL": "C"}, {"PYTHONIOENCODING": "ascii"}])
def test_a_whole_command_is_ascii_where_nothing_else_can_be_shown(
    locale: dict[str, str], tmp_path: Any
) -> None:
    env = {k: v for k, v in os.environ.items() if not k.startswith(("LC_", "LANG", "PYTHONIO"))}
    env |= {"XDG_CONFIG_HOME": str(tmp_path), "PYTHONPATH": os.getcwd(), **locale}
    words: list[str | bytes] = [
        sys.executable,
        "-c",
        RUN,
        "config",
        "show",
        "--config",
        b"\xff\x1b",
    ]
    ran = subprocess.run(words, env=env, capture_output=True, check=False)
    assert ran.returncode == 78
    assert ran.stderr.isascii() and b"\\xff\\x1b" in ran.stderr, ran.stderr
