from __future__ import annotations

import numpy as np
import pytest

from divisions.weights import DAYS_MIN, HIGH, LOW
from research.weights.darwin import paths
from research.weights.weighting import (
    RULES,
    SCENARIOS,
    Row,
    applied,
    recorded,
    simulated,
    synthetic,
    weigh,
)

NAMES = 5


def full(r: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    return r, np.ones(r.shape, dtype=bool), np.full(r.shape, 3, dtype=np.int64)


def made(scenario: str, days: int = 120, histories: int = 4) -> np.ndarray:
    return synthetic(scenario, histories, days, NAMES, np.random.default_rng(1))


@pytest.mark.parametrize("rule", RULES)
@pytest.mark.parametrize("scenario", SCENARIOS)
def test_rules_keep_their_bounds_and_trade_at_equal_size(rule: str, scenario: str) -> None:
    weights = weigh(rule, *full(made(scenario)))
    assert weights.min() >= LOW - 1e-12 and weights.max() <= HIGH + 1e-12
    traded = applied(weights)
    assert np.allclose(traded.mean(axis=2), 1.0)
    assert (traded[:, : DAYS_MIN - 1] == 1.0).all()


@pytest.mark.parametrize("rule", RULES)
def test_no_rule_sees_the_day_it_trades_or_what_comes_after(rule: str) -> None:
    r = made("skill that moves on")
    garbage = r.copy()
    garbage[:, 80:] = 1e3 * np.random.default_rng(2).standard_normal(garbage[:, 80:].shape)
    honest, other = (applied(weigh(rule, *full(x))) for x in (r, garbage))
    assert np.array_equal(honest[:, :81], other[:, :81])


def test_the_darwinian_rule_is_the_darwinian_rule() -> None:
    r, active, closed = full(made("lasting skill"))
    expected = paths(np.round(r * 1e6).astype(np.int64), active, closed)
    assert np.array_equal(weigh("darwin", r, active, closed), expected)


def test_inverse_variance_by_hand() -> None:
    r = np.tile([[1.0, 2.0], [-1.0, -2.0]], (15, 1))[None]
    weights = weigh("inverse variance", *full(r))
    assert weights[0, -1] == pytest.approx([1.0 / 0.625, 0.25 / 0.625])


def test_hedge_by_hand() -> None:
    """Mean squares of 1: after 20 days of +1 and −1 its first step, e^±η before the mean is 1."""
    r = np.tile([[1.0, -1.0]], (DAYS_MIN, 1))[None]
    rate = np.sqrt(2 * np.log(2) / DAYS_MIN)
    raw = np.exp([rate, -rate])
    found = weigh("hedge", *full(r))[0, -1]
    assert found == pytest.approx(np.clip(raw / raw.mean(), LOW, HIGH))


def test_an_unknown_rule_or_scenario_is_refused() -> None:
    with pytest.raises(ValueError, match="no rule"):
        weigh("hope", *full(made("no edge")))
    with pytest.raises(ValueError, match="no scenario"):
        made("free money")


def by_rule(rows: list[Row], scenario: str) -> dict[str, Row]:
    return {row.rule: row for row in rows if row.data == scenario}


def test_nothing_is_gained_without_an_edge_and_something_with_a_lasting_one() -> None:
    rows = simulated(histories=60, days=300, seed=3, names=(NAMES,))
    null, skill = by_rule(rows, "no edge"), by_rule(rows, "lasting skill")
    for row in null.values():
        # Three intervals of 95 %, each asked to hold at 99.7 %.
        assert abs(row.added) <= 1.5 * (row.high - row.low) / 2, row
    assert skill["darwin"].low > 0.5 and skill["hedge"].low > 0.5
    assert abs(skill["inverse variance"].added) < 0.2
    assert null["equal"].added == null["darwin"].over_darwin == 0.0
    assert null["darwin"].on_bounds > 0.25 and null["equal"].on_bounds == 0.0


def test_the_same_seed_says_the_same() -> None:
    again = [simulated(histories=3, days=60, seed=5, names=(NAMES,)) for _ in range(2)]
    assert again[0] == again[1]
    assert {row.data for row in again[0]} == set(SCENARIOS)


def test_what_was_recorded_is_compared_by_day() -> None:
    r = made("lasting skill", days=200, histories=1)[0]
    rows = recorded(*full(r))
    assert [row.rule for row in rows] == list(RULES) and {row.days for row in rows} == {200}
    darwin = rows[1]
    traded = applied(weigh("darwin", *full(r[None])))
    gain = (traded[0] * r).sum(axis=1) - r.sum(axis=1)
    assert darwin.added == pytest.approx(gain.mean()) and darwin.low < darwin.added < darwin.high


def test_too_few_recorded_days_are_no_study() -> None:
    assert recorded(*full(np.ones((DAYS_MIN, NAMES)))) == []
    assert recorded(*full(np.zeros((0, NAMES)))) == []
