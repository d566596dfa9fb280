"""Weights and regime: the weight of each division and bot, its moves, and who stands out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from msgspec import UNSET, Struct, UnsetType, structs

from divisions import roster
from divisions.weights import START, combined, on_bounds, saturated
from research.weights.emergent import emergent
from research.weights.labels import Label, label
from shadow.store.tables.weights import ReturnRow, WeightRow


class DivisionWeight(Struct):
    """One name's weight in [0.3, 2.5], the daily Sharpe ratio and days behind it, and why.

    `since` is the UTC date of that row, `moved` the date of the last move; null before any.
    """

    weight: float
    sharpe: float | None
    days: int
    closed: int
    reason: str
    since: str | None
    moved: str | None


class BotWeight(DivisionWeight, kw_only=True):
    """A bot's weight, with its division and what sizes its next signal: both, within bounds."""

    division: str
    size_weight: float


class WeightMove(Struct):
    """A row of the table `weight` that changed a weight, with the weight `before`."""

    day: str
    scope: str
    name: str
    weight: float
    sharpe: float | None
    reason: str
    days: int
    closed: int
    before: float


class WeightsView(Struct, kw_only=True):
    """All weights by scope and name, those on a bound, and every move.

    `saturated` names the scopes of which more than a quarter sit on a bound. `verified` and
    `differences` are there when every step was asked to be taken again.
    """

    divisions: dict[str, DivisionWeight]
    bots: dict[str, BotWeight]
    on_bounds: dict[str, list[str]]
    saturated: list[str]
    moves: list[WeightMove]
    verified: bool | UnsetType = UNSET
    differences: list[str] | UnsetType = UNSET


class RegimeView(Struct, kw_only=True):
    """The division that stands out, or UNDETERMINED, against the band of shuffled returns.

    `lead` and `band` in log weight; `p` and `ratio_p` are shares of shuffled histories, null
    without enough days. `labels` are of coins, from the newest bars of `timeframe` on the tape.
    """

    regime: str
    reason: str
    leader: str
    lead: float
    band: float | None
    p: float | None
    ratio_p: float | None
    days: int
    weights: dict[str, float]
    timeframe: str
    labels: dict[str, Label]


def weights_view(latest: Sequence[WeightRow], history: Sequence[WeightRow]) -> WeightsView:
    """Return the newest weights by scope and name, the moves, and which sit on a bound.

    Names without a row yet have the weight they will begin with.
    """
    homes = {cls.name: cls.division for cls in roster.discover()}
    now = {(row.scope, row.name): row for row in latest}
    moves = _moves(history)
    moved = {(move.scope, move.name): move.day for move in moves}
    divisions = {
        name: _weight(now.get(("division", name)), moved.get(("division", name)))
        for name in roster.DIVISIONS
    }
    names = sorted(homes, key=lambda n: (roster.DIVISIONS.index(homes[n]), n))
    bots = {}
    for name in names:
        own = _weight(now.get(("bot", name)), moved.get(("bot", name)))
        bots[name] = BotWeight(
            weight=own.weight,
            sharpe=own.sharpe,
            days=own.days,
            closed=own.closed,
            reason=own.reason,
            since=own.since,
            moved=own.moved,
            division=homes[name],
            size_weight=combined(divisions[homes[name]].weight, own.weight),
        )
    by_scope = {
        "division": {name: d.weight for name, d in divisions.items()},
        "bot": {name: b.weight for name, b in bots.items()},
    }
    return WeightsView(
        divisions=divisions,
        bots=bots,
        on_bounds={scope: on_bounds(among) for scope, among in by_scope.items()},
        saturated=[scope for scope, among in by_scope.items() if saturated(among)],
        moves=moves,
    )


def regime_view(
    latest: list[WeightRow],
    returns: list[ReturnRow],
    closes: Mapping[str, list[float]],
    timeframe: str,
) -> RegimeView:
    """Return the regime that weights tell of, and labels of the coins with closes."""
    found = emergent(latest, returns)
    return RegimeView(
        regime=found.regime,
        reason=found.reason,
        leader=found.leader,
        lead=found.lead,
        band=found.band,
        p=found.p,
        ratio_p=found.ratio_p,
        days=found.days,
        weights=found.weights,
        timeframe=timeframe,
        labels={name: label(values) for name, values in closes.items()},
    )


def _weight(row: WeightRow | None, moved: str | None) -> DivisionWeight:
    if row is None:
        return DivisionWeight(START, None, 0, 0, "start", None, moved)
    return DivisionWeight(row.weight, row.sharpe, row.days, row.closed, row.reason, row.day, moved)


def _moves(history: Sequence[WeightRow]) -> list[WeightMove]:
    """Return the rows that changed a weight, each with what it was the day before."""
    last: dict[tuple[str, str], float] = {}
    moves = []
    for row in history:
        before = last.get((row.scope, row.name), row.weight)
        last[row.scope, row.name] = row.weight
        if row.weight != before:
            moves.append(WeightMove(**structs.asdict(row), before=before))
    return moves
