from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

import msgspec
import pytest

from daemon.views.weights import (
    BotWeight,
    DivisionWeight,
    RegimeView,
    WeightsView,
    regime_view,
    weights_view,
)
from divisions.roster import DIVISIONS, discover
from divisions.weights import HIGH, START
from research.weights.emergent import UNDETERMINED, emergent
from research.weights.labels import label
from shadow.store.returns import latest_weights, return_rows
from shadow.store.tables.weights import WeightRow
from tests.support.learning import learned


def row(day: str, scope: str, name: str, weight: float) -> WeightRow:
    return WeightRow(day, scope, name, weight, 0.25, "top quartile", 24, 48)


HISTORY = [
    row("2025-09-01", "bot", "donchian", 1.0),
    row("2025-09-01", "division", "trend", 1.0),
    row("2025-09-02", "bot", "donchian", 1.2),
    row("2025-09-02", "division", "trend", 1.1),
    row("2025-09-03", "bot", "donchian", 1.2),
    row("2025-09-03", "division", "trend", 1.1),
]


def test_names_without_a_row_have_what_they_begin_with() -> None:
    found = weights_view([], [])
    assert list(found.divisions) == list(DIVISIONS)
    assert {n: b.division for n, b in found.bots.items()} == {
        c.name: c.division for c in discover()
    }
    nothing = DivisionWeight(START, None, 0, 0, "start", None, None)
    assert set(map(msgspec.json.encode, found.divisions.values())) == {msgspec.json.encode(nothing)}
    assert (found.moves, found.saturated, found.on_bounds) == ([], [], {"division": [], "bot": []})


def test_a_move_stands_with_what_was_before_and_a_weight_with_its_day() -> None:
    found = weights_view(HISTORY[-2:], HISTORY)
    assert [(m.day, m.scope, m.name, m.before, m.weight) for m in found.moves] == [
        ("2025-09-02", "bot", "donchian", 1.0, 1.2),
        ("2025-09-02", "division", "trend", 1.0, 1.1),
    ]
    assert found.divisions["trend"] == DivisionWeight(
        1.1, 0.25, 24, 48, "top quartile", "2025-09-03", "2025-09-02"
    )
    donchian = found.bots["donchian"]
    assert (donchian.division, donchian.weight) == ("trend", 1.2)
    assert donchian.size_weight == pytest.approx(1.1 * 1.2)


def test_too_many_on_a_bound_are_told() -> None:
    latest = [row("2025-09-03", "division", name, HIGH) for name in list(DIVISIONS)[:2]]
    found = weights_view(latest, latest)
    assert found.on_bounds["division"] == list(DIVISIONS)[:2] and found.saturated == ["division"]


def test_a_second_opinion_is_a_key_only_where_it_was_asked_for() -> None:
    found = weights_view([], [])
    assert not msgspec.to_builtins(found).keys() & {"verified", "differences"}
    found.verified, found.differences = True, []
    assert msgspec.json.decode(msgspec.json.encode(found), type=WeightsView) == found
    bot = msgspec.to_builtins(found.bots["donchian"])
    assert bot.keys() == set(BotWeight.__struct_fields__)


def test_the_regime_stands_beside_the_labels_of_coins(tmp_path: Path) -> None:
    with closing(sqlite3.connect(learned(tmp_path / "gnomon.db", 24))) as db:
        latest, returns = latest_weights(db), return_rows(db)
    closes = {"BTC": [100.0 + i % 7 for i in range(300)], "ETH": [1.0, 2.0]}
    found = regime_view(latest, returns, closes, "5m")
    own = emergent(latest, returns)
    assert (own.leader, own.days) == ("trend", 24)
    for name in ("regime", "reason", "leader", "lead", "band", "p", "ratio_p", "days", "weights"):
        assert getattr(found, name) == getattr(own, name), name
    assert found.timeframe == "5m"
    assert found.labels == {name: label(values) for name, values in closes.items()}
    assert regime_view([], [], {}, "5m").regime == UNDETERMINED
    again = msgspec.json.decode(msgspec.json.encode(found), type=RegimeView)
    assert again == found
