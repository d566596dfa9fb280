from __future__ import annotations

from typing import Any

from daemon.alerts.kinds.halted import KIND, look


def test_its_alarm_is_told_with_what_mends_it_and_no_other(seen: Any) -> None:
    messages, memory = look(seen(alarms=[("halt", "operator: lunch"), ("other", "x")]), {})
    (told,) = messages
    assert told.title == "Entries closed" and told.body.startswith("operator: lunch")
    assert "gnomon resume" in told.body and memory == {}
    assert look(seen(), {}) == ([], {}) and KIND.name == "halted"


def test_that_entries_are_open_again_is_told_too(seen: Any) -> None:
    messages, _ = look(seen(alarms=[("flatten", "operator: 3 trades"), ("resume", "operator")]), {})
    assert [m.title for m in messages] == ["Entries closed", "Entries open again"]
