from __future__ import annotations

import pytest

from daemon.cli.research import lenses_text
from research.lenses.crashes import Crash
from research.lenses.protocol import registered
from research.lenses.rejections import Rejection
from research.lenses.study import DEVELOPMENT, LATER, Skill, Tables, Verdict

NAN = float("nan")


def test_what_is_not_known_is_a_dash(capsys: pytest.CaptureFixture[str]) -> None:
    skill = Skill("x", DEVELOPMENT, "bend", 9, 0.1, 0.2, NAN, 0.5, 0.0, -0.1, 0.1, 0.05, 0.2, NAN)
    lenses_text.tables(
        Tables([skill], [], [], [Verdict("x", "bend", "demote to lens", 0.05, 0.2, False, 2, NAN)])
    )
    out = capsys.readouterr().out
    assert "x: verdict" in out and "nan" not in out and "–" in out


def test_the_bound_that_was_promised_is_told(capsys: pytest.CaptureFixture[str]) -> None:
    lenses_text.rejections([], registered())
    assert capsys.readouterr().out == ""
    row = Rejection("garch", "composite", 200, 1, 0.06, 0.05, 0.034, 0.01, 0.07)
    lenses_text.rejections([row], registered())
    out = capsys.readouterr().out
    assert "3.4%" in out and "at most 8%" in out


def test_a_crash_shows_where_each_lens_stood(capsys: pytest.CaptureFixture[str]) -> None:
    lenses_text.crashes("5m candles", [Crash("Luna BTC", 5, 0.25, 7, {"rqa": 0.91, "er": None})])
    out = capsys.readouterr().out
    assert "Luna BTC" in out and "25.0%" in out and "91%" in out and "–" in out
    assert LATER not in out
