"""Gates beside ignorant gates that block the same share of time.

A gate is out of the market from a point until the next. It is compared with being always in, with
the gate of realised volatility that blocks as often, and with random gates that switch as often
(a Markov chain of the same rate and persistence): any gate that is out half the time cuts
drawdowns, so a cut alone is no result.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]

TAIL = 0.05


@dataclass(frozen=True)
class Worth:
    """One gate's figures: mean and tail mean a point (of log return), drawdown with over without.

    Means are in basis points, the drawdown's ratio is the mean over paths.
    """

    blocked: float
    mean: float
    tail: float
    drawdown: float


@dataclass(frozen=True)
class Utility:
    """A gate beside its twins; the bands hold 95 % of the random gates.

    `beats` is what the protocol asks: mean or tail better than both twins, and a drawdown below the
    volatility gate's and below the random band.
    """

    gate: Worth
    volatility: Worth
    always: Worth
    random_mean: tuple[float, float, float]
    random_tail: float
    random_drawdown: tuple[float, float, float]
    beats: bool


def drawdown(moves: Floats) -> Floats:
    """Return the deepest fall of the cumulative sum from its peak, along the last axis."""
    wealth = np.cumsum(moves, axis=-1)
    wealth = np.concatenate([np.zeros((*moves.shape[:-1], 1)), wealth], axis=-1)
    deepest: Floats = (np.maximum.accumulate(wealth, axis=-1) - wealth).max(axis=-1)
    return deepest


def tail_mean(moves: Floats) -> Floats:
    """Return the mean of the lowest twentieth, along the last axis."""
    count = max(1, round(TAIL * moves.shape[-1]))
    lowest: Floats = np.sort(moves, axis=-1)[..., :count].mean(axis=-1)
    return lowest


def persistence(blocked: Bools) -> tuple[float, float]:
    """Return P(blocked after blocked) and P(blocked after open) of a gate."""
    before, now = blocked[:-1], blocked[1:]
    rate = float(blocked.mean())
    stay = float(now[before].mean()) if before.any() else rate
    enter = float(now[~before].mean()) if (~before).any() else rate
    return stay, enter


def random_gates(blocked: Bools, count: int, rng: np.random.Generator) -> Bools:
    """Return `count` gates (count, n) of the same rate and persistence."""
    stay, enter = persistence(blocked)
    draws = rng.random((len(blocked), count))
    out = np.empty((len(blocked), count), dtype=bool)
    state = draws[0] < blocked.mean()
    out[0] = state
    for t in range(1, len(blocked)):
        state = draws[t] < np.where(state, stay, enter)
        out[t] = state
    return out.T


def _worth(moves: Sequence[Floats], gates: Sequence[Bools]) -> Worth:
    held = [np.where(gate, 0.0, move) for move, gate in zip(moves, gates, strict=True)]
    ratios = [
        float(drawdown(with_) / max(float(drawdown(without)), 1e-12))
        for with_, without in zip(held, moves, strict=True)
    ]
    joined = np.concatenate(held)
    return Worth(
        float(np.concatenate(list(gates)).mean()),
        float(joined.mean()) * 1e4,
        float(tail_mean(joined)) * 1e4,
        float(np.mean(ratios)),
    )


def judge(
    moves: Sequence[Floats],
    gates: Sequence[Bools],
    volatility: Sequence[Bools],
    *,
    draws: int,
    rng: np.random.Generator,
) -> Utility:
    """Return a gate on all paths together; all arguments are by path, of shape (n,)."""
    gate, twin = _worth(moves, gates), _worth(moves, volatility)
    always = _worth(moves, [np.zeros(len(m), dtype=bool) for m in moves])
    ratios = np.zeros(draws)
    held = []
    for move, blocked in zip(moves, gates, strict=True):
        out = np.where(random_gates(blocked, draws, rng), 0.0, move[None, :])
        held.append(out)
        ratios += drawdown(out) / max(float(drawdown(move)), 1e-12) / len(moves)
    joined = np.concatenate(held, axis=1)
    means = joined.mean(axis=1) * 1e4
    tails = tail_mean(joined) * 1e4
    mean = _band(means)
    fall = _band(ratios)
    tail = float(np.median(tails))
    better = (gate.mean > max(twin.mean, mean[1])) or (gate.tail > max(twin.tail, tail))
    shallower = gate.drawdown < min(twin.drawdown, fall[0])
    return Utility(gate, twin, always, mean, tail, fall, bool(better and shallower))


def _band(values: Floats) -> tuple[float, float, float]:
    low, middle, high = np.quantile(values, [0.025, 0.5, 0.975]).tolist()
    return low, middle, high
