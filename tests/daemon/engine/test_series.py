from __future__ import annotations

from daemon.config.load import parse
from daemon.engine.series import SeriesBook


def test_a_book_without_series_knows_no_limit() -> None:
    assert SeriesBook(parse({}, "test")).of("direction") is None
