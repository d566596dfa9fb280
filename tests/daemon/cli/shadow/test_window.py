from __future__ import annotations

from datetime import UTC, date, datetime

import pytest
import typer

from daemon.cli.shadow.window import GROUPS, one_of, since_day


def test_a_word_that_is_not_among_those_allowed_is_refused_with_them() -> None:
    one_of("coin", GROUPS, "--by")
    with pytest.raises(typer.BadParameter, match="'moon': one of filter, division, bot"):
        one_of("moon", GROUPS, "--by")


def test_a_window_begins_on_the_day_that_the_time_reaches_back_to() -> None:
    assert since_day(None) == ""
    today = datetime.now(UTC).date()
    found = today - date.fromisoformat(since_day("7d"))
    assert found.days in (7, 8)
    with pytest.raises(typer.BadParameter):
        since_day("yesterday")
