"""One connection's subscriptions, kept alive; values in, values out.

A stream's trouble is that stream's alone. The connection itself is in doubt only when nothing at
all is heard or most streams are silent, and a doubt that a new connection did not settle is not
raised again for a while. Requests leave as fast as the venue's limit on messages allows.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Collection, Iterable, Mapping

from msgspec import Struct, field

from market.events import NS_PER_S, StreamDown, StreamUp
from venue.hyperliquid import wire
from venue.hyperliquid.life import (
    VIOLATION_WINDOW_NS,
    VIOLATIONS_MAX,
    Action,
    Input,
    State,
    Stream,
)
from venue.hyperliquid.streams import FALLBACKS, TRADES, Subscription

PING_AFTER_NS = 15 * NS_PER_S
DEAD_AFTER_NS = 25 * NS_PER_S
DOUBT_AGAIN_NS = 600 * NS_PER_S
DOUBT_DOUBLINGS = 5
# The venue allows 2,000 messages a minute and address; pings and other tools want some of them.
MESSAGES_PER_MINUTE = 1_500
BURST = 100
MINUTE_NS = 60 * NS_PER_S


class Output(Struct):
    """Frames to send, why the connection should be dropped ("" = keep it), streams lost or back."""

    frames: list[bytes] = field(default_factory=list)
    drop: str = ""
    events: list[StreamDown | StreamUp] = field(default_factory=list)


class Pace:
    """The messages of the last minute, on all connections of this address together."""

    def __init__(self, per_minute: int = MESSAGES_PER_MINUTE) -> None:
        self._per_minute = per_minute
        self._sent: deque[tuple[int, int]] = deque()
        self._total = 0

    def room(self, now_ns: int) -> int:
        """Return how many messages may be sent now."""
        while self._sent and now_ns - self._sent[0][0] >= MINUTE_NS:
            self._total -= self._sent.popleft()[1]
        return min(BURST, self._per_minute - self._total)

    def spend(self, count: int, now_ns: int) -> None:
        """Count messages that were sent."""
        if count:
            self._sent.append((now_ns, count))
            self._total += count


class Line:
    """One connection: the streams it carries, those of `coins`, and what is known of itself."""

    def __init__(self, number: int, coins: Collection[str], streams: Iterable[Stream], pace: Pace):
        self.number = number
        self.coins = list(coins)
        self.streams = list(streams)
        self.heard_ns = 0
        self._pace = pace
        self._pinged_ns = 0
        self._bad: list[int] = []
        self._answered_ns = 0
        self._doubted_ns = 0
        self._doubts = 0
        self._queue: deque[tuple[Stream, bytes]] = deque()
        self._told: list[StreamDown | StreamUp] = []
        self._by_name: dict[tuple[str, str], Stream] = {
            (s.subscription.coin, s.kind.name): s for s in self.streams
        }

    @property
    def is_waiting(self) -> bool:
        """Say whether requests wait for their turn."""
        return bool(self._queue)

    def spoil(self, now_ns: int) -> None:
        """Count a refused frame that names no stream of ours."""
        self._bad.append(now_ns)

    def opened(self, now_ns: int) -> Output:
        """Return the first of the frames that ask for every stream on a new connection."""
        self.heard_ns = now_ns
        self._bad.clear()
        for stream in self.streams:
            if not stream.is_standby:
                self.move(stream, Input.OPENED, "", now_ns)
        for stream in self.streams:
            if stream.state is State.DEAD:
                self._stand_in(stream, now_ns)
        return Output(self.flush(now_ns))

    def lost(self, now_ns: int) -> None:
        """Note that the connection is gone."""
        self._queue.clear()
        for stream in self.streams:
            self.move(stream, Input.LOST, "", now_ns)
            stream.is_queued = False
            stream.again_ns = 0
            stream.cadence.interrupt()

    def leave(self, coin: str) -> None:
        """Keep a coin's streams alive no more, and unsubscribe from those that were asked for."""
        left = [s for s in self.streams if s.subscription.coin == coin]
        self.streams = [s for s in self.streams if s.subscription.coin != coin]
        self._queue = deque(asked for asked in self._queue if asked[0] not in left)
        self._told = [told for told in self._told if told.coin != coin]
        for stream in left:
            if stream.state is not State.IDLE:
                self._queue.append((stream, wire.unsubscribe(stream.subscription)))

    def resumed(self, now_ns: int) -> None:
        """Note that reading goes on after a pause of ours: the silence meanwhile proves nothing."""
        self.heard_ns = now_ns
        for stream in self.streams:
            stream.asked_ns = now_ns
            stream.cadence.interrupt()
            if stream.witness is not None:
                stream.witness.restart(now_ns)

    def tick(self, now_ns: int) -> Output:
        """Look after every stream; call about once a second while connected."""
        output = Output()
        answered_ns = self._answered_ns
        due = [(s, d) for s in self.streams if (d := s.due(now_ns, answered_ns)) is not None]
        overdue = [
            s for s, (given, _) in due if given is Input.OVERDUE and s.state is not State.SENT
        ]
        output.drop = self._doubt(now_ns, bool(overdue))
        if not output.drop:
            for stream, (given, why) in due:
                self.move(stream, given, why, now_ns)
        output.frames = self.flush(now_ns)
        silence = now_ns - self.heard_ns
        if silence > DEAD_AFTER_NS:
            output.drop = f"nothing heard for {silence / NS_PER_S:.0f} s"
        elif silence > PING_AFTER_NS and now_ns - self._pinged_ns > PING_AFTER_NS:
            self._pinged_ns = now_ns
            self._pace.spend(1, now_ns)
            output.frames.append(wire.PING)
        self._bad = [t for t in self._bad if now_ns - t < VIOLATION_WINDOW_NS]
        if len(self._bad) >= VIOLATIONS_MAX:
            output.drop = f"{len(self._bad)} bad frames within a minute"
        output.events, self._told = self._told, []
        return output

    def _doubt(self, now_ns: int, is_any_overdue: bool) -> str:
        """Return why the connection itself is in doubt, "" when it is not."""
        asked = [s for s in self.streams if s.state is not State.IDLE and not s.is_queued]
        silent = sum(
            s.state in (State.RETRIED, State.SILENT, State.DEAD) or s.is_quiet(now_ns)
            for s in asked
        )
        if 2 * silent <= len(asked):
            return ""
        if not (is_any_overdue or any(s.state is State.DEAD for s in asked)):
            return ""
        again_ns = DOUBT_AGAIN_NS * 2 ** min(self._doubts, DOUBT_DOUBLINGS)
        if self._doubted_ns and now_ns - self._doubted_ns < again_ns:
            return ""
        self._doubts += bool(self._doubted_ns)
        self._doubted_ns = now_ns
        return f"most streams are silent ({silent} of {len(asked)})"

    def flush(self, now_ns: int) -> list[bytes]:
        """Return the requests that may leave now."""
        frames: list[bytes] = []
        room = self._pace.room(now_ns)
        while self._queue and len(frames) < room:
            stream, frame = self._queue.popleft()
            stream.is_queued = False
            stream.asked_ns = now_ns
            frames.append(frame)
        self._pace.spend(len(frames), now_ns)
        return frames

    def heard(self, stream: Stream, now_ns: int, *, is_new: bool = True) -> None:
        """Note that a stream spoke."""
        self._act(stream, stream.heard(now_ns, is_new=is_new), "", now_ns)
        if is_new and stream.is_told and stream.state is State.LIVE:
            self._tell_back(stream)

    def move(self, stream: Stream, given: Input, why: str, now_ns: int) -> None:
        """Let a stream take an input, and do what follows from it."""
        if given is Input.ACKED:
            self._answered_ns = now_ns
        self._act(stream, stream.move(given), why, now_ns)

    def _act(self, stream: Stream, action: Action, why: str, now_ns: int) -> None:
        subscription = stream.subscription
        if action is Action.SUBSCRIBE:
            self._ask(stream, now_ns, wire.subscribe(subscription))
        elif action is Action.RESUBSCRIBE:
            self._ask(stream, now_ns, wire.unsubscribe(subscription), wire.subscribe(subscription))
            if stream.state is State.DEAD:
                stream.die(now_ns)
            else:
                stream.again_ns = now_ns
                stream.bad.clear()
                if subscription.type == TRADES:
                    # What was missed is missed, however soon the next print comes.
                    self._tell_dead(stream, why)
        elif action is Action.UNSUBSCRIBE:
            self._queue.append((stream, wire.unsubscribe(subscription)))
            self._tell_back(stream)
        elif action is Action.GIVE_UP:
            stream.die(now_ns)
            self._tell_dead(stream, why)
            self._stand_in(stream, now_ns)
        elif action is Action.REVIVE:
            stream.revived_ns = now_ns
            self._tell_back(stream)
            self._stand_down(stream, now_ns)

    def _ask(self, stream: Stream, now_ns: int, *frames: bytes) -> None:
        stream.is_queued = True
        stream.asked_ns = now_ns
        stream.refusal = ""
        if stream.witness is not None:
            stream.witness.restart(now_ns)
        self._queue.extend((stream, frame) for frame in frames)

    def _tell_dead(self, stream: Stream, why: str) -> None:
        if not stream.is_told:
            stream.is_told = True
            coin = stream.subscription.coin
            self._told.append(StreamDown(coin, stream.kind.name, why))

    def _tell_back(self, stream: Stream) -> None:
        if stream.is_told:
            stream.is_told = False
            self._told.append(StreamUp(stream.subscription.coin, stream.kind.name))

    def _stand_in(self, stream: Stream, now_ns: int) -> None:
        """Ask for what stands in for a dead stream, if it is not listened to anyhow."""
        for other in self._stand_ins(stream):
            if other.state is State.IDLE:
                self.move(other, Input.OPENED, "", now_ns)
            if other.state is not State.DEAD:
                return

    def _stand_down(self, stream: Stream, now_ns: int) -> None:
        for other in self._stand_ins(stream):
            if other.is_standby:
                self.move(other, Input.STOPPED, "", now_ns)

    def _stand_ins(self, stream: Stream) -> list[Stream]:
        coin, name = stream.subscription.coin, FALLBACKS[stream.kind.name]
        found = []
        while name is not None:
            other = self._by_name.get((coin, name))
            if other is not None:
                found.append(other)
            name = FALLBACKS[name]
        return found


def lines_of(
    streams: Mapping[Subscription, Stream], coins: Collection[Collection[str]]
) -> list[Line]:
    """Return a line for each group of coins, with the streams of those."""
    pace = Pace()
    return [
        Line(i, group, [s for s in streams.values() if s.subscription.coin in group], pace)
        for i, group in enumerate(coins)
    ]
