from __future__ import annotations

from typing import Any

from daemon.alerts.kind import VerdictSeen
from daemon.alerts.kinds.verdict import look


def test_each_verdict_is_told_once_and_a_lost_one_not_at_all(seen: Any) -> None:
    open_ = VerdictSeen("direction", "UNDETERMINED", "not yet", None)
    good = VerdictSeen("direction", "PROTECTIVE", "it saves", 1_190.4)
    bad = VerdictSeen("direction", "RESTRICTIVE", "it costs", -5.0)
    memory: dict[str, Any] = {}
    told = []
    for one in (open_, good, good, open_, good, bad):
        messages, memory = look(seen(verdicts=[one]), memory)
        told += [(m.title, m.body) for m in messages]
    assert told == [
        ("direction is PROTECTIVE", "it saves\nSaved or cost so far: +1,190 USD"),
        ("direction is RESTRICTIVE", "it costs\nSaved or cost so far: -5 USD"),
    ]
    assert look(seen(), memory) == ([], memory)


def test_a_verdict_of_before_the_first_look_is_not_told(seen: Any) -> None:
    good = VerdictSeen("direction", "PROTECTIVE", "it saves", 1.0)
    assert look(seen(), {}) == ([], {})
    messages, memory = look(seen(verdicts=[good]), {})
    assert (messages, look(seen(verdicts=[good]), memory)[0]) == ([], [])
