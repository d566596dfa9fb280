"""The conversation with the venue, without sockets: what is asked, believed, dropped and when."""

from __future__ import annotations

import gzip
import json
from collections.abc import Callable
from typing import Any
from unittest import mock

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from market.events import BookUpdate, StreamDown, TradesUpdate
from tests.support.lives import JUST, asked, live, opened, requests, states
from tests.support.venue import (
    BBO,
    CONTEXT,
    DATA_OF,
    EVERY_KIND,
    FAST,
    PONG,
    SLOW,
    T0,
    T0_MS,
    TRADES,
    S,
    ack,
    bbo,
    book,
    complaint,
    context,
    message,
    recorded,
    trade,
    trades,
)
from venue.hyperliquid import session as module
from venue.hyperliquid import wire
from venue.hyperliquid.life import State
from venue.hyperliquid.line import Output
from venue.hyperliquid.session import SEEN_TRADES, Session, SessionState
from venue.hyperliquid.streams import Subscription

# Whatever comes.

STIMULI: list[Callable[[Session, int], object]] = [
    lambda s, now: s.opened(now),
    lambda s, now: s.lost(now),
    lambda s, now: s.tick(now),
    lambda s, now: s.resumed(now),
    *(
        (lambda s, now, raw=raw: s.receive(raw, now))
        for raw in [
            *DATA_OF.values(),
            *(ack(sub) for sub in EVERY_KIND),
            *(complaint("Already subscribed: ", sub) for sub in EVERY_KIND),
            *(complaint("Invalid subscription ", sub) for sub in EVERY_KIND),
            complaint("Already unsubscribed: ", FAST),
            PONG,
            b"rubbish",
            wire.GREETING,
        ]
    ),
]


@settings(max_examples=150)
@given(
    st.lists(
        st.tuples(st.sampled_from(range(len(STIMULI))), st.sampled_from([0, 1, 4, 6, 20])),
        max_size=60,
    )
)
def test_whatever_happens_only_known_requests_are_sent(steps: list[tuple[int, int]]) -> None:
    session, now = Session(EVERY_KIND), T0
    known = [wire.PING]
    for subscription in EVERY_KIND:
        known += [wire.subscribe(subscription), wire.unsubscribe(subscription)]
    for index, seconds in steps:
        now += seconds * S
        result = STIMULI[index](session, now)
        if isinstance(result, Output):
            assert all(frame in known for frame in result.frames)
    session.lost(now)
    assert set(states(session)) <= {State.IDLE, State.DEAD}
    now += 60 * S
    assert asked(session.opened(now)) == [
        r for sub in EVERY_KIND for r in requests(sub, "subscribe")
    ]


# Asking.


def test_opening_asks_for_every_stream_in_order() -> None:
    session = Session(EVERY_KIND)
    assert asked(session.opened(T0)) == [
        r for sub in EVERY_KIND for r in requests(sub, "subscribe")
    ]
    assert set(states(session)) == {State.SENT}


@pytest.mark.parametrize("subscription", EVERY_KIND, ids=lambda s: f"{s.type} {s.fast}")
def test_an_acknowledgement_with_defaults_filled_in_is_of_its_request_alone(
    subscription: Subscription,
) -> None:
    session = opened(*EVERY_KIND)
    assert session.receive(ack(subscription), T0) is None
    for stream in session.streams.values():
        expected = State.LIVE if stream.subscription == subscription else State.SENT
        assert stream.state is expected
    assert session.violations == {}


@pytest.mark.parametrize(
    "echo",
    [
        {"type": "l2Book", "coin": "BTC", "fast": False},
        {"type": "l2Book", "coin": "BTC"},
        {"type": "l2Book", "coin": "ETH", "fast": True},
        {"type": "userFills", "user": "0x1", "aggregateByTime": False},
        {"type": ["l2Book"], "coin": "BTC", "fast": True},
        {"type": "l2Book", "coin": {"BTC": 1}, "fast": True},
        {"subscription": "l2Book"},
        {},
    ],
    ids=repr,
)
def test_an_acknowledgement_of_something_else_changes_nothing(echo: Any) -> None:
    session = opened(FAST)
    data = {"method": "subscribe", "subscription": echo}
    assert session.receive(message("subscriptionResponse", data), T0) is None
    assert states(session) == [State.SENT]


def test_the_acknowledgement_of_an_unsubscribe_is_not_taken_for_the_other() -> None:
    session = opened(FAST)
    session.receive(ack(FAST, "unsubscribe"), T0)
    assert states(session) == [State.SENT]


def test_data_proves_a_subscription_whose_acknowledgement_was_lost() -> None:
    session = opened(*EVERY_KIND)
    for subscription in EVERY_KIND:
        assert session.receive(DATA_OF[subscription], T0 + S) is not None
    assert set(states(session)) == {State.LIVE}


def test_only_the_missing_one_is_asked_for_again() -> None:
    session = opened(BBO, TRADES)
    session.receive(ack(BBO), T0)
    assert asked(session.tick(T0 + 6 * S)) == requests(TRADES, "subscribe")
    session.receive(ack(TRADES), T0 + 7 * S)
    assert session.tick(T0 + 14 * S) == Output()


@pytest.mark.parametrize("retried", [False, True])
def test_already_subscribed_is_an_acknowledgement(retried: bool) -> None:
    session, now = opened(FAST, BBO, TRADES), T0
    if retried:
        now += 5 * S + JUST
        session.tick(now)
    assert states(session)[0] is (State.RETRIED if retried else State.SENT)
    session.receive(complaint("Already subscribed: ", FAST), now)
    assert states(session)[0] is State.LIVE
    assert session.violations == {}


def test_already_unsubscribed_is_no_news() -> None:
    session = live(FAST)
    session.receive(complaint("Already unsubscribed: ", FAST), T0)
    assert states(session) == [State.LIVE]
    assert session.violations == {}


@pytest.mark.parametrize(
    "text",
    [
        'Invalid subscription {"type":"bbo","coin":"BTC"}',
        'Error parsing JSON into valid websocket request: {"method":"subscribe",'
        '"subscription":{"type":"bbo","coin":"BTC"}}',
    ],
)
def test_a_refused_subscription_is_counted_and_dead_at_once(text: str) -> None:
    session = opened(BBO, CONTEXT)
    assert session.receive(complaint(text), T0) is None
    assert states(session) == [State.DEAD, State.SENT]
    assert session.violations == {"venue_error": 1}
    assert text[:30] in session.samples["venue_error"]
    (told,) = session.tick(T0 + S).events
    assert told == StreamDown("BTC", "bbo", f"refused: {text[:120]}")


@pytest.mark.parametrize(
    "text",
    [
        "Cannot track more than 10 total users",
        "too many pending post requests id=5",
        "{",
        "Invalid subscription [1]",
        'Invalid subscription {"type":5,"coin":"BTC"}',
        'Invalid subscription {"type":"bbo","coin":"NOPE"}',
        "",
    ],
)
def test_a_complaint_that_names_no_stream_of_ours_is_only_counted(text: str) -> None:
    session = opened(BBO)
    session.receive(complaint(text), T0)
    assert states(session) == [State.SENT]
    assert session.violations == {"venue_error": 1}


def test_complaints_alone_never_drop_the_connection() -> None:
    session = live(BBO)
    for i in range(100):
        session.receive(complaint("Cannot send more than 2000 messages per minute."), T0 + i)
    assert session.tick(T0 + S).drop == ""


# Trades: none twice, none lost.


def test_a_coin_that_is_left_is_unsubscribed_once_and_heard_no_more() -> None:
    other = Subscription("bbo", "ETH")
    session = live(*EVERY_KIND, other)
    session.leave("BTC")
    assert asked(session.tick(T0 + S)) == [
        request for s in EVERY_KIND for request in requests(s, "unsubscribe")
    ]
    assert asked(session.tick(T0 + 2 * S)) == []
    assert session.receive(bbo(), T0 + 2 * S) is None
    assert session.receive(trades(trade(tid=1)), T0 + 2 * S) is None
    assert list(session.streams) == [other]
    session.lost(T0 + 3 * S)
    assert asked(session.opened(T0 + 4 * S)) == requests(other, "subscribe")
    drops = {session.tick(T0 + s * S).drop for s in range(5, 9)}
    assert drops == {""}, "nobody waits for what was left"


def test_a_coin_that_is_left_while_the_line_is_down_is_simply_not_asked_for() -> None:
    session = live(*EVERY_KIND)
    session.leave("BTC")
    session.lost(T0 + S)
    assert asked(session.opened(T0 + 2 * S)) == asked(session.tick(T0 + 3 * S)) == []


def tids(event: object) -> list[int]:
    assert isinstance(event, TradesUpdate)
    return [p.time_ms for p in event.prints]


def numbered(*numbers: int, coin: str = "BTC") -> bytes:
    """Return a frame of trades whose times tell them apart."""
    return trades(*(trade(n, coin=coin, time_ms=T0_MS + n) for n in numbers))


def heard(session: Session, raw: bytes, now: int = T0) -> list[int]:
    """Return the numbers of the trades that were new."""
    event = session.receive(raw, now)
    if event is None:
        return []
    assert isinstance(event, TradesUpdate)
    return [p.time_ms - T0_MS for p in event.prints]


def test_a_trade_is_reported_once() -> None:
    session = live(TRADES)
    assert heard(session, numbered(1, 2, 3)) == [1, 2, 3]
    assert heard(session, numbered(2, 3)) == []
    assert heard(session, numbered(3, 4, 4, 1, 5)) == [4, 5]
    assert session.duplicates == 5
    assert session.violations == {}


def test_time_coin_and_tid_together_are_a_trades_name() -> None:
    session = live(TRADES, Subscription("trades", "ETH"))
    one = [trade(7), trade(8), trade(7, time_ms=T0_MS + 1)]
    assert len(tids(session.receive(trades(*one), T0))) == 3
    assert len(tids(session.receive(trades(trade(7, coin="ETH")), T0))) == 1


def test_the_replay_on_subscribing_is_new_once_also_across_a_reconnect() -> None:
    session = live(TRADES)
    replay = numbered(*range(30))
    assert heard(session, replay) == list(range(30))
    session.lost(T0 + S)
    session.opened(T0 + 2 * S)
    session.receive(ack(TRADES), T0 + 2 * S)
    assert heard(session, numbered(*range(5, 35))) == [30, 31, 32, 33, 34]
    assert session.duplicates == 25


def test_what_is_remembered_is_bounded_and_newest() -> None:
    session = live(TRADES)
    for n in range(0, 2000, 40):
        heard(session, numbered(*range(n, n + 40)))
    kept = session.state().seen["BTC"]
    assert kept == [(T0_MS + n, n) for n in range(2000 - SEEN_TRADES, 2000)]
    assert heard(session, numbered(2000 - SEEN_TRADES)) == []
    assert heard(session, numbered(1999 - SEEN_TRADES)) == [1999 - SEEN_TRADES]


def test_one_frame_larger_than_the_memory_still_holds_nothing_twice() -> None:
    session = live(TRADES)
    many = range(SEEN_TRADES + 100)
    assert heard(session, numbered(*many, *many)) == list(many)
    assert len(session.state().seen["BTC"]) == SEEN_TRADES


@pytest.mark.parametrize(
    ("spoiler", "kind"),
    [(trade(9, px="0.0"), "bad_trade"), (trade(9, coin="ETH"), "wrong_coin")],
)
def test_a_refused_frame_leaves_its_sound_trades_new(spoiler: dict[str, Any], kind: str) -> None:
    session = live(TRADES, Subscription("trades", "ETH"))
    sound = [trade(n, time_ms=T0_MS + n) for n in (1, 2)]
    assert session.receive(trades(*sound, spoiler), T0) is None
    assert session.violations == {kind: 1}
    assert heard(session, trades(*sound)) == [1, 2]


def test_an_empty_list_of_trades_is_nothing() -> None:
    session = live(TRADES)
    assert session.receive(trades(), T0) is None
    assert session.violations == {}


def test_a_recorded_session_is_understood_whole() -> None:
    session = live(SLOW, TRADES)
    with gzip.open(recorded("hyperliquid_ws_frames/btcusd_20250126.gz"), "rt") as file:
        lines = [line.split(" ", 1) for line in file]
    events = [session.receive(raw.encode(), int(ns)) for ns, raw in lines]
    printed = [p for e in events if isinstance(e, TradesUpdate) for p in e.prints]
    rows = [r for _, raw in lines if '"trades"' in raw for r in json.loads(raw)["data"]]
    assert session.violations == {}
    assert sum(isinstance(e, BookUpdate) for e in events) == 46
    assert len(printed) == len({(r["time"], r["tid"]) for r in rows})
    assert session.duplicates == len(rows) - len(printed)
    assert [p.time_ms for p in printed] == sorted(p.time_ms for p in printed)
    assert (session.frames, session.events) == (2 + 55, 55)


# Frames that are not what they should be.


@pytest.mark.parametrize(
    ("raw", "kind"),
    [
        (bbo(coin="ETH"), "wrong_coin"),
        (book(coin="ETH"), "wrong_coin"),
        (book(coin="ETH", fast=True), "wrong_coin"),
        (context("ETH"), "wrong_coin"),
        (trades(trade(1, coin="ETH")), "wrong_coin"),
        (message("orderUpdates", []), "unknown_channel"),
        (b'{"channel":["l2Book"]}', "unknown_channel"),
        (b'{"channel":"l2Book"}', "malformed"),
        (b"rub\xffbish", "not_json"),
        (book(["0.0"]), "bad_level"),
        (book([("99.0", "0.0")]), "bad_level"),
        (bbo(("nan", "1.0")), "bad_level"),
        (trades(trade(1, sz="-1.0")), "bad_trade"),
        (context(markPx="inf"), "bad_context"),
    ],
)
def test_a_bad_frame_is_dropped_and_counted_with_a_sample(raw: bytes, kind: str) -> None:
    session = live(*EVERY_KIND)
    assert session.receive(raw, T0) is None
    assert session.receive(raw, T0 + 1) is None
    assert session.violations == {kind: 2}
    assert set(session.samples) == {kind}
    assert repr(raw[:200]) in session.samples[kind]
    assert (session.frames, session.events) == (len(EVERY_KIND) + 2, 0)


def test_a_kind_of_book_that_was_not_asked_for_is_not_taken_for_the_other() -> None:
    session = live(FAST)
    assert session.receive(book(), T0) is None
    assert session.violations == {"wrong_coin": 1}
    assert isinstance(session.receive(book(fast=True), T0), BookUpdate)


def test_a_sample_is_small_however_large_the_frame() -> None:
    session = live(BBO)
    huge = "x" * 1_000_000
    session.receive(complaint(huge), T0)
    session.receive(bbo(coin=huge), T0)
    session.receive(message(huge, {}), T0)
    session.receive(huge.encode(), T0)
    assert set(session.samples) == {"venue_error", "wrong_coin", "unknown_channel", "not_json"}
    assert max(map(len, session.samples.values())) < 1000


def test_the_greeting_in_plain_text_is_borne() -> None:
    session = live(BBO)
    assert session.receive(b"Websocket connection established.", T0) is None
    assert session.violations == {}


@given(raw=st.binary(max_size=80))
def test_receiving_never_raises(raw: bytes) -> None:
    session = live(*EVERY_KIND)
    session.receive(raw, T0)
    assert session.frames == len(EVERY_KIND) + 1


# What a replay takes up.

COINS = ("BTC", "ETH")
WANTED = [
    Subscription(kind, coin, fast)
    for coin in COINS
    for kind, fast in (
        ("bbo", False),
        ("l2Book", True),
        ("l2Book", False),
        ("trades", False),
        ("activeAssetCtx", False),
    )
]

FRAMES = st.one_of(
    st.builds(
        lambda coin, rows: trades(*(trade(n % 4, coin=coin, time_ms=T0_MS + n) for n in rows)),
        st.sampled_from(COINS),
        st.lists(st.integers(0, 9), min_size=1, max_size=4),
    ),
    st.sampled_from([
        bbo(), book(), book(fast=True, coin="ETH"), context(), b"rubbish", PONG, ack(TRADES),
        complaint("Already subscribed: ", TRADES), trades(trade(1, px="0.0")), trades(),
        trades(trade(2), trade(2, coin="ETH")), bbo(coin="SOL"),
    ]),
)  # fmt: skip


@settings(max_examples=150)
@given(before=st.lists(FRAMES, max_size=12), after=st.lists(FRAMES, max_size=12))
def test_a_restored_session_hears_exactly_what_the_first_one_would(
    before: list[bytes], after: list[bytes]
) -> None:
    with mock.patch.object(module, "SEEN_TRADES", 3):
        first, second = Session(WANTED), Session(WANTED)
        for i, raw in enumerate(before):
            first.receive(raw, T0 + i)
        written = msgspec.json.encode(first.state())
        second.restore(msgspec.json.decode(written, type=SessionState))
        assert second.state() == first.state()
        for i, raw in enumerate(after):
            assert first.receive(raw, T0 + S + i) == second.receive(raw, T0 + S + i)
        assert second.state() == first.state()


def test_a_state_that_holds_a_coin_no_longer_wanted_is_taken_up() -> None:
    session = live(TRADES)
    session.restore(SessionState({"OLD": [(1, 1)], "BTC": [(T0_MS + 1, 1)]}))
    assert heard(session, numbered(1, 2)) == [2]
    assert session.receive(trades(trade(1, coin="OLD")), T0) is None
