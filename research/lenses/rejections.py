"""Rejection rates of the lenses' ranks, by world and null: do they see what is not there?"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from research import rank_skill
from research.lenses import worlds
from research.lenses.panel import COMPOSITE, Panel, Read, Seen, Spread, read_all
from research.lenses.protocol import Protocol

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Rejection:
    """Rate at which a lens's two-sided rank rejects at 5 % on independent windows of a world.

    `sign` and `garch` are the shares for each null, `share` that of windows in which both do,
    with its exact 95 % interval.
    """

    world: str
    lens: str
    windows: int
    abstained: int
    sign: float
    garch: float
    share: float
    low: float
    high: float


def rejections(
    names: Sequence[str],
    protocol: Protocol,
    *,
    windows: int,
    seed: int,
    read: Read,
    spread: Spread,
    made: Sequence[str] = (*worlds.NULLS, *worlds.POSITIVES),
) -> list[Rejection]:
    """Return the shares of windows that reject, by world and lens, the composite last."""
    rows: list[Rejection] = []
    for world in made:
        # One long path of windows that touch nowhere: each comes from a path of its own.
        moves = worlds.returns(world, protocol, windows, protocol.window, seed)
        ends = np.arange(1, windows + 1) * protocol.window - 1
        seen = read_all(moves.reshape(-1), ends, protocol.window, read, seed, spread)
        rows += _rows(world, names, seen, protocol.level)
    return rows


def on_paths(
    data: str, panels: Sequence[Panel], names: Sequence[str], protocol: Protocol
) -> list[Rejection]:
    """Return the same of the readings of recorded paths, of windows that do not overlap."""
    apart = []
    for panel in panels:
        every = -(-protocol.window // panel.step)
        kept = np.arange(0, len(panel.at), every)
        apart.append(panel.seen.at(kept))
    return _rows(data, names, Seen.join(apart), protocol.level)


def _rows(world: str, names: Sequence[str], seen: Seen, level: float) -> list[Rejection]:
    found = [
        _rejection(world, name, seen.sign_p[:, k], seen.garch_p[:, k], level)
        for k, name in enumerate(names)
    ]
    both = _rejection(world, COMPOSITE, seen.composite_sign_p, seen.composite_garch_p, level)
    return [*found, both]


def _rejection(world: str, lens: str, sign: Floats, garch: Floats, level: float) -> Rejection:
    known = np.isfinite(sign) & np.isfinite(garch)
    count = int(known.sum())
    if not count:
        nan = float("nan")
        return Rejection(world, lens, 0, len(sign), nan, nan, nan, 0.0, 1.0)
    by_sign, by_garch = sign[known] <= level + 1e-9, garch[known] <= level + 1e-9
    hits = int((by_sign & by_garch).sum())
    low, high = rank_skill.share_interval(hits, count)
    return Rejection(
        world,
        lens,
        count,
        len(sign) - count,
        float(by_sign.mean()),
        float(by_garch.mean()),
        hits / count,
        low,
        high,
    )
