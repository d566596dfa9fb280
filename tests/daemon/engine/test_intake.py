from __future__ import annotations

import json
from functools import cache
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from daemon.engine.intake import DIGEST_EVERY, Intake
from daemon.engine.outcome import NOTHING, Outcome, Vitals
from market.coin import Streams
from market.errors import InputDamaged
from market.events import (
    TIMEFRAMES,
    ArrivalTerms,
    BboUpdate,
    BookUpdate,
    Candle,
    Candles,
    Command,
    ContextUpdate,
    Event,
    FeedDown,
    FeedUp,
    FundingHistory,
    LensReading,
    LensUpdate,
    Notice,
    StreamDown,
    StreamUp,
    Timer,
    TradesUpdate,
    VenueTime,
    Verb,
)
from tests.daemon import rig
from tests.support import virtual
from venue.hyperliquid.life import State
from venue.hyperliquid.session import Session
from venue.tape.lines import Record, decode_fact, frame_line, record_line
from venue.tape.segment import Segment

pytestmark = pytest.mark.xdist_group("eventful market")

NOW_NS = virtual.START_MS * 1_000_000


class Listener:
    """An engine that only listens; keeps what it is told, and the lines, in one order."""

    def __init__(self) -> None:
        self.vitals = Vitals()
        self.digest = "00"
        self.story: list[Any] = []
        self.intake = Intake(self.session(), self, self.story.append, self.story.append)  # type: ignore[arg-type]

    def session(self) -> Session:
        return rig.fresh({}, rig.PAIR).session

    def step(self, event: Event) -> Outcome:
        self.vitals.seq += 1
        self.vitals.now_ns = event.recv_ns
        self.story.append(event)
        return NOTHING

    @property
    def lines(self) -> list[bytes]:
        return [item for item in self.story if isinstance(item, bytes)]

    @property
    def events(self) -> list[Any]:
        return [item for item in self.story if not isinstance(item, bytes)]


@cache
def pool() -> tuple[bytes, ...]:
    """Return frames of every kind, as the venue sends them, in order."""
    start_ms = virtual.START_MS
    found = rig.frames_between(7, rig.PAIR, start_ms, start_ms + 30_000)
    rest = (
        b'{"channel":"pong"}',
        b"not json",
        b'{"channel":"l2Book","data":{"coin":"BTC"}}',
        b'{"channel":"error","data":"something"}',
        b'{"channel":"bbo",\n"data":7}',
    )
    return (*(raw for _, raw in found), *rest)


def slot_of(event: Any) -> Any:
    if isinstance(event, BookUpdate):
        return event.coin, event.fast
    if isinstance(event, BboUpdate):
        return event.coin, "bbo"
    return None


READS = st.lists(st.lists(st.integers(0, 400), min_size=1, max_size=12), min_size=1, max_size=12)


@settings(max_examples=60)
@given(reads=READS)
def test_only_books_that_a_newer_one_of_the_same_read_follows_are_passed_over(
    reads: list[list[int]],
) -> None:
    frames = pool()
    made, plain = Listener(), Listener()
    skipped = 0
    for number, read in enumerate(reads):
        raws = [frames[i % len(frames)] for i in read]
        now_ns = NOW_NS + number
        events = [plain.intake.session.receive(raw, now_ns) for raw in raws]
        at = len(made.story)
        made.intake.frames(raws, now_ns)
        told = [item for item in made.story[at:] if not isinstance(item, bytes)]
        newest = {slot_of(e): i for i, e in enumerate(events) if slot_of(e)}
        expected = [
            e
            for i, e in enumerate(events)
            if e is not None and (slot_of(e) is None or newest[slot_of(e)] == i)
        ]
        for event in told:
            count = getattr(event, "skipped", 0)
            older = [
                i
                for i, e in enumerate(events)
                if slot_of(event) and slot_of(e) == slot_of(event) and i != newest[slot_of(event)]
            ]
            assert count == len(older)
            skipped += count
            if hasattr(event, "skipped"):
                event.skipped = 0
        assert told == expected, "order kept, trades and contexts never passed over"
    assert made.intake.skipped == skipped
    kinds = [line[:1] for line in made.lines if line[:1] in b"FfBb"]
    assert len(kinds) == sum(map(len, reads))
    assert sum(kind in (b"f", b"b") for kind in kinds) == skipped


@settings(max_examples=40)
@given(reads=READS)
def test_what_a_live_read_led_to_a_replay_of_its_lines_leads_to_as_well(
    reads: list[list[int]],
) -> None:
    frames = pool()
    live, dead = Listener(), Listener()
    for number, read in enumerate(reads):
        live.intake.frames([frames[i % len(frames)] for i in read], NOW_NS + number)
    for text in live.lines:
        record = record_of(text)
        if record.kind in "FfTRCXL":
            dead.intake.replay(record)
    assert dead.events == live.events
    assert dead.intake.skipped == live.intake.skipped
    assert dead.intake.session.state() == live.intake.session.state()
    assert dead.intake.session.violations == live.intake.session.violations
    assert not dead.intake._skips and not live.intake._skips


def record_of(text: bytes) -> Record:
    """Return a line as the tape's reader would."""
    assert text.endswith(b"\n") and text.count(b"\n") == 1, "a record is one line"
    return Segment(Path("x")).record(text[:-1])


def test_a_fact_is_on_the_tape_before_the_engine_takes_it() -> None:
    made = Listener()
    raws = [pool()[i] for i in range(40)]
    for i in range(0, 40, 5):
        made.intake.frames(raws[i : i + 5], NOW_NS + i)
    made.intake.frames(raws[:1], NOW_NS + 50)
    made.intake.fact(Timer(NOW_NS + 51))
    made.intake.fact(Command("halt", "x", recv_ns=NOW_NS + 52))
    assert len(made.events) > 10
    for i, item in enumerate(made.story):
        if not isinstance(item, bytes):
            before = made.story[i - 1]
            assert isinstance(before, bytes)
            record = record_of(before)
            assert record.ns == item.recv_ns and record.kind in "FTRCXL"


def test_the_digest_is_on_the_tape_every_thousand_events() -> None:
    scene = rig.eventful()
    marks = [json.loads(text.split(b" ", 2)[2]) for text in scene.run.lines if text[:1] == b"D"]
    seq = scene.engine.vitals.seq
    assert [m["seq"] for m in marks] == list(range(DIGEST_EVERY, seq + 1, DIGEST_EVERY))
    assert len({m["digest"] for m in marks}) > 5
    count = 0
    for text in scene.run.lines:
        kind = text[:1]
        if kind == b"D":
            assert count >= json.loads(text.split(b" ", 2)[2])["seq"], "after its event"
        elif kind in b"FTRCXL":
            count += 1


@pytest.mark.parametrize("seed", [7, 9])
def test_a_batched_live_run_and_the_replay_of_its_lines_agree_to_the_digest(seed: int) -> None:
    scene = rig.eventful(seed)
    assert scene.run.intake.skipped > 100
    made = rig.again(scene)
    made.play(rig.records_of(scene.run.lines))
    assert made.engine.digest == scene.engine.digest
    assert made.engine.vitals == scene.engine.vitals
    assert made.intake.skipped == scene.run.intake.skipped
    for name, coin in scene.engine.market.coins.items():
        assert made.engine.market.coins[name].book.skipped == coin.book.skipped
    assert sum(c.book.skipped for c in scene.engine.market.coins.values()) == made.intake.skipped
    digests = [text for text in made.lines if text[:1] == b"D"]
    assert digests == [text for text in scene.run.lines if text[:1] == b"D"]


def test_a_coin_is_left_at_the_same_frame_live_and_in_a_replay() -> None:
    """What still comes of it is decoded in neither, or the numbers of the events would part."""
    scene = rig.Scene(seed=7, config=rig.TIGHT)
    scene.advance(90, reads=4)
    scene.tell(Command(Verb.WIND_DOWN, "ETH the venue has delisted it", "venue"))
    scene.advance(30, reads=4)
    assert not any(s.coin == "ETH" for s in scene.run.session.streams)
    assert scene.run.session.violations["wrong_coin"] > 10
    made = rig.again(scene)
    made.play(rig.records_of(scene.run.lines))
    assert made.engine.digest == scene.engine.digest
    assert made.engine.vitals == scene.engine.vitals
    assert made.engine.market.coins["ETH"].closed == {"venue": "the venue has delisted it"}


def test_a_replay_never_conflates_by_itself() -> None:
    """Two books of one coin at one instant, each read alone, are two events again."""
    live = Listener()
    book = next(raw for raw in pool() if b'"bbo"' in raw)
    live.intake.frames([book], NOW_NS)
    live.intake.frames([book], NOW_NS)
    dead = Listener()
    for text in live.lines:
        dead.intake.replay(record_of(text))
    assert len(dead.events) == len(live.events) == 2
    assert dead.intake.skipped == 0


def fact_line(event: FeedUp | FeedDown) -> bytes:
    return record_line(event.letter, event.recv_ns, event)


def test_streams_become_live_in_a_replay_when_they_do_live() -> None:
    """A connection, an outage and another connection, told to a session as the feed tells it."""
    live, dead = Listener().session(), Listener()
    frames = [pool()[i] for i in range(60)]
    acked = next(iter(live.streams))
    wanted = {"type": acked.type, "coin": acked.coin, **({"fast": True} if acked.fast else {})}
    ack = {
        "channel": "subscriptionResponse",
        "data": {"method": "subscribe", "subscription": wanted},
    }
    frames.insert(0, json.dumps(ack).encode())
    seen = set()

    def same() -> None:
        states = [stream.state for stream in live.streams.values()]
        assert [s.state for s in dead.intake.session.streams.values()] == states
        seen.add(frozenset(states))

    for began in (NOW_NS, NOW_NS + 100_000):
        dead.intake.replay(record_of(fact_line(FeedUp(began))))
        live.opened(began)
        same()
        for number, raw in enumerate(frames, 1):
            live.receive(raw, began + number)
            dead.intake.replay(record_of(frame_line(raw, began + number)))
            same()
        assert live.streams[acked].state is State.LIVE
        live.lost(began + 1_000)
        dead.intake.replay(record_of(fact_line(FeedDown("cut", began + 1_000))))
        same()
    assert {frozenset({State.IDLE}), frozenset({State.SENT})} < seen and len(seen) > 2


TEXT = st.text(max_size=40)
NUMBER = st.floats(allow_nan=False, allow_infinity=False)
MAYBE = st.none() | NUMBER
WHOLE = st.integers(0, 2**62)
CANDLE = st.builds(Candle, WHOLE, NUMBER, NUMBER, NUMBER, NUMBER, NUMBER, st.integers(0, 10**9))
FACTS = st.one_of(
    st.builds(
        Candles, TEXT, st.sampled_from(TIMEFRAMES), st.lists(CANDLE, max_size=3), WHOLE, WHOLE
    ),
    st.builds(FundingHistory, TEXT, st.lists(st.tuples(WHOLE, NUMBER), max_size=3), WHOLE),
    st.builds(Command, st.sampled_from(("halt", "resume", "rearm")), TEXT, TEXT, WHOLE),
    st.builds(FeedDown, TEXT, WHOLE, st.integers(0, 9), st.lists(TEXT, max_size=2)),
    st.builds(FeedUp, WHOLE, st.integers(0, 9), st.lists(TEXT, max_size=2)),
    st.builds(StreamDown, TEXT, st.sampled_from(Streams.__struct_fields__), TEXT, WHOLE),
    st.builds(StreamUp, TEXT, st.sampled_from(Streams.__struct_fields__), WHOLE),
    st.builds(Notice, TEXT, TEXT, WHOLE),
    st.builds(
        LensUpdate,
        TEXT,
        WHOLE,
        st.sampled_from(("raw", "rank", "hmm", "arrivals")),
        st.sampled_from(("bar", "burst", "history")),
        st.lists(
            st.builds(LensReading, TEXT, MAYBE, MAYBE, WHOLE, TEXT, st.lists(TEXT, max_size=2)),
            max_size=3,
        ),
        MAYBE,
        TEXT,
        st.none() | st.builds(ArrivalTerms, NUMBER, NUMBER, NUMBER),
        WHOLE,
    ),
)


@settings(max_examples=200)
@given(event=FACTS)
def test_every_recorded_fact_comes_back_from_the_tape_as_it_was(event: Event) -> None:
    made = Listener()
    made.intake.fact(event)
    (text,) = made.lines
    record = record_of(text)
    assert record.ns == event.recv_ns
    assert record.kind == {
        "Candles": "R",
        "FundingHistory": "R",
        "Command": "C",
        "LensUpdate": "L",
    }.get(type(event).__name__, "X")
    assert decode_fact(record.payload, record.ns) == event


def test_every_kind_of_event_is_either_a_frame_a_second_or_a_recorded_fact() -> None:
    frames = (BookUpdate, BboUpdate, TradesUpdate, ContextUpdate, Timer)
    facts = (FeedUp(), FeedDown(), StreamDown("", "fast"), StreamUp("", "fast"), Notice("", ""))
    recorded = {Command, *map(type, facts)}
    replies = (Candles, FundingHistory, VenueTime, LensUpdate)
    assert {*frames, *recorded, *replies} == set(Event.__args__)


@pytest.mark.parametrize(
    "payload",
    [b"", b"{}", b"null", b'{"type":"unknown"}', b'{"type":"command","verb":"explode"}', b"\xff"],
)
def test_a_fact_that_is_none_is_a_damaged_tape(payload: bytes) -> None:
    with pytest.raises(InputDamaged, match="unreadable record"):
        decode_fact(payload, 1)


def test_an_outcome_without_content_is_not_handed_on() -> None:
    seen: list[Outcome] = []
    made = rig.fresh({}, rig.PAIR)
    intake = Intake(made.session, made.engine, seen.append, lambda line: None)
    intake.fact(FeedDown("stopped", NOW_NS))
    (first,) = seen
    assert {row.reason for row in first.rows.weights} == {"start"}
    seen.clear()
    intake.fact(FeedDown("stopped", NOW_NS))
    assert seen == []
    intake.fact(Notice("a", "b", NOW_NS))
    assert [o.rows.alarms[0].message for o in seen] == ["b"]
    assert msgspec.json.encode(seen[0].rows)
