from __future__ import annotations

from typing import Any

from daemon.alerts.kind import TrialSeen
from daemon.alerts.kinds.trial import KIND, look


def test_each_decision_is_told_once(seen: Any) -> None:
    trials = [TrialSeen(3, "donchian", "fast 20 → 30", "keep")]
    messages, memory = look(seen(trials=trials), {"trial_id": 2})
    assert messages[0].title == "Trial of donchian: keep" and "fast 20 → 30" in messages[0].body
    assert look(seen(trials=trials), memory) == ([], memory) and KIND.way == "silent"
    trials.append(TrialSeen(4, "bollinger", "x", "revert"))
    assert [m.key for m in look(seen(trials=trials), memory)[0]] == ["trial/4"]


def test_what_was_decided_before_the_first_look_is_not_told(seen: Any) -> None:
    trials = [TrialSeen(3, "donchian", "fast 20 → 30", "keep")]
    assert look(seen(trials=None), {}) == ([], {})
    assert look(seen(trials=trials), {}) == ([], {"trial_id": 3})
    _, memory = look(seen(), {})
    assert [m.key for m in look(seen(trials=trials), memory)[0]] == ["trial/3"]
