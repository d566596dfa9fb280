from __future__ import annotations

from typing import Any

import pytest

from daemon.live.decision_log import log_decisions
from shadow.store.rows import Rows
from tests.daemon import rig

Said = list[tuple[str, dict[str, Any]]]


@pytest.fixture
def said(monkeypatch: pytest.MonkeyPatch) -> Said:
    """Return what is logged, by event with its fields."""
    heard: Said = []

    class Ear:
        """Hears every line. Methods of the real log cannot be put back: it makes them anew."""

        def info(self, event: str, **fields: Any) -> None:
            heard.append((event, fields))

        warning = info

    monkeypatch.setattr("daemon.live.decision_log.log", Ear())
    return heard


def test_every_signal_and_alarm_is_a_line_and_the_signals_are_returned(said: Said) -> None:
    rows = rig.eventful().rows
    recent = log_decisions(rows)
    assert len(recent) == len(rows.signals) > 20
    for brief, row in zip(recent, rows.signals, strict=True):
        assert (brief.signal_id, brief.bot, brief.verdict) == (row.signal_id, row.bot, row.verdict)
        assert brief.reason == row.reason and brief.failing == row.failing
    events = [event for event, _ in said]
    assert events.count("signal admitted") + events.count("signal blocked") == len(recent)
    assert events.count("alarm raised") == len(rows.alarms) > 0


def test_a_note_is_a_line_and_no_warning(said: Said) -> None:
    assert log_decisions(Rows(), ["halt passed all"]) == []
    assert said == [("noted", {"text": "halt passed all"})]


def test_who_blocked_is_told_of_a_blocked_signal_alone(said: Said) -> None:
    log_decisions(rig.eventful().rows)
    for event, fields in said:
        if event.startswith("signal"):
            assert ("failing" in fields) == (event == "signal blocked")
            assert fields["reason"] and fields["side"] in ("buy", "sell")
