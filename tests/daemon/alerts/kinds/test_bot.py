from __future__ import annotations

from typing import Any

from daemon.alerts.kinds.bot import KIND, look


def test_its_alarm_is_told_with_what_mends_it_and_no_other(seen: Any) -> None:
    messages, memory = look(
        seen(alarms=[("bot_fault", "donchian on BTC: KeyError"), ("other", "x")]), {}
    )
    (told,) = messages
    assert told.title == "A bot is out of service" and told.body.startswith(
        "donchian on BTC: KeyError"
    )
    assert "gnomon rearm BOT" in told.body and memory == {}
    assert look(seen(), {}) == ([], {}) and KIND.name == "bot"
