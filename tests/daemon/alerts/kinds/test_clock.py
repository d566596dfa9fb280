from __future__ import annotations

from typing import Any

from daemon.alerts.kinds.clock import KIND, look


def test_its_alarm_is_told_with_what_mends_it_and_no_other(seen: Any) -> None:
    messages, memory = look(seen(alarms=[("clock", "2 s ahead of the venue"), ("other", "x")]), {})
    (told,) = messages
    assert told.title == "Clock" and told.body.startswith("2 s ahead of the venue")
    assert "timedatectl" in told.body and memory == {}
    assert look(seen(), {}) == ([], {}) and KIND.name == "clock"
