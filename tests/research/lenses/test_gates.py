from __future__ import annotations

import numpy as np
import pytest

from research.lenses.gates import drawdown, judge, persistence, random_gates, tail_mean


def test_drawdown_and_tail_by_hand() -> None:
    moves = np.array([[1.0, -2.0, 1.0, -3.0], [-1.0, 1.0, 1.0, 1.0]])
    assert drawdown(moves).tolist() == [4.0, 1.0]
    assert tail_mean(np.arange(40.0)) == 0.5
    assert tail_mean(np.array([3.0, -1.0])) == -1.0


def test_random_gates_block_as_often_and_as_long() -> None:
    rng = np.random.default_rng(1)
    blocked = np.repeat(rng.random(400) < 0.15, 5)
    drawn = random_gates(blocked, 300, rng)
    assert drawn.shape == (300, 2000)
    assert drawn.mean() == pytest.approx(blocked.mean(), abs=0.01)
    stays = np.mean([persistence(gate)[0] for gate in drawn])
    assert stays == pytest.approx(persistence(blocked)[0], abs=0.02)
    assert not random_gates(np.zeros(50, bool), 4, rng).any()
    assert random_gates(np.ones(50, bool), 4, rng).all()


def world(rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Return moves in which one tenth of the points are falls, and where those are."""
    bad = np.repeat(rng.random(200) < 0.1, 5)
    return 0.01 * rng.standard_normal(1000) - 0.02 * bad + 0.002, bad


def test_a_gate_that_knows_beats_its_twins_and_one_that_does_not_beats_none() -> None:
    rng = np.random.default_rng(3)
    pairs = [world(rng) for _ in range(2)]
    moves, bad = [m for m, _ in pairs], [b for _, b in pairs]
    blind = [np.roll(b, 333) for b in bad]
    found = judge(moves, bad, blind, draws=200, rng=rng)
    assert found.beats
    assert found.gate.blocked == pytest.approx(found.volatility.blocked)
    assert found.gate.drawdown < found.random_drawdown[0] < found.random_drawdown[2] <= 1.2
    assert found.gate.mean > found.random_mean[2] and found.always.drawdown == 1.0
    assert not judge(moves, blind, bad, draws=200, rng=rng).beats


def test_a_gate_that_never_blocks_is_the_market_itself() -> None:
    moves = [np.array([1.0, -2.0, 3.0])]
    never = [np.zeros(3, bool)]
    found = judge(moves, never, never, draws=10, rng=np.random.default_rng(1))
    assert found.gate == found.always and not found.beats
    assert found.gate.mean == pytest.approx(2.0 / 3.0 * 1e4)
