"""Books by deltas in a session: what becomes an event, what takes a stream out, what stands in."""

from __future__ import annotations

import json
from typing import Any

import msgspec
import pytest

from market.errors import ProtocolViolation
from market.events import BookUpdate, StreamDown, StreamUp
from tests.support.lives import JUST, asked, live, requests, states
from tests.support.venue import BBO, DATA_OF, FAST, SLOW, T0, T0_MS, S, ack, complaint
from venue.hyperliquid import wire
from venue.hyperliquid.life import RETRY_NS, State
from venue.hyperliquid.session import Session, SessionState
from venue.hyperliquid.streams import Subscription
from venue.local.market.ladders import delta_of, packed

L2 = Subscription("l2", "BTC")
STEP_MS = 540


def rows(time_ms: int, mid: int, depth: int = 20) -> dict[str, Any]:
    sides = (
        [{"px": f"{mid - side * (i + 1)}.0", "sz": "2", "n": 1} for i in range(depth)]
        for side in (1, -1)
    )
    return {"coin": "BTC", "time": time_ms, "levels": list(sides)}


def message(channel: str, data: Any) -> bytes:
    return json.dumps({"channel": channel, "data": data}).encode()


class Deltas:
    """A venue that tells one book by deltas."""

    def __init__(self, mid: int = 1_000) -> None:
        self.book = rows(T0_MS, mid)

    def snapshot(self) -> bytes:
        return message("l2", {"s": self.book})

    def next(self, mid: int) -> bytes:
        before, self.book = self.book, rows(self.book["time"] + STEP_MS, mid)
        return message("l2", {"c": packed(delta_of(before, self.book))})

    def slow(self, **more: Any) -> bytes:
        return message("l2Book", {**self.book, **more})


def session_of(*wanted: Subscription, opening: Any = ()) -> tuple[Session, Deltas]:
    session = live(*(wanted or (L2, SLOW, BBO)), opening=opening, standby=[FAST])
    venue = Deltas()
    session.receive(venue.snapshot(), T0)
    return session, venue


def test_a_snapshot_and_each_delta_become_a_quick_book_of_twenty_levels() -> None:
    session, venue = session_of()
    for i, mid in enumerate((1_001, 1_001, 999)):
        event = session.receive(venue.next(mid), T0 + i)
        assert isinstance(event, BookUpdate)
        assert (event.coin, event.time_ms, event.fast) == ("BTC", venue.book["time"], True)
        assert [len(event.bids), len(event.asks)] == [20, 20]
        assert (event.bids[0].px, event.asks[0].px) == (mid - 1.0, mid + 1.0)
    session.receive(venue.slow(), T0 + 9)
    assert session.ladders["BTC"].met == 1
    assert not session.violations


def test_the_request_names_the_coin_as_the_stream_does() -> None:
    assert json.loads(wire.subscribe(L2))["subscription"] == {
        "type": "l2", "c": "BTC", "s": None, "m": None
    }  # fmt: skip


@pytest.mark.parametrize("why", ["lost", "differs", "refused"])
def test_deltas_that_do_not_hold_give_way_to_the_fast_book(why: str) -> None:
    session, venue = session_of()
    misfit = "its deltas do not fit: "
    causes = {
        "lost": f"{misfit}a side of 15 levels",
        "differs": f"{misfit}differs from l2Book",
        "refused": "refused",
    }
    if why == "lost":
        venue.next(1_010)
        assert session.receive(venue.next(1_005), T0) is None
    elif why == "differs":
        slow = rows(T0_MS, 1_100)
        assert isinstance(session.receive(message("l2Book", slow), T0), BookUpdate)
    else:
        session = live(SLOW, BBO, opening=[L2], standby=[FAST])
        session.receive(complaint("Error parsing JSON into valid websocket request: ", L2), T0)
    assert session.streams[L2].state is State.DEAD
    output = session.tick(T0 + S)
    (down,) = output.events
    assert isinstance(down, StreamDown)
    assert (down.coin, down.stream) == ("BTC", "l2")
    assert down.cause.startswith(causes[why])
    assert asked(output) == requests(FAST, "subscribe")
    # What still comes of the old deltas is no book, and no violation for each.
    counted = dict(session.violations)
    assert session.receive(venue.next(1_003), T0 + S) is None
    assert session.violations == counted


def test_deltas_that_come_back_whole_take_their_place_again() -> None:
    session, venue = session_of()
    venue.next(1_010)
    session.receive(venue.next(1_005), T0)
    session.tick(T0 + S)
    session.receive(ack(FAST), T0 + S)
    said = []
    for now in range(T0 + 2 * S, T0 + RETRY_NS + S, S):
        for other in (BBO, SLOW, FAST):
            session.receive(DATA_OF[other], now)
        said += asked(session.tick(now))
    assert said == requests(L2, "unsubscribe", "subscribe")
    fresh, now = Deltas(), T0 + RETRY_NS + S
    session.receive(fresh.snapshot(), now)
    for i in range(3):
        assert isinstance(session.receive(fresh.next(1_000 + i), now + i), BookUpdate)
    assert session.streams[L2].state is State.LIVE
    output = session.tick(now + JUST)
    assert [type(e) for e in output.events] == [StreamUp]
    assert asked(output) == requests(FAST, "unsubscribe")


def test_another_coins_deltas_and_other_streams_are_not_touched() -> None:
    eth = Subscription("l2", "ETH")
    session = live(L2, eth, BBO, Subscription("bbo", "ETH"), standby=[FAST])
    venue = Deltas()
    session.receive(venue.snapshot(), T0)
    venue.next(1_010)
    session.receive(venue.next(1_005), T0)
    assert states(session)[:4] == [State.DEAD, State.LIVE, State.LIVE, State.LIVE]


@pytest.mark.parametrize(
    "data", [{}, {"c": "no delta"}, {"c": None}, {"c": packed({"c": "XRP"})}, {"c": packed({})}]
)
def test_frames_that_are_no_deltas_are_counted_and_take_nothing_out(data: Any) -> None:
    session, venue = session_of()
    for i in range(12):
        assert session.receive(message("l2", data), T0 + i) is None
    assert sum(session.violations.values()) == 12
    assert not session.tick(T0 + S).drop
    assert isinstance(session.receive(venue.next(1_001), T0 + S), BookUpdate)


def test_a_coin_that_was_not_asked_for_is_refused() -> None:
    session, _ = session_of(SLOW, BBO)
    session.receive(Deltas().snapshot(), T0)
    assert session.violations["wrong_coin"] >= 1


def test_an_unsound_snapshot_counts_against_its_stream() -> None:
    session, _ = session_of()
    bad = rows(T0_MS, 1_000)
    bad["levels"][0].reverse()
    session.receive(message("l2", {"s": bad}), T0)
    assert len(session.streams[L2].bad) == 1


def test_a_session_taken_up_between_two_deltas_goes_on_exactly() -> None:
    session, venue = session_of()
    session.receive(venue.next(1_002), T0)
    written = msgspec.json.encode(session.state())
    other = Session([L2, SLOW, BBO])
    other.restore(msgspec.json.decode(written, type=SessionState))
    for raw in (venue.slow(), venue.next(1_005), venue.slow()):
        assert other.receive(raw, T0 + 1) == session.receive(raw, T0 + 1)
    assert other.ladders == session.ladders
    assert other.ladders["BTC"].met == 2


def test_the_venues_echo_is_its_acknowledgement() -> None:
    session = Session([L2, SLOW])
    session.opened(T0)
    session.receive(ack(L2), T0)
    assert session.streams[L2].state is State.LIVE
    with pytest.raises(ProtocolViolation):
        wire.decode(b'{"channel":"l2"}')
