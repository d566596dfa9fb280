from __future__ import annotations

from typing import Any

import pytest

from daemon.live.feed_log import log_told
from market.events import FeedDown, FeedUp, StreamDown, StreamUp


def test_each_coming_and_going_is_a_line_without_the_key_in_a_url(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    heard: list[tuple[str, dict[str, Any]]] = []

    class Ear:
        def info(self, event: str, **fields: Any) -> None:
            heard.append((event, fields))

        warning = info

    monkeypatch.setattr("daemon.live.feed_log.log", Ear())
    told = (FeedUp(), FeedDown("cut"), StreamDown("BTC", "fast", "silent"), StreamUp("BTC", "fast"))
    for event in told:
        log_told(event, "wss://host/ws?key=secret")
    assert [line for line, _ in heard] == ["feed up", "feed down", "stream down", "stream up"]
    assert "secret" not in str(heard) and "host" in str(heard[0])
    assert heard[1][1] == {"reason": "cut", "coins": "all"}
    assert heard[2][1] == {"coin": "BTC", "stream": "fast", "cause": "silent"}
