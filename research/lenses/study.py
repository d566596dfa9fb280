"""Dress rehearsal of the lenses, on synthetic worlds and recorded candles.

Four tables by the protocol fixed in `protocol.toml`: what a lens knows of later falls beyond
volatility, what its alarms catch, what a gate of it is worth beside its twins, and the verdict.
The development part decides; what was held out is reported apart.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from quant.sums import sum_in_order
from research import rank_skill
from research.lenses import alarms, gates, worlds
from research.lenses.panel import COMPOSITE, Panel, Read, Spread, panel_of
from research.lenses.protocol import Protocol

Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]

BASELINES = ("rv60", "rv_z", "har", "er")
DEVELOPMENT, LATER, COINS = "development", "last quarter", "other coins"
PARTS = (DEVELOPMENT, LATER, COINS)
KEEP, DEMOTE = "keep as gate", "demote to lens"


@dataclass(frozen=True)
class Skill:
    """Skill of a lens: what it knows of the falls within the horizon, pooled over paths.

    `rho` is the rank correlation with realised volatility over 60 bars and `auc` the area for
    large falls, each of the null rank and of the raw value. `partial` is the rank correlation
    with the fall given that volatility, with its interval; `beyond` the same given all
    baselines, with the one-sided p of time shifts and that p by Holm over the lenses.
    """

    data: str
    part: str
    lens: str
    points: int
    rho: float
    rho_raw: float
    auc: float
    auc_raw: float
    partial: float
    low: float
    high: float
    beyond: float
    p: float
    p_holm: float


@dataclass(frozen=True)
class AlarmRow:
    """Alarms of a rule on one part, beside those of `rv_z` at the very same rate."""

    data: str
    part: str
    lens: str
    alarm: alarms.Alarm
    twin: alarms.Alarm


@dataclass(frozen=True)
class GateRow:
    """A gate of the highest scores on one part, beside its twins."""

    data: str
    part: str
    lens: str
    utility: gates.Utility


@dataclass(frozen=True)
class Verdict:
    """The words of the protocol for one lens, and what they rest on."""

    data: str
    lens: str
    verdict: str
    beyond: float
    p_holm: float
    beats_twins: bool
    signs: int
    later: float


@dataclass(frozen=True)
class Tables:
    """All tables of one set of paths."""

    skill: list[Skill]
    alarms: list[AlarmRow]
    gates: list[GateRow]
    verdicts: list[Verdict]


def world_panel(
    world: str,
    protocol: Protocol,
    *,
    windows: int,
    seed: int,
    horizon: int,
    read: Read,
    spread: Spread,
) -> Panel:
    """Return the panel of one long path of a world, with about so many points."""
    bars = protocol.window + max(protocol.horizons) + windows * protocol.stride
    moves = worlds.returns(world, protocol, 1, bars, seed)[0]
    return panel_of(
        world,
        np.arange(bars),
        moves * 1e-3,
        protocol,
        read=read,
        most=windows,
        seed=seed,
        horizon=horizon,
        spread=spread,
    )


def score_of(panel: Panel, lens: str, names: Sequence[str]) -> Floats:
    """Return the score by point of a lens (its null rank), of the composite or of a baseline."""
    if lens == COMPOSITE:
        return panel.seen.composite
    if lens in names:
        return panel.seen.ranks[:, names.index(lens)]
    return panel.baseline[lens]


@dataclass(frozen=True)
class _Cut:
    """The points of a panel that belong to a part."""

    panel: Panel
    where: slice

    def score(self, lens: str, names: Sequence[str]) -> Floats:
        """Return the score of these points."""
        return score_of(self.panel, lens, names)[self.where]

    def raw(self, lens: str, names: Sequence[str]) -> Floats:
        """Return the raw values of a lens; of what has none, the score."""
        if lens in names:
            return self.panel.seen.values[self.where, names.index(lens)]
        return self.score(lens, names)

    def given(self, *columns: str) -> Floats:
        """Return baselines side by side."""
        return np.stack([self.panel.baseline[c][self.where] for c in columns], axis=1)


def _cuts(panels: Sequence[Panel], part: str) -> list[_Cut]:
    if part == COINS:
        return [_Cut(p, slice(None)) for p in panels if p.coin_held_out]
    found = []
    for panel in panels:
        if not panel.coin_held_out:
            first = int(np.argmax(panel.held_out))
            found.append(
                _Cut(panel, slice(None, first) if part == DEVELOPMENT else slice(first, None))
            )
    return found


def _lower(panel: Panel, lens: str, names: Sequence[str], rate: float) -> float:
    """Return the score that fires at `rate` on the first part of the very path."""
    return alarms.threshold(score_of(panel, lens, names), ~panel.held_out, rate)


def _fired(cut: _Cut, lens: str, names: Sequence[str], rate: float) -> Bools:
    score = cut.score(lens, names)
    hit: Bools = np.isfinite(score) & (score >= _lower(cut.panel, lens, names, rate))
    return hit


def _skill(
    data: str,
    part: str,
    lens: str,
    names: Sequence[str],
    panels: Sequence[Panel],
    protocol: Protocol,
    horizon: int,
    seed: int,
) -> tuple[Skill, list[Floats]]:
    cuts = _cuts(panels, part)
    this = protocol.horizons.index(horizon)
    sizes = [len(c.panel.at[c.where]) for c in cuts]
    groups = [c.panel.span for c in cuts]
    scores = [c.score(lens, names) for c in cuts]
    raws = [c.raw(lens, names) for c in cuts]
    deep = [c.panel.falls[c.where, this] for c in cuts]
    large = [
        d >= np.quantile(c.panel.falls[~c.panel.held_out, this], protocol.large_quantile)
        for c, d in zip(cuts, deep, strict=True)
    ]
    spans = [-(-(protocol.window + horizon) // c.panel.step) for c in cuts]
    rng = np.random.default_rng([seed, *lens.encode(), *part.encode()])
    given = [c.given("rv60") for c in cuts]
    partial = [rank_skill.products(s, d, g)[2] for s, d, g in zip(scores, deep, given, strict=True)]
    low, high = rank_skill.block_interval(partial, groups, max(spans), protocol.bootstraps, rng)
    everything = ("rv60", "rv_z", "har", "er", "last")
    # A baseline is judged on what the others leave.
    against = [c.given(*(b for b in everything if b != lens)) for c in cuts]
    beyond = [rank_skill.products(s, d, g) for s, d, g in zip(scores, deep, against, strict=True)]
    margins = [2 * s for s in spans]
    null = rank_skill.shift_distribution(
        [(a, b) for a, b, _ in beyond], groups, margins, protocol.shifts, rng
    )
    distinct = rank_skill.distinct_of(sizes, groups, margins)
    observed = float(np.concatenate([ab for _, _, ab in beyond]).mean())
    row = Skill(
        data,
        part,
        lens,
        sum(int(np.isfinite(s).sum()) for s in scores),
        _mean([rank_skill.spearman(s, g[:, 0]) for s, g in zip(scores, given, strict=True)], sizes),
        _mean([rank_skill.spearman(s, g[:, 0]) for s, g in zip(raws, given, strict=True)], sizes),
        _auc(scores, large),
        _auc(raws, large),
        float(np.concatenate(partial).mean()),
        low,
        high,
        observed,
        rank_skill.exceeded(observed, null, distinct),
        float("nan"),
    )
    return row, [ab for _, _, ab in beyond]


def _mean(values: Sequence[float], sizes: Sequence[int]) -> float:
    known = [(v, n) for v, n in zip(values, sizes, strict=True) if np.isfinite(v)]
    total = sum(n for _, n in known)
    return sum_in_order(v * n for v, n in known) / total if total else float("nan")


def _auc(scores: Sequence[Floats], large: Sequence[Bools]) -> float:
    """Return the area over all paths, each ranked by itself."""
    ranked = []
    for score in scores:
        known = np.isfinite(score)
        out = np.full(len(score), np.nan)
        out[known] = rank_skill.ranks(score[known]) / max(int(known.sum()), 1)
        ranked.append(out)
    return rank_skill.auc(np.concatenate(ranked), np.concatenate(list(large)))


def _alarm(
    data: str,
    part: str,
    lens: str,
    names: Sequence[str],
    panels: Sequence[Panel],
    protocol: Protocol,
    horizon: int,
    seed: int,
) -> AlarmRow:
    cuts = _cuts(panels, part)
    fired = [_fired(c, lens, names, protocol.alarm_rate) for c in cuts]
    twin = [
        alarms.at_rate(c.score("rv_z", names), float(f.mean()))
        for c, f in zip(cuts, fired, strict=True)
    ]
    watches = []
    for cut in cuts:
        at = cut.panel.at[cut.where]
        inside = (cut.panel.peaks > at[0]) & (cut.panel.peaks <= at[-1] + cut.panel.step)
        margin = -(-2 * protocol.window // cut.panel.step)
        watches.append(alarms.Watch(at, cut.panel.peaks[inside], cut.panel.span, margin))
    reach = max(horizon, *(c.panel.step for c in cuts))
    judged = [
        alarms.judge(
            watches,
            which,
            reach=reach,
            shifts=protocol.shifts,
            rng=np.random.default_rng([seed, *lens.encode(), k]),
        )
        for k, which in enumerate((fired, twin))
    ]
    return AlarmRow(data, part, lens, judged[0], judged[1])


def _gate(
    data: str,
    part: str,
    lens: str,
    names: Sequence[str],
    panels: Sequence[Panel],
    protocol: Protocol,
    seed: int,
) -> GateRow:
    cuts = _cuts(panels, part)
    blocked = [_fired(c, lens, names, protocol.block_rate) for c in cuts]
    twin = [
        alarms.at_rate(c.score("rv_z", names), float(b.mean()))
        for c, b in zip(cuts, blocked, strict=True)
    ]
    moves = [c.panel.moved[c.where] for c in cuts]
    rng = np.random.default_rng([seed, *lens.encode(), 7])
    return GateRow(
        data, part, lens, gates.judge(moves, blocked, twin, draws=protocol.random_gates, rng=rng)
    )


def _signs(parts: Sequence[Floats], periods: int) -> int:
    """Return in how many of the sub-periods, of equal numbers of points, the mean is positive."""
    joined = np.concatenate(list(parts))
    return sum(bool(piece.mean() > 0.0) for piece in np.array_split(joined, periods))


def tables(
    data: str,
    panels: Sequence[Panel],
    names: Sequence[str],
    protocol: Protocol,
    *,
    horizon: int,
    seed: int,
) -> Tables:
    """Return every table of a set of paths; raises ValueError without one to decide on."""
    if all(p.coin_held_out for p in panels):
        raise ValueError(f"{data}: every path is held out, nothing is left to decide on")
    judged = [*names, COMPOSITE]
    skill: list[Skill] = []
    signs: dict[str, int] = {}
    alarm_rows, gate_rows = [], []
    for part in PARTS:
        if not _cuts(panels, part):
            continue
        rows = []
        for lens in (*judged, *BASELINES):
            row, parts = _skill(data, part, lens, names, panels, protocol, horizon, seed)
            rows.append(row)
            if part == DEVELOPMENT:
                signs[lens] = _signs(parts, protocol.sub_periods)
            alarm_rows.append(_alarm(data, part, lens, names, panels, protocol, horizon, seed))
            if lens != "rv_z":
                gate_rows.append(_gate(data, part, lens, names, panels, protocol, seed))
        adjusted = rank_skill.holm([row.p for row in rows if row.lens in judged])
        by_lens = dict(zip(judged, adjusted, strict=True))
        skill += [_with_holm(row, by_lens.get(row.lens, float("nan"))) for row in rows]
    verdicts = [_verdict(data, lens, skill, gate_rows, signs[lens], protocol) for lens in judged]
    return Tables(skill, alarm_rows, gate_rows, verdicts)


def _with_holm(row: Skill, p_holm: float) -> Skill:
    from dataclasses import replace  # noqa: PLC0415 - nothing else here needs it

    return replace(row, p_holm=p_holm)


def _verdict(
    data: str,
    lens: str,
    skill: Sequence[Skill],
    gate_rows: Sequence[GateRow],
    signs: int,
    protocol: Protocol,
) -> Verdict:
    by_part = {row.part: row for row in skill if row.lens == lens}
    row = by_part[DEVELOPMENT]
    beats = next(g for g in gate_rows if g.lens == lens and g.part == DEVELOPMENT).utility.beats
    keep = (
        row.beyond > 0.0
        and row.p_holm < protocol.level
        and beats
        and signs >= protocol.sub_periods_min
    )
    later = by_part[LATER].beyond if LATER in by_part else float("nan")
    return Verdict(
        data, lens, KEEP if keep else DEMOTE, row.beyond, row.p_holm, beats, signs, later
    )
