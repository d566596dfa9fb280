"""Snapshots of the engine's state, whole or durable.

*Whole*, at the head of every tape segment: an engine restored from it goes on as if it had never
stopped, so each segment replays alone. *Durable*, piece by piece with every commit: what must
outlive a restart (desk, keys, open trades, lane health). Books, bars and memories are learned
afresh after a restart, because the market has moved on.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import msgspec
from msgspec import Struct, field

from daemon.engine import branch_state
from daemon.engine.branch_state import BranchesState
from daemon.engine.branches import pieces as of_branches
from daemon.engine.bring_back import bring_back
from daemon.engine.engine import Engine
from daemon.engine.outcome import Vitals
from daemon.engine.series.book import SeriesState
from daemon.engine.trials import Trials
from daemon.engine.weighing import Returns, Weights
from divisions.lane import LaneState
from divisions.vote import Opinions
from market.coin import Coin
from market.decision import TradeKind
from market.desk import Desk
from market.errors import require
from market.instrument import Instrument
from market.money import format_usd
from market.venue_clock import OFFSET_NS_MAX, VenueClock
from quant.inference.matched import Matched
from risk.gate import Reach
from shadow.ledger.episodes import KeyState
from shadow.ledger.trade import Trade, TradeState
from shadow.store import rollup

OPERATOR = "operator"


class EngineState(Struct):
    """The whole state: everything that decides what the next event leads to."""

    vitals: Vitals
    desk: Desk
    coins: dict[str, Coin]
    keys: dict[str, KeyState]
    trades: list[Trade]
    lanes: dict[str, LaneState]
    reach: dict[str, Reach]
    marked_ns: dict[str, int]
    suspended_ns: dict[str, int]
    rates: dict[str, dict[int, float]]
    repeated: list[str]
    weights: Weights = field(default_factory=Weights)
    fresh: Returns = field(default_factory=dict)
    opinions: Opinions = field(default_factory=dict)
    trials: Trials = field(default_factory=Trials)
    arms: dict[str, LaneState] = field(default_factory=dict)
    clock: VenueClock = field(default_factory=VenueClock)
    series: SeriesState = field(default_factory=SeriesState)
    branches: BranchesState | None = None


def whole(engine: Engine) -> bytes:
    """Return the whole state as JSON whose floats read back exactly."""
    market, branch = engine.market, engine.branch
    ledger = branch.ledger
    for marks in ledger.marks.values():
        marks.write_back()
    return msgspec.json.encode(
        EngineState(
            engine.vitals,
            branch.desk,
            market.coins,
            branch.keys,
            ledger.owing.unsettled(),
            {name: lane.state() for name, lane in market.lanes.items()},
            branch.gate.reach,
            {name: marks.last_ns for name, marks in ledger.marks.items()},
            ledger.gaps.back_ns,
            ledger.gaps.rates,
            list(branch.settlement.repeated),
            engine.weighing.weights,
            engine.weighing.fresh,
            market.opinions,
            market.bench.state,
            market.bench.memories(),
            engine.clock,
            engine.series.state,
            branch_state.whole(engine.desks),
        )
    )


def restore(engine: Engine, raw: bytes | msgspec.Raw, *, branches: bool = True) -> None:
    """Make a fresh engine go on exactly from a whole state, or without those of its branches."""
    state = msgspec.json.decode(raw, type=EngineState)
    market, branch = engine.market, engine.branch
    require(set(state.coins) == set(market.coins), "the state holds other coins than the engine")
    engine.out.vitals = state.vitals
    branch.desk = state.desk
    engine.clock = state.clock
    engine.series.go_on(state.series)
    engine.weighing.weights, engine.weighing.fresh = state.weights, state.fresh
    market.opinions = state.opinions
    market.coins.update(state.coins)
    branch.keys.update(state.keys)
    for name, lane_state in state.lanes.items():
        if name in market.lanes:
            market.lanes[name].restore(lane_state)
    reach = branch.gate.reach
    reach.update((k, v) for k, v in state.reach.items() if k in reach)
    market.bench.adopt(state.trials)
    market.bench.remember(state.arms)
    market.resubscribe()
    ledger = branch.ledger
    ledger.gaps.back_ns = state.suspended_ns
    ledger.gaps.rates.update(state.rates)
    ledger.resume(state.trades)
    for name, last_ns in state.marked_ns.items():
        ledger.marks[name].last_ns = last_ns
    branch.settlement.adopt(state.trades)
    branch.settlement.repeated.update(dict.fromkeys(state.repeated))
    if branches:
        branch_state.restore(engine.desks, state.branches)
    else:
        engine.vitals.forks = 0


def durable(engine: Engine) -> dict[str, str | None]:
    """Return the pieces of state that changed since the last call, as JSON; None = gone."""
    out, ledger = engine.out, engine.branch.ledger
    apart = engine.desks.branches.ledger.gaps.suspended
    # Losing or taking up its marks is no change of a trade's row, but a crash must know.
    for name, trades in ledger.gaps.suspended.items():
        for trade in trades:
            out.touch(f"trade/{trade.trade_id}")
        for trade in apart.get(name, ()):
            out.touch(of_branches.trade_piece(trade))
    dirty, out.dirty = out.dirty, {}
    marks = {name: m.last_ns for name, m in ledger.marks.items() if m.last_ns}
    pieces: dict[str, str | None] = {"vitals": _encode(out.vitals), "marks": _encode(marks)}
    for name in dirty:
        found = _piece(engine, name)
        pieces[name] = None if found is None else _encode(found)
    return pieces


def _piece(engine: Engine, name: str) -> object:
    """Return what a durable piece holds now, None when it is gone."""
    kind, _, rest = name.partition("/")
    found: object
    match kind:
        case "desk":
            found = engine.branch.desk
        case "weights":
            found = engine.weighing.weights
        case "returns":
            found = engine.weighing.fresh
        case "trials":
            found = engine.market.bench.state
        case "series":
            found = msgspec.structs.replace(engine.series.state, risks_e6=[], matched=Matched())
        case "risks":
            found = engine.series.state.risks_e6
        case "matched":
            found = engine.series.state.matched
        case "closed":
            found = {coin.name: coin.closed for coin in engine.market.coins.values() if coin.closed}
        case "key":
            found = engine.branch.keys.get(rest)
        case "lane":
            lane = engine.market.lanes[rest]
            found = LaneState({}, lane.fault, lane.faults)
        case of_branches.PIECE:
            found = branch_state.piece(engine.desks, rest)
        case _:
            found = engine.branch.ledger.owing.find(int(rest))
    return found


def newest_ns(pieces: Mapping[str, str]) -> int:
    """Return the newest stamp of an earlier run, 0 without one."""
    text = pieces.get("vitals")
    return 0 if text is None else msgspec.json.decode(text, type=Vitals).now_ns


def recover(
    engine: Engine, pieces: Mapping[str, str], first_seq: int, now_ns: int = 0
) -> list[str]:
    """Make a fresh engine take up from the durable pieces of an earlier run.

    Open trades wait for the time since to be repaired from candles; their coins (`held_coins`)
    must be the engine's. What is later than `now_ns`, where that is given, is brought back to it.
    Returns, in words, what had to be mended. Taking up what a recovery wrote down makes the same
    state again.
    """
    mended = []
    market, branch = engine.market, engine.branch
    marks: dict[str, int] = {}
    trades: list[Trade] = []
    for name, text in pieces.items():
        if name == "marks":
            marks = msgspec.json.decode(text, type=dict[str, int])
        elif name.startswith("trade/"):
            trades.append(msgspec.json.decode(text, type=Trade))
        elif not name.startswith(of_branches.PIECE):
            _take_up(engine, name, text)
    trades.sort(key=lambda trade: trade.trade_id)
    known = len(engine.series.state.known)
    for trade in trades:
        rollup.complete(trade)
        if any(at >= known for at in trade.judged):
            trade.judged = trade.blocked = trade.matched = trade.wild = ()
    missing = {trade.coin for trade in trades} - market.coins.keys()
    require(not missing, f"trades are held on {missing}, which the engine does not know")
    _free_keys(engine, {trade.trade_id for trade in trades})
    wrong = _expose_anew(branch.desk, trades)
    if wrong:
        mended.append(wrong)
        engine.out.touch("desk")
    # Disk, store and database say themselves whether they are still failing.
    halts = branch.desk.halts
    branch.desk.halts = {who: why for who, why in halts.items() if who == OPERATOR}
    vitals = engine.vitals
    vitals.seq = max(vitals.seq, first_seq - 1)
    vitals.next_close_ms = 0
    if now_ns and max(vitals.now_ns, vitals.venue_ns - OFFSET_NS_MAX) > now_ns:
        mended.append(bring_back(engine, trades, marks, now_ns))
        # Desks that were brought back to now are a pair no more.
        pieces = {name: text for name, text in pieces.items() if name != of_branches.PIECE}
        engine.desks.booking.forks.due = "the clock was set back"
    vitals.feed_up = False
    vitals.lines.clear()
    for trade in trades:
        # The last book of a coin may have come well before the last event of the run.
        if trade.state == TradeState.OPEN:
            trade.gap_ns = trade.gap_ns or marks.get(trade.coin, 0)
    for name, last_ns in marks.items():
        if name in branch.ledger.marks:
            branch.ledger.marks[name].last_ns = last_ns
    market.resubscribe()
    branch.ledger.restore(trades, vitals.now_ns)
    branch.settlement.adopt(trades)
    branch_state.recover(engine.desks, pieces, marks, engine.out)
    return mended


def _take_up(engine: Engine, name: str, text: str) -> None:
    """Put a durable piece, other than marks and trades, back where it was."""
    kind, _, rest = name.partition("/")
    match kind:
        case "vitals":
            engine.out.vitals = msgspec.json.decode(text, type=Vitals)
        case "desk":
            engine.branch.desk = msgspec.json.decode(text, type=Desk)
        case "weights":
            engine.weighing.weights = msgspec.json.decode(text, type=Weights)
        case "returns":
            engine.weighing.fresh = msgspec.json.decode(text, type=Returns)
        case "trials":
            engine.market.bench.adopt(msgspec.json.decode(text, type=Trials))
        case "series":
            state = msgspec.json.decode(text, type=SeriesState)
            state.risks_e6 = engine.series.state.risks_e6
            state.matched = engine.series.state.matched
            engine.series.state = state
        case "risks":
            engine.series.state.risks_e6 = msgspec.json.decode(text, type=list[int])
        case "matched":
            engine.series.state.matched = msgspec.json.decode(text, type=Matched)
        case "closed":
            _close_again(engine, msgspec.json.decode(text, type=dict[str, dict[str, str]]))
        case "key":
            engine.branch.keys[rest] = msgspec.json.decode(text, type=KeyState)
        case "lane" if rest in engine.market.lanes:
            engine.market.lanes[rest].restore(msgspec.json.decode(text, type=LaneState))


def held_coins(pieces: Mapping[str, str]) -> dict[str, Instrument]:
    """Return the coins on which any desk holds trades, under the rules they were bought by.

    The venue may have forgotten a coin, or count its sizes otherwise: what was bought, and what
    it cost, tells how its lots are to be read.
    """
    found: dict[str, Instrument] = {}
    own = [text for name, text in pieces.items() if name.startswith("trade/")]
    trades = [msgspec.json.decode(text, type=Trade) for text in own]
    apart = [trade for trade, _ in branch_state.held_in(pieces)]
    for trade in (*trades, *apart):
        if trade.filled_lots or trade.coin not in found:
            found[trade.coin] = Instrument(trade.coin, -1, trade.sz_decimals, 1, True)
    return found


def _close_again(engine: Engine, closed: dict[str, dict[str, str]]) -> None:
    """Keep closed what the operator closed; of all else the venue was just asked."""
    for name, holders in closed.items():
        coin = engine.market.coins.get(name)
        if coin is not None and OPERATOR in holders:
            coin.closed = {OPERATOR: holders[OPERATOR]}
    engine.out.touch("closed")


def _free_keys(engine: Engine, held: set[int]) -> None:
    """End the episodes of trades that did not come back, or their keys would wait for ever."""
    for name, key in engine.branch.keys.items():
        for trade_id in (key.real_id, key.phantom_id):
            if trade_id and trade_id not in held:
                key.close(trade_id)
                engine.out.touch(f"key/{name}")


def _expose_anew(desk: Desk, trades: Iterable[Trade]) -> str:
    """Let the desk's exposures be those of the trades it holds; say what was wrong with them."""
    true = Desk.opened_with(0, 0)
    for trade in trades:
        if trade.kind == TradeKind.PAPER:
            true.expose(
                coin=trade.coin,
                division=trade.division,
                side=trade.side,
                notional_e6=trade.exposed_e6,
            )
    if _exposures(true) == _exposures(desk):
        return ""
    wrong = desk.gross_e6
    desk.gross_e6, desk.net_e6 = true.gross_e6, true.net_e6
    desk.by_coin, desk.by_division = true.by_coin, true.by_division
    return (
        f"the desk counted {format_usd(wrong)} USD of exposure, "
        f"its open trades add up to {format_usd(desk.gross_e6)}"
    )


def _exposures(desk: Desk) -> tuple[object, ...]:
    parts = (desk.by_coin, desk.by_division)
    return desk.gross_e6, desk.net_e6, *({k: v for k, v in p.items() if v} for p in parts)


def _encode(value: object) -> str:
    return msgspec.json.encode(value).decode()
