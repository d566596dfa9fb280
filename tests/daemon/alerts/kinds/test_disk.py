from __future__ import annotations

from typing import Any

from daemon.alerts.kinds.disk import KIND, look


def test_its_alarm_is_told_with_what_mends_it_and_no_other(seen: Any) -> None:
    messages, memory = look(seen(alarms=[("disk", "900 MB free: low"), ("other", "x")]), {})
    (told,) = messages
    assert told.title == "Disk" and told.body.startswith("900 MB free: low")
    assert "df -h" in told.body and memory == {}
    assert look(seen(), {}) == ([], {}) and KIND.name == "disk"
