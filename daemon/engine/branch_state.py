"""State of branches, whole and in durable pieces."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import msgspec
from msgspec import Struct, field

from daemon.engine.branches.booking import Forks
from daemon.engine.branches.branches import Branches
from daemon.engine.branches.pieces import PIECE, SLOTS, STOPPED, TRADE
from daemon.engine.branches.side import Course, Side, Tally, course_of, signal_of, trade_id_of
from daemon.engine.branches.slots import Slots
from daemon.engine.desks import Desks
from daemon.engine.outcome import Outbox
from market.desk import Desk
from market.errors import require
from shadow.ledger.trade import Trade, TradeState, age

CHANGED = "the configuration changed"
Stopped = list[dict[str, int]]


class SideState(Struct):
    """One branch by name: its desk, its day so far, and what came of it since it was forked."""

    name: str
    desk: Desk
    tally: Tally
    course: Course


class Held(Struct):
    """A trade, under the number of its signal, and the mask of the branches that hold it alike."""

    trade: Trade
    holders: int


class BranchesState(Struct):
    """All of them; trades and slots too where the state is whole."""

    forks: Forks
    sides: list[SideState]
    trades: list[Held] = field(default_factory=list)
    slots: dict[str, Slots] = field(default_factory=dict)
    marked_ns: dict[str, int] = field(default_factory=dict)
    suspended_ns: dict[str, int] = field(default_factory=dict)
    rates: dict[str, dict[int, float]] = field(default_factory=dict)


def whole(desks: Desks) -> BranchesState | None:
    """Return everything that decides what becomes of the branches; None where there are none."""
    branches, booking = desks.branches, desks.booking
    if not branches.sides:
        return None
    ledger = branches.ledger
    for marks in ledger.marks.values():
        marks.write_back()
    return BranchesState(
        booking.forks,
        [
            SideState(side.variant.name, side.desk, side.tally, side.course)
            for side in branches.sides
        ],
        packed(branches, ledger.owing.unsettled()),
        branches.slots,
        {name: marks.last_ns for name, marks in ledger.marks.items()},
        ledger.gaps.back_ns,
        ledger.gaps.rates,
    )


def restore(desks: Desks, state: BranchesState | None) -> None:
    """Go on exactly from a whole state; branches of other variants wait for a fork."""
    branches = desks.branches
    if state is None or not _fits(branches, state):
        return
    desks.booking.forks = state.forks
    _adopt(branches, state)
    branches.slots = state.slots
    held = unpacked(state.trades)
    branches.take_up(held)
    trades = [trade for trade, _ in held]
    ledger = branches.ledger
    ledger.gaps.back_ns = state.suspended_ns
    ledger.gaps.rates.update(state.rates)
    ledger.resume(trades)
    for name, last_ns in state.marked_ns.items():
        ledger.marks[name].last_ns = last_ns


def piece(desks: Desks, rest: str) -> object:
    """Return what a durable piece holds now, None when it is gone."""
    branches = desks.branches
    kind, _, name = rest.partition("/")
    match kind:
        case "trade":
            ids = (trade_id_of(int(name), side.index) for side in branches.sides)
            found = map(branches.ledger.owing.find, ids)
            return packed(branches, (trade for trade in found if trade is not None)) or None
        case "slots":
            return branches.slots.get(name)
        case "stopped":
            return [side.desk.stopped for side in branches.sides]
        case _ if not desks.booking.forks.forked_ns:
            return None
        case _:
            return BranchesState(desks.booking.forks, [_lean(side) for side in branches.sides])


def recover(
    desks: Desks, pieces: Mapping[str, str], marked_ns: Mapping[str, int], out: Outbox
) -> None:
    """Take up from the durable pieces of an earlier run, or wait for a fork without them."""
    branches, booking = desks.branches, desks.booking
    text = pieces.get(PIECE)
    gone = [name for name in pieces if name.startswith(f"{PIECE}/")]
    state = msgspec.json.decode(text, type=BranchesState) if text is not None else None
    if state is None or not state.forks.forked_ns or not _fits(branches, state):
        for name in (*gone, PIECE):
            out.touch(name)
        if state is not None and state.forks.forked_ns:
            booking.forks.due = CHANGED
            booking.forks.left = [side.tally.branch_id for side in state.sides]
        return
    booking.forks = state.forks
    _adopt(branches, state)
    stopped = msgspec.json.decode(pieces.get(STOPPED, "[]"), type=Stopped)
    for side, found in zip(branches.sides, stopped, strict=False):
        side.desk.stopped = found
    held = held_in(pieces)
    trades = [trade for trade, _ in held]
    _mark_as_main(branches, trades)
    missing = {trade.coin for trade in trades} - branches.ledger.marks.keys()
    require(not missing, f"branches hold trades on {missing}, which the engine does not know")
    for name in gone:
        if name.startswith(SLOTS):
            branches.slots[name.removeprefix(SLOTS)] = msgspec.json.decode(pieces[name], type=Slots)
    for trade in trades:
        if trade.state == TradeState.OPEN:
            trade.gap_ns = trade.gap_ns or marked_ns.get(trade.coin, 0)
    branches.take_up(held)
    _free(branches, held)
    branches.halt_as_main()
    for name, last_ns in marked_ns.items():
        if name in branches.ledger.marks:
            branches.ledger.marks[name].last_ns = last_ns
    branches.ledger.restore(trades, out.vitals.now_ns)
    if booking.forks.config_hash != branches.main.books.identity.config_hash:
        booking.forks.due = booking.forks.due or CHANGED


def held_in(pieces: Mapping[str, str]) -> list[tuple[Trade, int]]:
    """Return the trades of all branches in durable pieces with their holders, oldest first."""
    found: list[Held] = []
    for name, text in pieces.items():
        if name.startswith(TRADE):
            found += msgspec.json.decode(text, type=list[Held])
    return unpacked(found)


def packed(branches: Branches, trades: Iterable[Trade]) -> list[Held]:
    """Return trades under the numbers of their signals, with their holders."""
    holders = branches.holdings.holders
    return [
        Held(
            msgspec.structs.replace(trade, trade_id=signal_of(trade.trade_id)),
            holders[trade.trade_id],
        )
        for trade in trades
    ]


def unpacked(held: list[Held]) -> list[tuple[Trade, int]]:
    """Return each trade under an id of its own, the first of its holders', oldest first."""
    for found in held:
        first = (found.holders & -found.holders).bit_length() - 1
        found.trade.trade_id = trade_id_of(found.trade.trade_id, first)
    return sorted(((h.trade, h.holders) for h in held), key=lambda one: age(one[0]))


def carry(before: Desks, after: Desks) -> None:
    """Let branches go on where those of another engine stood, whatever became of its desk."""
    state = whole(before)
    restore(after, msgspec.json.decode(msgspec.json.encode(state), type=BranchesState | None))


def _fits(branches: Branches, state: BranchesState) -> bool:
    """Say whether a state is of the branches there are, each by its name."""
    return [side.name for side in state.sides] == [s.variant.name for s in branches.sides]


def _adopt(branches: Branches, state: BranchesState) -> None:
    for side, found in zip(branches.sides, state.sides, strict=True):
        side.view.desk, side.tally, side.course = found.desk, found.tally, found.course


def _lean(side: Side) -> SideState:
    desk = msgspec.structs.replace(side.desk, stopped={})
    return SideState(side.variant.name, desk, side.tally, side.course)


def _mark_as_main(branches: Branches, trades: list[Trade]) -> None:
    """Let what the desk holds too stand at the marks that the desk remembers.

    Of marks each piece knows what they were when it was written, and not all are written at once.
    """
    own = {course_of(trade): trade for trade in branches.main.settlement.real.values()}
    for trade in trades:
        same = own.get(course_of(trade))
        if same is not None:
            trade.hi, trade.lo = same.hi, same.lo
            trade.stop_px, trade.mark_px = same.stop_px, same.mark_px


def _free(branches: Branches, held: list[tuple[Trade, int]]) -> None:
    """End the episodes of trades that did not come back, or their slots would wait for ever."""
    taken: dict[str, int] = {}
    for trade, holders in held:
        if trade.state != TradeState.CLOSED:
            taken[trade.key] = taken.get(trade.key, 0) | holders
    for name, slots in branches.slots.items():
        mine = taken.get(name, 0)
        slots.close(slots.taken & ~mine)
        slots.taken = mine
