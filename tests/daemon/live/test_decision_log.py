from __future__ import annotations

from typing import Any

import pytest

from daemon.live.decision_log import DecisionLog
from shadow.store.rows import Rows
from shadow.store.tables.trades import FillRow
from tests.daemon import rig

pytestmark = pytest.mark.xdist_group("busy market")

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
    recent = DecisionLog().log(rows)
    assert len(recent) == len(rows.signals) > 20
    for brief, row in zip(recent, rows.signals, strict=True):
        assert (brief.signal_id, brief.bot, brief.verdict) == (row.signal_id, row.bot, row.verdict)
        assert brief.reason == row.reason and brief.failing == row.failing
    events = [event for event, _ in said]
    assert events.count("signal admitted") + events.count("signal blocked") == len(recent)
    assert events.count("alarm raised") == len(rows.alarms) > 0


def test_a_note_is_a_line_and_no_warning(said: Said) -> None:
    assert DecisionLog().log(Rows(), ["halt passed all"]) == []
    assert said == [("noted", {"text": "halt passed all"})]


def test_who_blocked_is_told_of_a_blocked_signal_alone(said: Said) -> None:
    DecisionLog().log(rig.eventful().rows)
    for event, fields in said:
        if event.startswith("signal"):
            assert ("failing" in fields) == (event == "signal blocked")
            assert fields["reason"] and fields["side"] in ("buy", "sell")


def test_fills_and_closes_of_the_desk_are_lines_with_their_money(said: Said) -> None:
    rows = rig.eventful().rows
    DecisionLog().log(rows)
    own = {row.trade_id: row for row in rows.trades if row.kind == "paper"}
    fills = [fields for event, fields in said if event in ("entry filled", "exit filled")]
    assert len(fills) == sum(fill.trade_id in own for fill in rows.fills) > 2
    for fields in fills:
        row = own[fields["trade"]]
        assert (fields["bot"], fields["coin"]) == (row.bot, row.coin)
        assert fields["side"] == ("long" if row.side == "buy" else "short")
    closes = {fields["trade"]: fields for event, fields in said if event == "trade closed"}
    made = {u.trade_id: u for u in rows.trade_updates if u.trade_id in own and u.net_e6 is not None}
    assert closes.keys() == made.keys() and closes
    for number, fields in closes.items():
        assert fields["net_usd"] == pytest.approx((made[number].net_e6 or 0) / 1e6, abs=1e-4)
        parts = fields["price_usd"] + fields["fees_usd"] + fields["funding_usd"]
        assert parts == pytest.approx(fields["net_usd"], abs=3e-4)
        assert fields["why"] and fields["held_s"] > 0


def test_a_trade_that_was_there_from_the_start_is_named_too(said: Said) -> None:
    scene = rig.eventful()
    held = list(scene.engine.branch.settlement.real.values())
    assert held
    later = Rows(fills=[FillRow(held[0].trade_id, 1, "exit", "sell", 2.0, 3, 4_000_000, 5_000, 1)])
    DecisionLog().log(later)
    assert said == []
    DecisionLog(held).log(later)
    event, fields = said[0]
    assert event == "exit filled" and fields["bot"] == held[0].bot and fields["usd"] == 4.0
