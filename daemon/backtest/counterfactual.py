"""Counterfactual: what a desk is worth without each of its limits, over one tape.

One pass: the branches are forked where the tape begins, hear what the desk hears, with the weights
as they are, and are never forked again. So each is what a whole replay without the limit would
be, but for what that replay's own bots would have learned.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

from daemon.backtest.differences import Differences, Holding, Part, differences
from daemon.backtest.partings import Partings
from daemon.backtest.phantoms import Phantoms
from daemon.engine.branches.side import Side, side_of, signal_of
from daemon.engine.engine import Engine
from daemon.engine.outcome import Outcome
from daemon.replay.player import Player
from market.errors import require
from risk.filter import measured
from shadow.ledger.trade import TradeState


@dataclass
class Base:
    """The desk as it is: money in USD, open trades at their last mark, and ended trades.

    `net_r` is in units of what its trades usually risk, None until there are enough.
    """

    net_usd: float
    net_r: float | None
    drawdown_usd: float
    trades: int


@dataclass
class Split:
    """A part of a value: what the desk with the limit gains by it, and how much is still open.

    `only_with` and `only_without` count the trades that one desk alone has.
    """

    value_usd: float
    open_usd: float
    only_with: int
    only_without: int


@dataclass
class Causes:
    """Where the two desks differ, by cause; `other_cap` by the filter that refused.

    `admitted`: the limit refused it. For all others: what kept the one desk from a trade of the
    other was another cap, its own cooldown, its loss limit, or that it had not done with the last
    one; `size`: both have the trade, not as large.
    """

    admitted: Split
    other_cap: dict[str, Split]
    cooldown: Split
    drawdown: Split
    busy_slot: Split
    size: Split
    other: Split


@dataclass
class Worth:
    """One limit: `value_usd` is the desk with it less the same without it.

    Of an enforced limit both let pass what it lacks data for; `missing_data_usd` is what the desk
    gains by refusing that. `phantoms_usd` is the sum of what it alone refused, or, of an
    observing one, would have refused.
    """

    mode: str
    value_usd: float
    value_r: float | None
    drawdown_with_usd: float
    drawdown_without_usd: float
    trades_with: int
    trades_without: int
    phantoms_usd: float
    missing_data_usd: float | None
    differences: Causes


@dataclass
class Counterfactual:
    """All limits of one tape. `from_ns` is when its desks were parted.

    `changed` says that an earlier part of the tape, under other limits, is left out, `traded`
    whether any desk had a trade, `equal` whether the desk beside it that toggles nothing is the
    desk itself at the end; after a crash it need not be, for the desk forgot what was not
    committed. `damage` is what of the tape is lost.
    """

    from_ns: int
    to_ns: int
    changed: bool
    equal: bool
    traded: bool
    base: Base
    limits: dict[str, Worth] = field(default_factory=dict)
    damage: list[str] = field(default_factory=list)


def counterfactual(
    tape: Path, *, progress: Callable[[float], None] | None = None
) -> Counterfactual:
    """Return what each limit was worth over a tape; raises InputDamaged."""
    follower = _Follower()
    player = Player(apart=True, follower=follower, progress=progress)
    result = player.play(tape)
    assert player.engine is not None
    found = _Worths(player.engine, follower).all()
    found.damage = result.damage
    return found


class _Follower:
    """What the branches made, by side and signal; why they parted; what phantoms made."""

    def __init__(self) -> None:
        self.forks = 0
        self.partings, self.phantoms = Partings(), Phantoms()
        self.closed: dict[int, dict[int, Holding]] = {}

    def begins(self, engine: Engine) -> None:
        """Watch the branches of an engine; those that are still to be forked have no past."""
        branches = engine.desks.branches
        if engine.desks.booking.waits:
            self.forks += 1
            self.partings, self.phantoms = Partings(), Phantoms()
            self.closed = {side.index: {} for side in branches.sides}
        branches.watcher = self.partings

    def absorb(self, outcome: Outcome) -> None:
        """Keep what has ended."""
        rows = outcome.rows
        for trade in rows.branch_trades:
            held = Holding(trade.qty_lots, trade.net_e6)
            self.closed[side_of(trade.trade_id)][signal_of(trade.trade_id)] = held
        self.phantoms.absorb(rows)


class _Worths:
    """Sums at the end of a tape."""

    def __init__(self, engine: Engine, follower: _Follower) -> None:
        branches = engine.desks.branches
        branches.value()
        engine.branch.settlement.account.value()
        self._engine = engine
        self._follower = follower
        self._sides = {(s.variant.kind, s.variant.filter): s for s in branches.sides}
        self._made = self._holdings()
        self._money_e6 = engine.series.money_e6
        self._rules = frozenset(f.name for f in engine.branch.gate.filters if f.rule)

    def _holdings(self) -> dict[int, dict[int, Holding]]:
        """Return what every side made of every signal, open trades at their marks."""
        branches = self._engine.desks.branches
        made = self._follower.closed
        for trade in branches.ledger.owing.unsettled():
            net_e6 = 0
            if trade.state != TradeState.PENDING:
                instrument = branches.ledger.coin(trade.coin).instrument
                net_e6 = trade.mark_e6(trade.mark_px or trade.entry_px, instrument)
            held = Holding(trade.filled_lots, net_e6, is_open=trade.state != TradeState.CLOSED)
            for side in branches.of(branches.holdings.holders[trade.trade_id]):
                made[side.index][signal_of(trade.trade_id)] = held
        return made

    def all(self) -> Counterfactual:
        """Return every limit beside the desk."""
        engine, desk = self._engine, self._sides["nothing", ""]
        self._follower.phantoms.mark(engine.branch.ledger.owing.find, engine.market.coins)
        net_e6 = _net_e6(desk)
        found = Counterfactual(
            engine.desks.booking.forks.forked_ns,
            engine.vitals.now_ns,
            self._follower.forks > 1,
            desk.desk.equity_e6 == engine.branch.desk.equity_e6,
            any(self._made.values()),
            Base(net_e6 / 1e6, self._in_r(net_e6), desk.course.depth_e6 / 1e6, desk.course.closed),
        )
        for f in measured(engine.branch.gate.filters):
            found.limits[f.name] = self._worth(f.name, f.mode)
        return found

    def _worth(self, name: str, mode: str) -> Worth:
        desk = self._sides["nothing", ""]
        missing = None
        if mode == "enforce":
            mine, other = self._sides["data", name], self._sides["observed", name]
            missing = (_net_e6(desk) - _net_e6(mine)) / 1e6
        else:
            mine, other = self._sides["enforced", name], desk
        value_e6 = _net_e6(mine) - _net_e6(other)
        parts = self._differences(name, mine, other)
        require(
            parts.value_e6 == value_e6,
            f"the differences without {name} come to {parts.value_e6}, not to {value_e6}",
        )
        return Worth(
            mode,
            value_e6 / 1e6,
            self._in_r(value_e6),
            mine.course.depth_e6 / 1e6,
            other.course.depth_e6 / 1e6,
            mine.course.closed,
            other.course.closed,
            self._follower.phantoms.sums_e6.get(name, 0) / 1e6,
            missing,
            _causes(parts),
        )

    def _differences(self, name: str, mine: Side, other: Side) -> Differences:
        why = self._follower.partings.why
        return differences(
            name,
            self._made[mine.index],
            self._made[other.index],
            partial(why, bit=mine.bit),
            partial(why, bit=other.bit),
            self._rules,
        )

    def _in_r(self, amount_e6: int) -> float | None:
        return amount_e6 / self._money_e6 if self._money_e6 else None


def _net_e6(side: Side) -> int:
    return side.desk.equity_e6 - side.course.start_e6


def _causes(found: Differences) -> Causes:
    caps = {name: _split(part) for name, part in sorted(found.other_caps.items())}
    parts = found.parts
    return Causes(
        _split(parts["admitted"]),
        caps,
        _split(parts["cooldown"]),
        _split(parts["drawdown"]),
        _split(parts["busy_slot"]),
        _split(parts["size"]),
        _split(parts["other"]),
    )


def _split(part: Part) -> Split:
    return Split(part.value_e6 / 1e6, part.open_e6 / 1e6, part.only_with, part.only_without)
