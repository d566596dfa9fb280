from __future__ import annotations

from typing import Any

from daemon.alerts.kinds.restarts import look
from tests.daemon.alerts.conftest import NOW_NS

MINUTE = 60 * 10**9


def test_three_starts_within_a_quarter_of_an_hour_are_a_loop_told_once(seen: Any) -> None:
    starts = [NOW_NS - at * MINUTE for at in (40, 10, 5, 1)]
    messages, memory = look(seen(runs_ns=starts), {})
    assert [m.title for m in messages] == ["Restarting again and again"]
    assert messages[0].body.startswith("3 starts within 15 min")
    later = [*starts, NOW_NS]
    assert look(seen(runs_ns=later), memory) == ([], memory)
    # A loop of its own, after that one.
    fresh = [NOW_NS + at * MINUTE for at in (60, 61, 62)]
    assert len(look(seen(runs_ns=fresh), memory)[0]) == 1


def test_two_starts_are_an_upgrade(seen: Any) -> None:
    assert look(seen(runs_ns=[NOW_NS - MINUTE, NOW_NS]), {}) == ([], {})
    assert look(seen(), {}) == ([], {})
