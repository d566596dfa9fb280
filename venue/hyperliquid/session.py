"""The session with the venue: what is asked for, and the checks that every frame goes through.

No socket, no clock, no await. `receive` decodes, checks and de-duplicates, and is also what a
replay runs. Its lines keep the subscriptions of one connection each alive; a refused frame counts
against the stream it is of.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable

from msgspec import Struct, field

from market.errors import ProtocolViolation
from market.events import Event
from venue.hyperliquid import wire
from venue.hyperliquid.l2 import MISFIT, UNREADABLE, Ladder, unpack
from venue.hyperliquid.life import Input, State, Stream
from venue.hyperliquid.line import Output, lines_of
from venue.hyperliquid.streams import BBO, CONTEXT, L2, L2_BOOK, TRADES, Subscription
from venue.hyperliquid.witness import Witness

SEEN_TRADES = 512
# Counted and ignored: a complaint about one subscription, or a frame that was not for us, is no
# sign of a broken stream, and reconnecting would not mend it. A delta that does not fit has taken
# its stream out already.
HARMLESS = frozenset(("venue_error", "unknown_channel", "wrong_coin", MISFIT, UNREADABLE))


class SessionState(Struct):
    """State that a replay needs of a session: trades seen and books made of deltas, by coin."""

    seen: dict[str, list[tuple[int, int]]] = field(default_factory=dict)
    ladders: dict[str, Ladder] = field(default_factory=dict)


class Session:
    """The subscriptions of one or more connections and the checks every frame goes through.

    `violations` counts refused frames by kind; `samples` keeps the newest of each kind for the
    operator. `frames` counts everything received, `events` what became one. `lines` are the
    connections, one for each group of `lines`; `reading` is the number of the one that is being
    read. `standby` is asked for only while what it stands in for is dead.
    """

    def __init__(
        self,
        wanted: Iterable[Subscription],
        *,
        standby: Iterable[Subscription] = (),
        lines: Iterable[Collection[str]] = (),
    ) -> None:
        self.streams = {s: Stream(s) for s in wanted}
        for subscription in standby:
            self.streams.setdefault(subscription, Stream(subscription, is_standby=True))
        # In the order in which they were named first.
        self.coins = list(dict.fromkeys(s.coin for s in self.streams))
        self.frames = 0
        self.events = 0
        self.duplicates = 0
        self.violations: dict[str, int] = {}
        self.samples: dict[str, str] = {}
        self._seen: dict[str, dict[tuple[int, int], None]] = {c: {} for c in self.coins}
        self._bbo = self._of(BBO)
        self._fast = self._of(L2_BOOK, fast=True)
        self._slow = self._of(L2_BOOK)
        self._deltas = self._of(L2)
        self.ladders = {coin: Ladder() for coin in self._deltas}
        self._prints = self._of(TRADES)
        self._contexts = self._of(CONTEXT)
        for stream in self._prints.values():
            stream.witness = Witness()
        self._witnesses = {coin: s.witness for coin, s in self._prints.items()}
        self.reading = 0
        self.lines = lines_of(self.streams, list(lines) or [self.coins])
        self._line_of = {c: line for line in self.lines for c in line.coins}

    def _of(self, type_: str, *, fast: bool = False) -> dict[str, Stream]:
        found = self.streams.items()
        return {s.coin: stream for s, stream in found if (s.type, s.fast) == (type_, fast)}

    # What came in.

    def receive(self, raw: bytes, now_ns: int) -> Event | None:
        """Return the event in a frame, None when there is none; never raises."""
        self.frames += 1
        self.lines[self.reading].heard_ns = now_ns
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
            return self._bbo_frame(frame.data, now_ns)
        if isinstance(frame, wire.LadderFrame):
            return self._ladder_frame(frame.data, now_ns)
        if isinstance(frame, wire.L2BookFrame):
            return self._book_frame(frame.data, now_ns)
        if isinstance(frame, wire.TradesFrame):
            return self._trades(frame.data, now_ns)
        if isinstance(frame, wire.ContextFrame):
            return self._context_frame(frame.data, now_ns)
        if isinstance(frame, wire.AckFrame):
            self._ack(frame.data, now_ns)
        elif isinstance(frame, wire.ErrorFrame):
            self._error(frame.data, now_ns)
        return None

    def _bbo_frame(self, bbo: wire.BboData, now_ns: int) -> Event:
        stream = self._bbo.get(bbo.coin)
        if stream is None:
            raise ProtocolViolation("wrong_coin", bbo.coin)
        update = wire.bbo_update(bbo, now_ns)
        self._heard(stream, now_ns)
        witness = self._witnesses.get(bbo.coin)
        if witness is not None:
            witness.on_quote(update, now_ns)
        return update

    def _book_frame(self, book: wire.L2Data, now_ns: int) -> Event:
        stream = (self._fast if book.fast else self._slow).get(book.coin)
        if stream is None:
            raise ProtocolViolation("wrong_coin", book.coin)
        update = wire.book_update(book, now_ns)
        self._heard(stream, now_ns)
        ladder = self.ladders.get(book.coin)
        if ladder is not None and not book.fast:
            try:
                ladder.compare(book)
            except ProtocolViolation as misfit:
                # The slow book is believed: it is whole, and it is documented.
                self._take_out(book.coin, ladder, misfit, now_ns)
        witness = self._witnesses.get(book.coin)
        if witness is not None:
            witness.on_quote(update, now_ns)
        return update

    def _ladder_frame(self, data: wire.LadderData, now_ns: int) -> Event | None:
        snapshot, delta = data.s, None
        if snapshot is None:
            delta = unpack(data.c or "")
        coin = snapshot.coin if snapshot is not None else delta.coin if delta is not None else ""
        stream = self._deltas.get(coin)
        if stream is None:
            raise ProtocolViolation("wrong_coin", coin)
        ladder = self.ladders[coin]
        if snapshot is not None:
            update = ladder.begin(snapshot, now_ns)
        elif delta is None or not ladder.stands:
            # It was taken out, or its snapshot was lost: until the next one there is no book.
            return None
        else:
            try:
                update = ladder.apply(delta, now_ns)
            except ProtocolViolation as misfit:
                self._take_out(coin, ladder, misfit, now_ns)
                return None
        self._heard(stream, now_ns)
        witness = self._witnesses.get(coin)
        if witness is not None:
            witness.on_quote(update, now_ns)
        return update

    def _take_out(self, coin: str, ladder: Ladder, misfit: ProtocolViolation, now_ns: int) -> None:
        """Give a coin's deltas up: there is no telling since when they are wrong."""
        ladder.fall()
        self._count(misfit, str(misfit))
        why = f"its deltas do not fit: {str(misfit).removeprefix(f'{MISFIT}: {coin}: ')}"
        self._move(self._deltas[coin], Input.MISFIT, why[:120], now_ns)

    def _context_frame(self, context: wire.ContextData, now_ns: int) -> Event:
        stream = self._contexts.get(context.coin)
        if stream is None:
            raise ProtocolViolation("wrong_coin", context.coin)
        update = wire.context_update(context, now_ns)
        self._heard(stream, now_ns)
        witness = self._witnesses.get(context.coin)
        if witness is not None:
            witness.on_context(update, now_ns)
        return update

    def _heard(self, stream: Stream, now_ns: int) -> None:
        """Note that a stream has said something sound."""
        if stream.state is State.LIVE and not stream.is_told:
            stream.cadence.observe(now_ns)
        else:
            self._line_of[stream.subscription.coin].heard(stream, now_ns)

    def _trades(self, trades: list[wire.WireTrade], now_ns: int) -> Event | None:
        if not trades:
            return None
        coin = trades[0].coin
        stream = self._prints.get(coin)
        if stream is None:
            raise ProtocolViolation("wrong_coin", coin)
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
            # The replay to a new subscriber, all of it known: proof of a request, not of trades.
            self._line_of[coin].heard(stream, now_ns, is_new=False)
            return None
        update = wire.trades_update(coin, new.values(), now_ns)
        self._heard(stream, now_ns)
        if stream.witness is not None:
            stream.witness.on_prints(update.prints, now_ns)
        # Not before: the sound trades of a refused frame are still new when they come again.
        seen.update(dict.fromkeys(new))
        while len(seen) > SEEN_TRADES:
            del seen[next(iter(seen))]
        return update

    def _ack(self, ack: wire.Ack, now_ns: int) -> None:
        if ack.method == "subscribe":
            stream = self._find(ack.subscription)
            if stream is not None:
                self._move(stream, Input.ACKED, "", now_ns)

    def _error(self, text: str, now_ns: int) -> None:
        """Read which subscription a complaint is about from the request it echoes, if any."""
        echoed = wire.object_in(text)
        named = self._find(echoed) if echoed is not None else None
        if named is not None and text.startswith("Already subscribed"):
            self._move(named, Input.ACKED, "", now_ns)
        elif not text.startswith("Already unsubscribed"):
            if named is not None:
                self._move(named, Input.ERROR, f"refused: {text[:120]}", now_ns)
            else:
                # Of which one it speaks it does not say; those that wait for an answer may ask.
                for stream in self.lines[self.reading].streams:
                    if stream.state in (State.SENT, State.RETRIED):
                        stream.refusal = text[:120]
            raise ProtocolViolation("venue_error", text)

    def _find(self, payload: dict[str, object]) -> Stream | None:
        inner = payload.get("subscription", payload)
        if not isinstance(inner, dict):
            return None
        type_ = inner.get("type")
        coin = inner.get("c" if type_ == L2 else "coin")
        if not isinstance(type_, str) or not isinstance(coin, str):
            return None
        return self.streams.get(Subscription(type_, coin, inner.get("fast") is True))

    def _violate(self, violation: ProtocolViolation, raw: bytes, now_ns: int) -> None:
        self._count(violation, f"{str(violation)[:200]} in {raw[:200]!r}")
        if violation.kind in HARMLESS:
            return
        named = wire.named(raw)
        stream = None if named is None else self.streams.get(named)
        if stream is None:
            self.lines[self.reading].spoil(now_ns)
        else:
            stream.spoil(str(violation)[:120], now_ns)

    def _count(self, violation: ProtocolViolation, sample: str) -> None:
        kind = violation.kind
        self.violations[kind] = self.violations.get(kind, 0) + 1
        self.samples[kind] = sample

    def _move(self, stream: Stream, given: Input, why: str, now_ns: int) -> None:
        self._line_of[stream.subscription.coin].move(stream, given, why, now_ns)

    # Keeping it alive.

    def opened(self, now_ns: int, line: int = 0) -> Output:
        """Return the first of the frames that ask for every stream on a new connection."""
        return self.lines[line].opened(now_ns)

    def leave(self, coin: str) -> None:
        """Ask for a coin's streams no more; what still comes of them is not for us."""
        if coin in self._line_of:
            self._line_of[coin].leave(coin)
        for wanted in [s for s in self.streams if s.coin == coin]:
            del self.streams[wanted]
        for streams in (self._bbo, self._fast, self._slow, self._prints, self._contexts):
            streams.pop(coin, None)

    def lost(self, now_ns: int, line: int = 0) -> None:
        """Note that a connection is gone."""
        self.lines[line].lost(now_ns)

    def resumed(self, now_ns: int) -> None:
        """Note that reading goes on after a pause of ours: the silence meanwhile proves nothing."""
        for line in self.lines:
            line.resumed(now_ns)

    def tick(self, now_ns: int, line: int = 0) -> Output:
        """Look after every stream of a connection; call about once a second while connected."""
        return self.lines[line].tick(now_ns)

    # What a replay must take up.

    def state(self) -> SessionState:
        """Return what decides how the next frames are read."""
        seen = {coin: list(keys) for coin, keys in self._seen.items() if keys}
        standing = {coin: ladder for coin, ladder in self.ladders.items() if ladder.stands}
        return SessionState(seen, standing)

    def restore(self, state: SessionState) -> None:
        """Take up from a written state."""
        for coin, keys in state.seen.items():
            self._seen[coin] = dict.fromkeys(keys)
        self.ladders.update({c: ladder for c, ladder in state.ladders.items() if c in self.ladders})
