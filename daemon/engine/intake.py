"""Intake of raw frames: the same path from frames to outcomes for a live socket and a tape.

All frames of one socket read arrive together. Among them, a book that a newer one of the same
coin and kind follows is passed over: decoded and counted, never stepped. Trades never are.
"""

from __future__ import annotations

from collections.abc import Callable

from daemon.engine.engine import Engine
from daemon.engine.outcome import Outcome
from market.events import BboUpdate, BookUpdate, Event, FeedDown, FeedUp, Recorded, Timer
from venue.hyperliquid.session import Session
from venue.tape.lines import Record, decode_fact, frame_line, record_line

Emit = Callable[[bytes], None]
Absorb = Callable[[Outcome], None]

DIGEST_EVERY = 1000


def _slot(event: Event | None) -> tuple[str, str] | None:
    if isinstance(event, BookUpdate):
        return event.coin, "fast" if event.fast else "slow"
    if isinstance(event, BboUpdate):
        return event.coin, "bbo"
    return None


class Intake:
    """Session and engine behind one entry; each consumed fact is emitted as a tape line first."""

    def __init__(self, session: Session, engine: Engine, absorb: Absorb, emit: Emit) -> None:
        self.session = session
        self.engine = engine
        self._absorb = absorb
        self._emit = emit
        self._skips: dict[tuple[str, str], int] = {}
        self.skipped = 0

    def frames(self, raws: list[bytes], now_ns: int) -> None:
        """Take the frames of one socket read."""
        if len(raws) == 1:
            raw = raws[0]
            self._emit(frame_line(raw, now_ns))
            event = self.session.receive(raw, now_ns)
            if event is not None:
                self.step(event)
            return
        events = [self.session.receive(raw, now_ns) for raw in raws]
        newest = {slot: i for i, e in enumerate(events) if (slot := _slot(e)) is not None}
        for i, (raw, event) in enumerate(zip(raws, events, strict=True)):
            slot = _slot(event)
            if slot is not None and newest[slot] != i:
                self._emit(frame_line(raw, now_ns, skipped=True))
                self._pass_over(slot)
                continue
            self._emit(frame_line(raw, now_ns))
            if event is not None:
                if slot is not None:
                    self._own_up(event, slot)
                self.step(event)

    def _pass_over(self, slot: tuple[str, str]) -> None:
        self.skipped += 1
        self._skips[slot] = self._skips.get(slot, 0) + 1

    def _own_up(self, event: Event, slot: tuple[str, str]) -> None:
        count = self._skips.pop(slot, 0)
        if count and isinstance(event, BookUpdate | BboUpdate):
            event.skipped = count

    def fact(self, event: Recorded | Timer) -> Outcome:
        """Take anything that is no frame: a second, a reply, a command, a change of the feed."""
        if isinstance(event, Timer):
            self._emit(record_line(event.letter, event.recv_ns))
        else:
            self._emit(record_line(event.letter, event.recv_ns, event))
        return self.step(event)

    def step(self, event: Event) -> Outcome:
        """Let the engine take an event; put the digest on the tape every thousand."""
        outcome = self.engine.step(event)
        if outcome.seq:
            for coin in outcome.closed:
                self.session.leave(coin)
            self._absorb(outcome)
        vitals = self.engine.vitals
        if vitals.seq % DIGEST_EVERY == 0:
            mark = {"seq": vitals.seq, "digest": self.engine.digest}
            self._emit(record_line("D", vitals.now_ns, mark))
        return outcome

    def replay(self, record: Record) -> None:
        """Take a recorded F, f, T, R, C, X or L line."""
        kind, now_ns, payload = record
        if kind == "F":
            event = self.session.receive(payload, now_ns)
            if event is not None:
                if self._skips:
                    slot = _slot(event)
                    if slot is not None:
                        self._own_up(event, slot)
                self.step(event)
        elif kind == "T":
            self.step(Timer(now_ns))
        elif kind == "f":
            slot = _slot(self.session.receive(payload, now_ns))
            if slot is not None:
                self._pass_over(slot)
        else:
            self._replay_fact(decode_fact(payload, now_ns))

    def _replay_fact(self, event: Event) -> None:
        """Take a recorded fact; tell the session of its connection, in the order the feed does."""
        if isinstance(event, FeedDown):
            self.session.lost(event.recv_ns, event.line)
        self.step(event)
        if isinstance(event, FeedUp):
            self.session.opened(event.recv_ns, event.line)
