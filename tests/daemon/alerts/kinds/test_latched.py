from __future__ import annotations

from typing import Any

from daemon.alerts.kinds.latched import KIND, look


def test_its_alarm_is_told_with_what_mends_it_and_no_other(seen: Any) -> None:
    messages, memory = look(
        seen(alarms=[("drawdown", "entries latched: daily loss 3.02%"), ("other", "x")]), {}
    )
    (told,) = messages
    assert told.title == "Loss limit reached" and told.body.startswith(
        "entries latched: daily loss 3.02%"
    )
    assert "gnomon status" in told.body and memory == {}
    assert look(seen(), {}) == ([], {}) and KIND.name == "latched"


def test_that_it_opened_again_is_another_message(seen: Any) -> None:
    alarms = [("drawdown", "entries latched: daily loss"), ("drawdown", "latch released at 00:00")]
    messages, _ = look(seen(alarms=alarms), {})
    assert [m.title for m in messages] == ["Loss limit reached", "Loss limit released"]
    assert messages[0].key != messages[1].key and KIND.urgent
