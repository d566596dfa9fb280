from __future__ import annotations

from typing import Any

from daemon.alerts.kinds.weekly import look

DAY_NS = 86_400 * 10**9
# A Wednesday.
BEGUN_NS = 1_796_169_600 * 10**9


def test_the_week_is_told_from_monday_on_once_with_its_page(seen: Any) -> None:
    memory: dict[str, Any] = {}
    told = []
    for day in range(16):
        messages, memory = look(seen(now_ns=BEGUN_NS + day * DAY_NS), memory)
        told += [(day, m.page) for m in messages]
    assert told == [(5, "<html>"), (12, "<html>")]


def test_a_service_that_was_down_on_monday_tells_it_when_it_is_back(seen: Any) -> None:
    _, memory = look(seen(now_ns=BEGUN_NS), {})
    messages, memory = look(seen(now_ns=BEGUN_NS + 7 * DAY_NS), memory)
    assert [m.title for m in messages] == ["The week"]


def test_a_monday_on_which_nothing_can_be_read_waits_for_the_next_look(seen: Any) -> None:
    _, memory = look(seen(now_ns=BEGUN_NS), {})
    monday = BEGUN_NS + 5 * DAY_NS
    assert look(seen(now_ns=monday, week=None), memory) == ([], memory)
    assert [m.page for m in look(seen(now_ns=monday), memory)[0]] == ["<html>"]
