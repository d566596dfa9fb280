from __future__ import annotations

from typing import Any

from daemon.alerts.kind import TrialSeen
from daemon.alerts.kinds.trial import KIND, look


def test_each_decision_is_told_once(seen: Any) -> None:
    trials = [TrialSeen(3, "donchian", "fast 20 → 30", "keep")]
    messages, memory = look(seen(trials=trials), {})
    assert messages[0].title == "Trial of donchian: keep" and "fast 20 → 30" in messages[0].body
    assert look(seen(trials=trials), memory) == ([], memory) and KIND.way == "silent"
    trials.append(TrialSeen(4, "bollinger", "x", "revert"))
    assert [m.key for m in look(seen(trials=trials), memory)[0]] == ["trial/4"]
