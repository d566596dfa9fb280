"""Sessions and their streams moved by hand: what is asked for, what dies, what comes back."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any

from market.events import StreamDown, StreamUp
from tests.support.venue import DATA_OF, T0, S, ack
from venue.hyperliquid.life import State
from venue.hyperliquid.line import Output
from venue.hyperliquid.session import Session
from venue.hyperliquid.streams import Subscription

JUST = 1_000_000  # a millisecond beyond a limit


def opened(*wanted: Subscription, **options: Any) -> Session:
    session = Session(wanted, **options)
    session.opened(T0)
    return session


def live(*wanted: Subscription, opening: Iterable[Subscription] = (), **options: Any) -> Session:
    """Return a session whose streams are acknowledged, but for those still `opening`."""
    session = opened(*wanted, *opening, **options)
    for subscription in wanted:
        session.receive(ack(subscription), T0)
    return session


def states(session: Session) -> list[State]:
    return [stream.state for stream in session.streams.values()]


def asked(output: Output) -> list[Any]:
    return [json.loads(frame) for frame in output.frames]


def requests(subscription: Subscription, *methods: str) -> list[Any]:
    return [{"method": m, "subscription": subscription.payload()} for m in methods]


class Run:
    """A session looked after once a second; `go` says which streams talk at which interval."""

    def __init__(self, *wanted: Subscription, **options: Any) -> None:
        self.session = live(*wanted, **options)
        self.now = T0
        self.asked: list[tuple[float, str, str]] = []
        self.dropped: tuple[float, str] | None = None
        self.told: list[tuple[float, str, str]] = []
        self.causes: list[str] = []

    def go(self, seconds: float, speak: dict[Subscription, float | tuple[float, bytes]]) -> None:
        said = {s: e if isinstance(e, tuple) else (e, DATA_OF[s]) for s, e in speak.items()}
        due = {s: self.now + int(step * S) for s, (step, _) in said.items()}
        end = self.now + int(seconds * S)
        while self.now < end and self.dropped is None:
            self.now += S
            for subscription, (step, raw) in said.items():
                while due[subscription] <= self.now:
                    self.session.receive(raw, due[subscription])
                    due[subscription] += int(step * S)
            self.look()

    def look(self) -> None:
        output = self.session.tick(self.now)
        for request in asked(output):
            inner = request.get("subscription", {})
            kind = "fast" if inner.get("fast") else inner.get("type", "")
            self.asked.append((self.seconds, request["method"], kind))
        self._hear(output.events)
        if output.drop:
            self.dropped = (self.seconds, output.drop)

    def reconnect(self, after_s: float = 1.0) -> None:
        """Lose the connection and open another, on which everything is acknowledged."""
        self.session.lost(self.now)
        self.now += int(after_s * S)
        self.dropped = None
        self.session.opened(self.now)
        for stream in self.session.streams.values():
            if stream.state is not State.IDLE:
                self.session.receive(ack(stream.subscription), self.now)

    def _hear(self, events: Iterable[StreamDown | StreamUp]) -> None:
        for event in events:
            word = "down" if isinstance(event, StreamDown) else "up"
            self.told.append((self.seconds, word, event.stream))
            if isinstance(event, StreamDown):
                self.causes.append(event.cause)

    @property
    def seconds(self) -> float:
        return (self.now - T0) / S

    def words(self) -> list[tuple[str, str]]:
        return [(word, stream) for _, word, stream in self.told]
