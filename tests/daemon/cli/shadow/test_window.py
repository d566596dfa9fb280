from __future__ import annotations

from datetime import UTC, date, datetime

import pytest
import typer

from daemon.cli.shadow.window import since_day


def test_a_window_begins_on_the_day_that_the_time_reaches_back_to() -> None:
    assert since_day(None) == ""
    today = datetime.now(UTC).date()
    found = today - date.fromisoformat(since_day("7d"))
    assert found.days in (7, 8)
    with pytest.raises(typer.BadParameter):
        since_day("yesterday")
