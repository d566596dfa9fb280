"""The session with the venue: subscriptions, checks of frames, liveness; values in, values out.

No socket, no clock, no await. `receive` decodes, checks and de-duplicates, and is also what a
replay runs. The rest keeps each subscription alive by a table of states, drawn once below.
Staleness is judged against each stream's own learned cadence, because an open socket proves
nothing and the venue changes its cadences.
"""

from __future__ import annotations

from collections.abc import Iterable
from enum import Enum

from msgspec import Struct, field

from market.cadence import Cadence
from market.errors import ProtocolViolation
from market.events import NS_PER_S, Event
from venue.hyperliquid import wire
from venue.hyperliquid.streams import BBO, COIN_STREAMS, CONTEXT, L2_BOOK, TRADES
from venue.hyperliquid.wire import Subscription

ACK_WAIT_NS = 5 * NS_PER_S
QUIET_CADENCES = 4
QUIET_NS_MIN = 5 * NS_PER_S
SEEN_TRADES = 512
VIOLATIONS_MAX = 10
VIOLATION_WINDOW_NS = 60 * NS_PER_S
# Counted and ignored: a complaint about one subscription, or a frame that was not for us, is no
# sign of a broken stream, and reconnecting would not mend it.
HARMLESS = frozenset(("venue_error", "unknown_channel", "wrong_coin"))
PING_AFTER_NS = 15 * NS_PER_S
DEAD_AFTER_NS = 25 * NS_PER_S

# What periodic streams do before they have shown it; the others speak only on change.
NOMINAL_NS = {(s.type, s.fast): s.period_ns for s in COIN_STREAMS if s.period_ns is not None}


class State(Enum):
    """State of one subscription."""

    IDLE = "idle"
    SENT = "sent"
    RETRIED = "retried"
    LIVE = "live"
    SILENT = "silent"
    REFUSED = "refused"


class Input(Enum):
    """Inputs of one subscription's state machine."""

    OPENED = "opened"
    ACKED = "acked"
    DATA = "data"
    OVERDUE = "overdue"
    QUIET = "quiet"
    ERROR = "error"
    LOST = "lost"


class Action(Enum):
    """Actions of the session on an input."""

    NONE = "none"
    SUBSCRIBE = "subscribe"
    RESUBSCRIBE = "resubscribe"
    RECONNECT = "reconnect"


_S, _I, _A = State, Input, Action

# (state, input) -> (next state, action). Pairs that are absent change nothing.
TRANSITIONS: dict[tuple[State, Input], tuple[State, Action]] = {
    (_S.IDLE, _I.OPENED): (_S.SENT, _A.SUBSCRIBE),
    (_S.SENT, _I.ACKED): (_S.LIVE, _A.NONE),
    (_S.SENT, _I.DATA): (_S.LIVE, _A.NONE),
    (_S.SENT, _I.OVERDUE): (_S.RETRIED, _A.SUBSCRIBE),
    (_S.SENT, _I.ERROR): (_S.REFUSED, _A.NONE),
    (_S.RETRIED, _I.ACKED): (_S.LIVE, _A.NONE),
    (_S.RETRIED, _I.DATA): (_S.LIVE, _A.NONE),
    (_S.RETRIED, _I.OVERDUE): (_S.IDLE, _A.RECONNECT),
    (_S.RETRIED, _I.ERROR): (_S.REFUSED, _A.NONE),
    (_S.LIVE, _I.QUIET): (_S.SILENT, _A.RESUBSCRIBE),
    (_S.SILENT, _I.DATA): (_S.LIVE, _A.NONE),
    (_S.SILENT, _I.OVERDUE): (_S.IDLE, _A.RECONNECT),
    **{(state, _I.LOST): (_S.IDLE, _A.NONE) for state in State},
}


class Stream(Struct):
    """One subscription's state, when it last asked, and how it usually speaks."""

    subscription: Subscription
    state: State = State.IDLE
    asked_ns: int = 0
    cadence: Cadence = field(default_factory=Cadence)

    def quiet_ns(self) -> float | None:
        """Return the silence that is suspicious; None for streams that speak only on change."""
        nominal = NOMINAL_NS.get((self.subscription.type, self.subscription.fast))
        if nominal is None:
            return None
        learned = self.cadence.peak_ns if self.cadence.count > 1 else nominal
        return max(QUIET_NS_MIN, QUIET_CADENCES * learned)

    def due(self, now_ns: int) -> Input | None:
        """Return what the time that has passed means for the stream, None when nothing."""
        if self.state in (State.SENT, State.RETRIED):
            return Input.OVERDUE if now_ns - self.asked_ns > ACK_WAIT_NS else None
        if self.state not in (State.LIVE, State.SILENT):
            return None
        limit = self.quiet_ns()
        last_ns = max(self.cadence.last_ns, self.asked_ns)
        if limit is None or now_ns - last_ns <= limit:
            return None
        # A stream asked for again is given as long once more: a slow one may need it.
        return Input.QUIET if self.state is State.LIVE else Input.OVERDUE


class SessionState(Struct):
    """State that a replay needs of a session: the trades it has seen, by coin."""

    seen: dict[str, list[tuple[int, int]]] = field(default_factory=dict)


class Output(Struct):
    """Frames to send, and why the connection should be dropped ("" = keep it)."""

    frames: list[bytes] = field(default_factory=list)
    drop: str = ""


class Session:
    """One connection's subscriptions and the checks every frame goes through.

    `violations` counts refused frames by kind; `samples` keeps the newest of each kind for the
    operator. `frames` counts everything received, `events` what became one.
    """

    def __init__(self, wanted: Iterable[Subscription]) -> None:
        self.streams = {s: Stream(s) for s in wanted}
        self.coins = {s.coin for s in self.streams}
        self.frames = 0
        self.events = 0
        self.duplicates = 0
        self.violations: dict[str, int] = {}
        self.samples: dict[str, str] = {}
        self.heard_ns = 0
        self._pinged_ns = 0
        self._recent_violations: list[int] = []
        self._seen: dict[str, dict[tuple[int, int], None]] = {c: {} for c in self.coins}
        self._bbo = self._of(BBO)
        self._fast = self._of(L2_BOOK, fast=True)
        self._slow = self._of(L2_BOOK)
        self._prints = self._of(TRADES)
        self._contexts = self._of(CONTEXT)

    def _of(self, type_: str, *, fast: bool = False) -> dict[str, Stream]:
        found = self.streams.items()
        return {s.coin: stream for s, stream in found if (s.type, s.fast) == (type_, fast)}

    # What came in.

    def receive(self, raw: bytes, now_ns: int) -> Event | None:
        """Return the event in a frame, None when there is none; never raises."""
        self.frames += 1
        self.heard_ns = now_ns
        try:
            event = self._event(wire.decode(raw), now_ns)
        except ProtocolViolation as violation:
            if raw != wire.GREETING:
                self._violate(violation, raw, now_ns)
            return None
        if event is not None:
            self.events += 1
        return event

    def _event(self, frame: wire.Frame, now_ns: int) -> Event | None:
        if isinstance(frame, wire.BboFrame):
            bbo = frame.data
            self._heard(self._bbo.get(bbo.coin), bbo.coin, now_ns)
            return wire.bbo_update(bbo, now_ns)
        if isinstance(frame, wire.L2BookFrame):
            book = frame.data
            streams = self._fast if book.fast else self._slow
            self._heard(streams.get(book.coin), book.coin, now_ns)
            return wire.book_update(book, now_ns)
        if isinstance(frame, wire.TradesFrame):
            return self._trades(frame.data, now_ns)
        if isinstance(frame, wire.ContextFrame):
            context = frame.data
            self._heard(self._contexts.get(context.coin), context.coin, now_ns)
            return wire.context_update(context, now_ns)
        if isinstance(frame, wire.AckFrame):
            self._ack(frame.data, now_ns)
        elif isinstance(frame, wire.ErrorFrame):
            self._error(frame.data, now_ns)
        return None

    def _heard(self, stream: Stream | None, coin: str, now_ns: int) -> None:
        if stream is None:
            raise ProtocolViolation("wrong_coin", coin)
        stream.cadence.observe(now_ns)
        if stream.state is not State.LIVE:
            self._move(stream, Input.DATA, now_ns)

    def _trades(self, trades: list[wire.WireTrade], now_ns: int) -> Event | None:
        if not trades:
            return None
        coin = trades[0].coin
        self._heard(self._prints.get(coin), coin, now_ns)
        seen = self._seen[coin]
        new: dict[tuple[int, int], wire.WireTrade] = {}
        for trade in trades:
            if trade.coin != coin:
                raise ProtocolViolation("wrong_coin", f"trades of {coin} and {trade.coin}")
            key = (trade.time, trade.tid)
            if key in seen or key in new:
                self.duplicates += 1
            else:
                new[key] = trade
        if not new:
            return None
        update = wire.trades_update(coin, new.values(), now_ns)
        # Not before: the sound trades of a refused frame are still new when they come again.
        seen.update(dict.fromkeys(new))
        while len(seen) > SEEN_TRADES:
            del seen[next(iter(seen))]
        return update

    def _ack(self, ack: wire.Ack, now_ns: int) -> None:
        if ack.method == "subscribe":
            stream = self._find(ack.subscription)
            if stream is not None:
                self._move(stream, Input.ACKED, now_ns)

    def _error(self, text: str, now_ns: int) -> None:
        """Read which subscription a complaint is about from the request it echoes, if any."""
        echoed = wire.object_in(text)
        named = self._find(echoed) if echoed is not None else None
        if named is not None and text.startswith("Already subscribed"):
            self._move(named, Input.ACKED, now_ns)
        elif not text.startswith("Already unsubscribed"):
            if named is not None:
                self._move(named, Input.ERROR, now_ns)
            raise ProtocolViolation("venue_error", text)

    def _find(self, payload: dict[str, object]) -> Stream | None:
        inner = payload.get("subscription", payload)
        if not isinstance(inner, dict):
            return None
        type_, coin = inner.get("type"), inner.get("coin")
        if not isinstance(type_, str) or not isinstance(coin, str):
            return None
        return self.streams.get(Subscription(type_, coin, inner.get("fast") is True))

    def _violate(self, violation: ProtocolViolation, raw: bytes, now_ns: int) -> None:
        kind = violation.kind
        self.violations[kind] = self.violations.get(kind, 0) + 1
        self.samples[kind] = f"{str(violation)[:200]} in {raw[:200]!r}"
        if kind not in HARMLESS:
            self._recent_violations.append(now_ns)

    # Keeping it alive.

    def opened(self, now_ns: int) -> Output:
        """Return the frames that ask for every stream on a new connection."""
        output = Output()
        self.heard_ns = now_ns
        self._recent_violations.clear()
        for stream in self.streams.values():
            output.frames += self._move(stream, Input.OPENED, now_ns).frames
        return output

    def lost(self, now_ns: int) -> None:
        """Note that the connection is gone."""
        for stream in self.streams.values():
            self._move(stream, Input.LOST, now_ns)
            stream.cadence.interrupt()

    def resumed(self, now_ns: int) -> None:
        """Note that reading goes on after a pause of ours: the silence meanwhile proves nothing."""
        self.heard_ns = now_ns
        for stream in self.streams.values():
            stream.asked_ns = now_ns
            stream.cadence.interrupt()

    def tick(self, now_ns: int) -> Output:
        """Look after every stream; call about once a second while connected."""
        output = Output()
        for stream in self.streams.values():
            due = stream.due(now_ns)
            if due is not None:
                moved = self._move(stream, due, now_ns)
                output.frames += moved.frames
                output.drop = output.drop or moved.drop
        silence = now_ns - self.heard_ns
        if silence > DEAD_AFTER_NS:
            output.drop = f"nothing heard for {silence / NS_PER_S:.0f} s"
        elif silence > PING_AFTER_NS and now_ns - self._pinged_ns > PING_AFTER_NS:
            self._pinged_ns = now_ns
            output.frames.append(wire.PING)
        recent = [t for t in self._recent_violations if now_ns - t < VIOLATION_WINDOW_NS]
        self._recent_violations = recent
        if len(recent) >= VIOLATIONS_MAX:
            output.drop = f"{len(recent)} bad frames within a minute"
        return output

    def _move(self, stream: Stream, given: Input, now_ns: int) -> Output:
        found = TRANSITIONS.get((stream.state, given))
        if found is None:
            return Output()
        stream.state, action = found
        subscription = stream.subscription
        if action is Action.SUBSCRIBE:
            stream.asked_ns = now_ns
            return Output([wire.subscribe(subscription)])
        if action is Action.RESUBSCRIBE:
            stream.asked_ns = now_ns
            return Output([wire.unsubscribe(subscription), wire.subscribe(subscription)])
        if action is Action.RECONNECT:
            return Output([], f"{subscription.type} of {subscription.coin} stays silent")
        return Output()

    # What a replay must take up.

    def state(self) -> SessionState:
        """Return what decides how the next frames are read."""
        return SessionState({coin: list(keys) for coin, keys in self._seen.items() if keys})

    def restore(self, state: SessionState) -> None:
        """Take up from a written state."""
        for coin, keys in state.seen.items():
            self._seen[coin] = dict.fromkeys(keys)
