"""Streams of an account.

Streams of events begin with a snapshot and pass on each note of the exchange as it comes; streams
of state are sent anew when something happened to the account, and at a steady beat because marks
move. One block's notes of a kind travel in one frame.

Source: Hyperliquid documentation, "Websocket / Subscriptions", and recorded frames. Not documented
and so open to choice in `Habits`: how often states are sent, whether order updates begin with the
open orders, whether later frames say `isSnapshot: false` or leave it out.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from venue.local.exchange.port import Answer
from venue.local.exchange.state.notes import (
    CANCEL,
    FILL,
    FUNDING,
    LEDGER,
    LIQUIDATION,
    ORDER,
    TWAP,
    Note,
)
from venue.local.gate.agents import Agents
from venue.local.market.contract import Row, beat
from venue.local.market.frames import frame
from venue.local.protocol import stream as s
from venue.local.protocol.stream import Stream
from venue.local.server.aggregation import aggregated


@dataclass(frozen=True)
class Habits:
    """Choices where sources are silent; times in ms. `web_data_2` is being retired by the venue."""

    state_ms: int = 5_000
    asset_data_ms: int = 1_000
    orders_first: bool = False
    says_not_snapshot: bool = False
    web_data_2: bool = True


# The note that a stream passes on, where its list of rows goes, the question of its snapshot.
_LISTS: dict[str, tuple[str, str, str]] = {
    s.USER_FILLS: (FILL, "fills", "userFills"),
    s.USER_FUNDINGS: (FUNDING, "fundings", "userFunding"),
    s.LEDGER_UPDATES: (LEDGER, "nonFundingLedgerUpdates", "userNonFundingLedgerUpdates"),
    s.HISTORICAL_ORDERS: (ORDER, "orderHistory", "historicalOrders"),
    s.TWAP_HISTORY: (TWAP, "history", "twapHistory"),
}


class UserStreams:
    """Frames of all accounts' streams."""

    def __init__(self, answer: Answer, agents: Agents, habits: Habits | None = None) -> None:
        self._answer = answer
        self._agents = agents
        self._habits = habits or Habits()
        self._told: dict[Stream, bytes] = {}
        self._states: dict[str, Callable[[Stream, int], Any]] = {
            s.CLEARINGHOUSE: self._clearinghouse,
            s.ALL_CLEARINGHOUSES: self._clearinghouses,
            s.OPEN_ORDERS: self._open_orders,
            s.SPOT_STATE: self._spot,
            s.TWAP_STATES: self._twap_states,
            s.WEB_DATA_2: self._web_data_2,
            s.WEB_DATA_3: self._web_data_3,
            s.ASSET_DATA: self._asset_data,
        }

    def serves(self, stream: Stream) -> bool:
        """Say whether the venue has this stream (yet, or still)."""
        return stream.type != s.WEB_DATA_2 or self._habits.web_data_2

    def first(self, stream: Stream, now_ms: int) -> list[bytes]:
        """Return the frames that a new subscriber gets after the acknowledgement."""
        if stream.type in s.STATES:
            return [self._state(stream, now_ms)]
        if stream.type in _LISTS:
            kind, field, question = _LISTS[stream.type]
            asked: Row = {"type": question, "user": stream.user, "startTime": 0}
            if stream.type == s.USER_FILLS:
                asked["aggregateByTime"] = stream.flag
            rows = self._answer(question, asked, now_ms)
            if kind == FUNDING:
                rows = [funding_of(row) for row in rows]
            return [frame(stream.type, self._listed(stream, field, rows, first=True))]
        if stream.type == s.TWAP_SLICE_FILLS:
            rows = self._asked("userTwapSliceFills", stream, now_ms)
            return [frame(stream.type, self._listed(stream, "twapSliceFills", rows, first=True))]
        if stream.type == s.ORDER_UPDATES and self._habits.orders_first:
            rows = self._asked("openOrders", stream, now_ms)
            told = [
                {"order": row, "status": "open", "statusTimestamp": row["timestamp"]}
                for row in rows
            ]
            return [frame(stream.type, told)] if told else []
        return []

    def due(
        self, streams: Iterable[Stream], notes: Iterable[Note], since_ms: int, now_ms: int
    ) -> Iterator[tuple[Stream, bytes]]:
        """Yield what the notes of a block and the beat of the clock make due in (since, now]."""
        by_user: dict[str, list[Note]] = {}
        for note in notes:
            by_user.setdefault(note.user, []).append(note)
        for stream in streams:
            mine = by_user.get(stream.user, [])
            if stream.type in s.STATES:
                raw = self._due_state(stream, bool(mine), since_ms, now_ms)
                if raw is not None:
                    yield stream, raw
            elif mine:
                for data in self._passed_on(stream, mine, now_ms):
                    yield stream, frame(_channel(stream), data)

    def forget(self, stream: Stream) -> None:
        """Take note that nobody listens to a stream any more."""
        self._told.pop(stream, None)

    # Events.

    def _passed_on(self, stream: Stream, notes: list[Note], now_ms: int) -> Iterator[Any]:
        if stream.type == s.USER_EVENTS:
            yield from _events(notes)
        elif stream.type == s.ORDER_UPDATES:
            rows = _rows(notes, ORDER)
            if rows:
                yield rows
        elif stream.type == s.NOTIFICATION:
            yield from ({"notification": text} for text in map(_notice, notes) if text)
        elif stream.type == s.TWAP_SLICE_FILLS:
            rows = [
                {"fill": row, "twapId": row["twapId"]}
                for row in _rows(notes, FILL)
                if row.get("twapId") is not None
            ]
            if rows:
                yield self._listed(stream, "twapSliceFills", rows)
        else:
            kind, field, _ = _LISTS[stream.type]
            rows = _rows(notes, kind)
            if stream.flag and kind == FILL:
                rows = aggregated(rows)
            if stream.type == s.HISTORICAL_ORDERS:
                rows = [self._in_full(stream, row, now_ms) for row in rows]
            if rows:
                yield self._listed(stream, field, rows)

    def _in_full(self, stream: Stream, row: Row, now_ms: int) -> Row:
        """Return a change of an order with all fields of the order, as the history has it."""
        found = self._asked("orderStatus", stream, now_ms, oid=row["order"]["oid"])
        if found["status"] != "order":
            return row
        return {**row, "order": {**found["order"]["order"], "sz": row["order"]["sz"]}}

    def _listed(self, stream: Stream, field: str, rows: list[Row], *, first: bool = False) -> Row:
        flag: Row = {"isSnapshot": first} if first or self._habits.says_not_snapshot else {}
        return {**flag, "user": stream.user, field: rows}

    # States.

    def _due_state(
        self, stream: Stream, is_touched: bool, since_ms: int, now_ms: int
    ) -> bytes | None:
        on_change = stream.type == s.ASSET_DATA
        period_ms = self._habits.asset_data_ms if on_change else self._habits.state_ms
        if not is_touched and beat(period_ms, since_ms, now_ms) is None:
            return None
        before = self._told.get(stream)
        raw = self._state(stream, now_ms)
        return None if on_change and raw == before else raw

    def _state(self, stream: Stream, now_ms: int) -> bytes:
        raw = frame(stream.type, self._states[stream.type](stream, now_ms))
        if stream.type == s.ASSET_DATA:
            self._told[stream] = raw
        return raw

    def _asked(self, kind: str, stream: Stream, now_ms: int, **more: Any) -> Any:
        return self._answer(kind, {"type": kind, "user": stream.user, **more}, now_ms)

    def _clearinghouse(self, stream: Stream, now_ms: int) -> Row:
        state = self._asked("clearinghouseState", stream, now_ms)
        return {"dex": stream.dex, "user": stream.user, "clearinghouseState": state}

    def _clearinghouses(self, stream: Stream, now_ms: int) -> Row:
        state = self._asked("clearinghouseState", stream, now_ms)
        return {"user": stream.user, "clearinghouseStates": [["", state]]}

    def _open_orders(self, stream: Stream, now_ms: int) -> Row:
        orders = self._asked("frontendOpenOrders", stream, now_ms)
        return {"dex": stream.dex, "user": stream.user, "orders": orders}

    def _spot(self, stream: Stream, now_ms: int) -> Row:
        return {
            "user": stream.user,
            "spotState": self._asked("spotClearinghouseState", stream, now_ms),
        }

    def _twap_states(self, stream: Stream, now_ms: int) -> Row:
        states = self._asked("webData2", stream, now_ms).get("twapStates", [])
        return {"dex": stream.dex, "user": stream.user, "states": states}

    def _web_data_2(self, stream: Stream, now_ms: int) -> Any:
        return self._asked("webData2", stream, now_ms)

    def _web_data_3(self, stream: Stream, now_ms: int) -> Row:
        agent = self._agents.unnamed(stream.user, now_ms)
        aggregate = self._asked("webData2", stream, now_ms)
        return {
            "userState": {
                "abstraction": "disabled",
                "agentAddress": agent.address if agent else None,
                "agentValidUntil": agent.valid_until_ms if agent else None,
                "cumLedger": aggregate.get("cumLedger", "0.0"),
                "serverTime": now_ms,
                "isVault": False,
                "user": stream.user,
            },
            "perpDexStates": [
                {
                    "totalVaultEquity": "0.0",
                    "perpsAtOpenInterestCap": self._asked("perpsAtOpenInterestCap", stream, now_ms),
                    "leadingVaults": [],
                }
            ],
        }

    def _asset_data(self, stream: Stream, now_ms: int) -> Any:
        return self._asked("activeAssetData", stream, now_ms, coin=stream.coin)


def funding_of(row: Row) -> Row:
    """Return a row of /info's userFunding as the stream has it: flat, without a hash."""
    delta = {name: value for name, value in row["delta"].items() if name != "type"}
    return {"time": row["time"], **delta}


def _channel(stream: Stream) -> str:
    return "user" if stream.type == s.USER_EVENTS else stream.type


def _rows(notes: Iterable[Note], kind: str) -> list[Row]:
    return [note.data for note in notes if note.kind == kind]


def _events(notes: list[Note]) -> Iterator[Row]:
    fills = _rows(notes, FILL)
    if fills:
        yield {"fills": fills}
    sliced = [
        {"fill": row, "twapId": row["twapId"]} for row in fills if row.get("twapId") is not None
    ]
    if sliced:
        yield {"twapSliceFills": sliced}
    for row in _rows(notes, FUNDING):
        yield {"funding": row}
    for row in _rows(notes, LIQUIDATION):
        yield {"liquidation": row}
    canceled = _rows(notes, CANCEL)
    if canceled:
        yield {"nonUserCancel": canceled}
    twaps = _rows(notes, TWAP)
    if twaps:
        yield {"twapHistory": twaps}


def _notice(note: Note) -> str | None:
    """Return the words that a note pops up with, None for most."""
    row = note.data
    if note.kind == FILL and not row["crossed"] and row.get("liquidation") is None:
        did = "Bought" if row["side"] == "B" else "Sold"
        return f"Resting order filled: {did} {row['sz']} {row['coin']} at ${row['px']}"
    return None
