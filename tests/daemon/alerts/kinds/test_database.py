from __future__ import annotations

from typing import Any

from daemon.alerts.kinds.database import KIND, look


def test_its_alarm_is_told_with_what_mends_it_and_no_other(seen: Any) -> None:
    messages, memory = look(seen(alarms=[("files", "gnomon.db was moved"), ("other", "x")]), {})
    (told,) = messages
    assert told.title == "Database" and told.body.startswith("gnomon.db was moved")
    assert "gnomon db check" in told.body and memory == {}
    assert look(seen(), {}) == ([], {}) and KIND.name == "database"
