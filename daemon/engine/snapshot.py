"""The engine's state, written two ways.

*Whole*, at the head of every tape segment: an engine restored from it goes on as if it had never
stopped, so each segment replays alone. *Durable*, piece by piece with every commit: what must
outlive a restart (desk, keys, open trades, lane health). Books, bars and memories are learned
afresh after a restart, because the market has moved on.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec
from msgspec import Struct, field

from daemon.engine.engine import Engine
from daemon.engine.outcome import Vitals
from daemon.engine.trials import Trials
from daemon.engine.weighing import Returns, Weights
from divisions.lane import LaneState
from divisions.vote import Opinions
from market.coin import Coin
from market.desk import Desk
from market.errors import require
from risk.gate import Reach
from shadow.ledger.episodes import KeyState
from shadow.ledger.trade import Trade, TradeState
from shadow.store import rollup

OPERATOR = "operator"
# Durable pieces that are one attribute of the engine each: name, attribute, type.
PIECES: dict[str, tuple[str, Any]] = {
    "desk": ("desk", Desk),
    "weights": ("weights", Weights),
    "returns": ("fresh", Returns),
    "trials": ("trials", Trials),
}


class EngineState(Struct):
    """Everything that decides what the next event leads to."""

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


def whole(engine: Engine) -> bytes:
    """Return the whole state as JSON whose floats read back exactly."""
    ledger = engine.ledger
    for marks in ledger.marks.values():
        marks.write_back()
    return msgspec.json.encode(
        EngineState(
            engine.vitals,
            engine.desk,
            engine.coins,
            engine.keys,
            list(ledger.trades.values()),
            {name: lane.state() for name, lane in engine.lanes.items()},
            engine.gate.reach,
            {name: marks.last_ns for name, marks in ledger.marks.items()},
            ledger.gaps.back_ns,
            ledger.gaps.rates,
            list(engine.settlement.repeated),
            engine.weights,
            engine.fresh,
            engine.opinions,
            engine.trials,
            engine.bench.memories(),
        )
    )


def restore(engine: Engine, raw: bytes | msgspec.Raw) -> None:
    """Make a fresh engine go on exactly from a whole state."""
    state = msgspec.json.decode(raw, type=EngineState)
    require(set(state.coins) == set(engine.coins), "the state holds other coins than the engine")
    engine.out.vitals = state.vitals
    engine.desk = state.desk
    engine.weights, engine.fresh = state.weights, state.fresh
    engine.opinions, engine.trials = state.opinions, state.trials
    engine.coins.update(state.coins)
    engine.keys.update(state.keys)
    for name, lane_state in state.lanes.items():
        if name in engine.lanes:
            engine.lanes[name].restore(lane_state)
    engine.gate.reach.update((k, v) for k, v in state.reach.items() if k in engine.gate.reach)
    engine.assemble()
    engine.bench.remember(state.arms)
    engine.resubscribe()
    engine.ledger.gaps.back_ns = state.suspended_ns
    engine.ledger.gaps.rates.update(state.rates)
    engine.ledger.resume(state.trades)
    for name, last_ns in state.marked_ns.items():
        engine.ledger.marks[name].last_ns = last_ns
    engine.settlement.adopt(state.trades)
    engine.settlement.repeated.update(dict.fromkeys(state.repeated))


def durable(engine: Engine) -> dict[str, str | None]:
    """Return the pieces of state that changed since the last call, as JSON; None = gone."""
    out, ledger = engine.out, engine.ledger
    for trades in ledger.gaps.suspended.values():
        # Losing or taking up its marks is no change of a trade's row, but a crash must know.
        for trade in trades:
            out.touch(f"trade/{trade.trade_id}")
    dirty, out.dirty = out.dirty, {}
    marks = {name: m.last_ns for name, m in ledger.marks.items() if m.last_ns}
    pieces: dict[str, str | None] = {"vitals": _encode(out.vitals), "marks": _encode(marks)}
    for name in dirty:
        kind, _, rest = name.partition("/")
        if kind in PIECES:
            pieces[name] = _encode(getattr(engine, PIECES[kind][0]))
        elif kind == "key":
            key = engine.keys.get(rest)
            pieces[name] = None if key is None else _encode(key)
        elif kind == "lane":
            lane = engine.lanes[rest]
            pieces[name] = _encode(LaneState({}, lane.signals, lane.fault, lane.faults))
        else:
            found = ledger.trades.get(int(rest))
            pieces[name] = None if found is None else _encode(found)
    return pieces


def recover(engine: Engine, pieces: Mapping[str, str], first_seq: int) -> list[str]:
    """Make a fresh engine take up from the durable pieces of an earlier run.

    Open trades wait for the time since to be repaired from candles. Returns, in words, what
    could not be taken up.
    """
    lost = []
    trades: list[Trade] = []
    marks: dict[str, int] = {}
    for name, text in pieces.items():
        kind, _, rest = name.partition("/")
        if kind == "vitals":
            engine.out.vitals = msgspec.json.decode(text, type=Vitals)
        elif kind in PIECES:
            attribute, piece = PIECES[kind]
            setattr(engine, attribute, msgspec.json.decode(text, type=piece))
        elif kind == "marks":
            marks = msgspec.json.decode(text, type=dict[str, int])
        elif kind == "key":
            engine.keys[rest] = msgspec.json.decode(text, type=KeyState)
        elif kind == "lane" and rest in engine.lanes:
            engine.lanes[rest].restore(msgspec.json.decode(text, type=LaneState))
        elif kind == "trade":
            trades.append(msgspec.json.decode(text, type=Trade))
    trades.sort(key=lambda trade: trade.trade_id)
    for trade in trades:
        rollup.complete(trade)
    for trade in [t for t in trades if t.coin not in engine.coins]:
        lost.append(f"trade {trade.trade_id}: {trade.coin} is not traded any more")
        trades.remove(trade)
        engine.desk.expose(
            coin=trade.coin,
            division=trade.division,
            side=trade.side,
            notional_e6=-trade.exposed_e6,
        )
    _free_keys(engine, {trade.trade_id for trade in trades})
    # Disk, store and database say themselves whether they are still in trouble.
    halts = engine.desk.halts
    engine.desk.halts = {who: why for who, why in halts.items() if who == OPERATOR}
    vitals = engine.vitals
    vitals.seq = max(vitals.seq, first_seq - 1)
    vitals.next_close_ms = 0
    vitals.feed_up = False
    for trade in trades:
        # The last book of a coin may have come well before the last event of the run.
        if trade.state == TradeState.OPEN:
            trade.gap_ns = trade.gap_ns or marks.get(trade.coin, 0)
    engine.assemble()
    engine.ledger.restore(trades, vitals.now_ns)
    engine.settlement.adopt(trades)
    return lost


def _free_keys(engine: Engine, held: set[int]) -> None:
    """End the episodes of trades that did not come back, or their keys would wait for ever."""
    for key in engine.keys.values():
        for trade_id in (key.real_id, key.phantom_id):
            if trade_id and trade_id not in held:
                key.close(trade_id)


def _encode(value: object) -> str:
    return msgspec.json.encode(value).decode()
