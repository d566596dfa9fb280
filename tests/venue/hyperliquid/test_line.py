"""Silence, refusals and bad frames: one stream's trouble is that stream's alone."""

from __future__ import annotations

from itertools import pairwise

import pytest

from tests.support.lives import JUST, Run, asked, live, opened, requests, states
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
    trade,
    trades,
)
from venue.hyperliquid import wire
from venue.hyperliquid.life import State
from venue.hyperliquid.line import BURST, MESSAGES_PER_MINUTE, Output, Pace
from venue.hyperliquid.session import Session
from venue.hyperliquid.streams import Subscription

PERIODIC = {FAST: 0.54, SLOW: 5.4, CONTEXT: 1.0}
ALL = {**PERIODIC, BBO: 0.5}
RESUBSCRIBE = ["unsubscribe", "subscribe"]


def but(*without: Subscription) -> dict[Subscription, float]:
    return {s: step for s, step in ALL.items() if s not in without}


# A stream that says nothing.


@pytest.mark.parametrize(
    ("stream", "name", "limit_s"),
    [(FAST, "fast", 5.0), (CONTEXT, "context", 5.0), (SLOW, "slow", 4 * 5.4)],
    ids=["fast", "ctx", "slow"],
)
def test_a_silent_periodic_stream_is_asked_for_again_once_and_then_dead(
    stream: Subscription, name: str, limit_s: float
) -> None:
    run = Run(*EVERY_KIND)
    run.go(120, ALL)
    assert (run.asked, run.told, run.dropped) == ([], [], None)
    began = run.seconds
    run.go(100, but(stream))
    kind = "fast" if stream.fast else stream.type
    assert [(m, k) for _, m, k in run.asked] == [(m, kind) for m in RESUBSCRIBE]
    resubscribed = run.asked[0][0] - began
    assert limit_s - PERIODIC[stream] <= resubscribed <= limit_s + 1.0
    ((died, word, what),) = run.told
    assert (word, what, run.causes) == ("down", name, ["acknowledged, silent"])
    assert limit_s < died - run.asked[0][0] <= limit_s + 1.0
    assert run.dropped is None


def test_a_dead_stream_is_asked_for_again_every_few_minutes_and_said_dead_once() -> None:
    run = Run(*EVERY_KIND)
    run.go(60, ALL)
    run.go(3600, but(FAST))
    assert run.words() == [("down", "fast")]
    assert run.dropped is None
    at = [when for when, method, _ in run.asked if method == "subscribe"]
    assert 4 <= len(at) <= 8
    assert 150 <= at[1] - at[0] <= 200
    run.go(800, ALL)
    assert run.words() == [("down", "fast"), ("up", "fast")]


def test_one_frame_for_a_new_subscriber_does_not_bring_a_stream_back() -> None:
    run = Run(*EVERY_KIND)
    run.go(60, ALL)
    run.go(30, but(FAST))
    for _ in range(5):
        run.session.receive(book(fast=True), run.now)
        run.go(200, but(FAST))
    assert run.words() == [("down", "fast")]


def test_a_stream_that_comes_back_after_being_asked_for_again_is_live() -> None:
    run = Run(*EVERY_KIND)
    run.go(30, ALL)
    run.go(7, but(FAST))
    assert len(run.asked) == 2
    run.go(60, ALL)
    assert (run.told, run.dropped, len(run.asked)) == ([], None, 2)
    assert State.SILENT not in states(run.session)


def test_what_speaks_only_when_asked_is_not_asked_for_ever() -> None:
    """A stream that gives its first frame to each subscriber, and no other, is dead."""
    run = Run(*EVERY_KIND)
    run.go(60, ALL)
    for _ in range(100):
        before = len(run.asked)
        run.go(1, {**but(FAST), SLOW: 1.0})
        if len(run.asked) > before:
            run.session.receive(book(fast=True), run.now)
    assert run.words() == [("down", "fast")]
    assert len(run.asked) == 2


def test_one_silent_coin_costs_the_others_nothing() -> None:
    eth = Subscription("l2Book", "ETH", True)
    session = live(FAST, BBO, TRADES, eth)
    out = []
    for second in range(1, 9):
        session.receive(DATA_OF[FAST], T0 + second * S)
        out += asked(session.tick(T0 + second * S))
    assert out == requests(eth, *RESUBSCRIBE)


@pytest.mark.parametrize("stream", [BBO, TRADES], ids=["bbo", "trades"])
def test_a_stream_that_speaks_only_on_change_may_be_silent(stream: Subscription) -> None:
    run = Run(stream, CONTEXT, FAST)
    run.go(60, {stream: 0.07, CONTEXT: 1.0, FAST: 0.54})
    run.go(3600, {CONTEXT: 1.0, FAST: 0.54})
    assert (run.asked, run.told, run.dropped) == ([], [], None)


def test_an_acknowledged_stream_that_never_speaks_is_noticed() -> None:
    run = Run(*EVERY_KIND)
    run.go(60, but(FAST))
    assert [m for _, m, _ in run.asked] == RESUBSCRIBE
    assert run.asked[0][0] == 6.0
    assert (run.words(), run.dropped) == ([("down", "fast")], None)


def test_a_slow_book_is_given_time_to_come_after_being_asked_for_again() -> None:
    """The slow push clock is shared: after a new request its next push may be 5.4 s away."""
    run = Run(BBO, SLOW)
    run.go(60, {BBO: 0.5, SLOW: 5.4})
    run.go(23, {BBO: 0.5})
    assert len(run.asked) == 2
    run.go(20, {BBO: 0.5, SLOW: 5.4 + 1.6})
    assert (run.told, run.dropped) == ([], None)


def test_a_slower_cadence_is_learned_without_giving_up_the_stream() -> None:
    run = Run(BBO, FAST)
    run.go(60, {BBO: 0.5, FAST: 0.54})
    run.go(300, {BBO: 0.5, FAST: 5.4})
    assert (run.told, run.dropped) == ([], None)
    assert len(run.asked) <= 2
    # By now 5.4 s is normal: silence counts from four times that.
    before = len(run.asked)
    run.go(4 * 5.4 - 5.4, {BBO: 0.5})
    assert len(run.asked) == before
    run.go(8, {BBO: 0.5})
    assert len(run.asked) == before + 2


def test_a_quicker_cadence_is_learned() -> None:
    run = Run(BBO, SLOW)
    run.go(60, {BBO: 0.5, SLOW: 5.4})
    run.go(400, {BBO: 0.5, SLOW: 0.54})
    assert run.asked == []
    run.go(7, {BBO: 0.5})
    assert len(run.asked) == 2


def test_an_outage_is_not_learned_as_a_cadence() -> None:
    run = Run(BBO, FAST)
    run.go(60, {BBO: 0.5, FAST: 0.54})
    run.reconnect(3600)
    run.go(30, {BBO: 0.5, FAST: 0.54})
    assert (run.asked, run.told, run.dropped) == ([], [], None)
    run.go(7, {BBO: 0.5})
    assert len(run.asked) == 2


def test_a_pause_of_our_own_is_neither_silence_nor_a_cadence() -> None:
    run = Run(BBO, FAST)
    run.go(60, {BBO: 0.5, FAST: 0.54})
    run.now += 600 * S
    run.session.resumed(run.now)
    assert run.session.tick(run.now + S) == Output()
    run.go(30, {BBO: 0.5, FAST: 0.54})
    assert (run.asked, run.told, run.dropped) == ([], [], None)
    run.go(7, {BBO: 0.5})
    assert len(run.asked) == 2


# A stream that is not acknowledged, or refused.


def test_a_missing_acknowledgement_is_asked_for_again_and_given_up_at_five_seconds_each() -> None:
    session = live(BBO, SLOW, CONTEXT, opening=(TRADES,))
    assert session.tick(T0 + 5 * S) == Output()
    again = session.tick(T0 + 5 * S + JUST)
    assert [r for r in asked(again) if r["subscription"]["type"] == "trades"] == requests(
        TRADES, "subscribe"
    )
    session.receive(context(), T0 + 6 * S)
    assert session.tick(T0 + 10 * S + JUST).events == []
    given_up = session.tick(T0 + 10 * S + 2 * JUST)
    assert given_up.drop == ""
    ((coin, stream, cause),) = [(e.coin, e.stream, e.cause) for e in given_up.events]  # type: ignore[union-attr]
    assert (coin, stream, cause) == ("BTC", "trades", "not acknowledged")


def test_a_venue_that_takes_its_time_with_each_request_is_waited_for() -> None:
    wanted = [Subscription("trades", f"C{i}") for i in range(10)]
    session = opened(*wanted)
    for i, subscription in enumerate(wanted[:6]):
        session.receive(ack(subscription), T0 + 4 * (i + 1) * S)
        assert session.tick(T0 + 4 * (i + 1) * S + 3 * S) == Output()
    again = session.tick(T0 + 29 * S + JUST)
    assert asked(again) == [r for s in wanted[6:] for r in requests(s, "subscribe")]


def test_a_limit_that_the_venue_complains_of_is_told_with_the_stream() -> None:
    session = live(BBO, SLOW, CONTEXT, opening=(TRADES,))
    told = []
    for second in range(1, 13):
        now = T0 + second * S
        session.receive(context(), now)
        if second in (1, 7):
            session.receive(complaint("Cannot subscribe to more than 1000 channels."), now)
        told += session.tick(now).events
    assert [e.cause for e in told] == [  # type: ignore[union-attr]
        "not acknowledged, the venue said: Cannot subscribe to more than 1000 channels."
    ]


def test_a_refused_fast_book_lets_the_slow_one_stand_in_until_it_is_back() -> None:
    session = Session([FAST, BBO, TRADES], standby=[SLOW])
    assert asked(session.opened(T0)) == [
        r for s in (FAST, BBO, TRADES) for r in requests(s, "subscribe")
    ]
    for other in (BBO, TRADES):
        session.receive(ack(other), T0)
    session.receive(complaint("Invalid subscription ", FAST), T0)
    output = session.tick(T0 + S)
    assert asked(output) == requests(SLOW, "subscribe")
    assert [e.stream for e in output.events] == ["fast"]
    assert session.receive(book(), T0 + 2 * S) is not None
    # A new connection asks for both: what is dead may have come back.
    session.lost(T0 + 3 * S)
    assert asked(session.opened(T0 + 4 * S)) == [
        r for s in (FAST, BBO, TRADES, SLOW) for r in requests(s, "subscribe")
    ]
    for i in range(3):
        session.receive(book(fast=True), T0 + 5 * S + i)
    back = session.tick(T0 + 6 * S)
    assert [e.stream for e in back.events] == ["fast"]
    assert asked(back) == requests(SLOW, "unsubscribe")


def test_a_server_that_does_not_know_fast_gives_the_slow_book_instead() -> None:
    """It reads past the option: the echo and the frames are those of the slow book."""
    run = Run(BBO, TRADES, SLOW, CONTEXT, opening=(FAST,))
    run.session.receive(complaint("Already subscribed: ", SLOW), T0)
    run.go(700, but(FAST))
    assert run.words() == [("down", "fast")]
    assert run.causes[0].startswith("not acknowledged")
    assert run.dropped is None
    assert run.session.streams[SLOW].state is State.LIVE


# A stream that says nothing sound.

BAD_CONTEXTS = [context(oraclePx="0.0"), context(markPx=None), context(funding="x")]


@pytest.mark.parametrize("raw", BAD_CONTEXTS, ids=["oracle 0", "mark null", "no number"])
def test_a_context_of_nonsense_kills_that_context_alone(raw: bytes) -> None:
    eth = {Subscription(s.type, "ETH", s.fast): s for s in EVERY_KIND}
    run = Run(*EVERY_KIND, *eth)
    said = {
        Subscription(s.type, "ETH", s.fast): (step, DATA_OF[s].replace(b"BTC", b"ETH"))
        for s, step in ALL.items()
    }
    run.go(30, {**ALL, **said})
    run.go(600, {**ALL, **said, CONTEXT: (1.0, raw)})
    assert run.words() == [("down", "context")]
    assert run.causes[0].startswith("nothing but bad frames: ")
    assert run.dropped is None
    assert [s for s in states(run.session) if s is not State.LIVE] == [State.DEAD]
    run.go(800, {**ALL, **said})
    assert run.words() == [("down", "context"), ("up", "context")]


def test_ten_bad_frames_within_a_minute_are_trouble_even_among_good_ones() -> None:
    run = Run(*EVERY_KIND)
    run.go(30, ALL)
    bad = {CONTEXT: 1.0, Subscription("activeAssetCtx", "BTC", True): (2.0, BAD_CONTEXTS[0])}
    run.go(60, {**but(CONTEXT), **bad})
    assert [m for _, m, _ in run.asked] == RESUBSCRIBE
    assert (run.words(), run.causes) == (
        [("down", "context")],
        ["10 bad frames within a minute, the last: bad_context: BTC"],
    )
    assert run.dropped is None


@pytest.mark.parametrize(
    ("stream", "raw"),
    [(CONTEXT, BAD_CONTEXTS[0]), (BBO, bbo(bid=-1.0))],
    ids=["context", "bbo"],
)
def test_what_died_of_bad_frames_is_back_after_a_minute_without_any(
    stream: Subscription, raw: bytes
) -> None:
    run = Run(*EVERY_KIND)
    run.go(30, ALL)
    run.go(1800, {**ALL, Subscription(stream.type, "BTC", True): (4.0, raw)})
    name = stream.type if stream is BBO else "context"
    assert run.words() == [("down", name)]
    assert len(run.session.streams[stream].bad) == 1
    run.go(55, ALL)
    assert run.words() == [("down", name)]
    run.go(10, ALL)
    assert run.words() == [("down", name), ("up", name)]
    assert run.dropped is None


def test_nine_bad_frames_a_minute_are_borne() -> None:
    run = Run(*EVERY_KIND)
    bad = {Subscription("activeAssetCtx", "BTC", True): (6.7, BAD_CONTEXTS[0])}
    run.go(600, {**ALL, **bad})
    assert (run.asked, run.told, run.dropped) == ([], [], None)


# Trades that somebody made and nobody told.


def volume(number: float) -> bytes:
    return context(dayNtlVlm=str(number))


class Market(Run):
    """All streams of a coin; a print and a rise of the day's volume every two seconds."""

    def __init__(self) -> None:
        super().__init__(*EVERY_KIND)
        self.tid = 0
        self.number = 1e6

    def trade(self, seconds: int, *, told: bool = True, risen: bool = True, mid: int = 0) -> None:
        for second in range(seconds):
            if second % 2 == 0:
                self.tid += 1
                self.number += 100.0 * risen
                if told:
                    row = trade(self.tid, time_ms=T0_MS + self.tid)
                    self.session.receive(trades(row), self.now + S // 2)
            steps: dict[Subscription, float | tuple[float, bytes]] = dict(but(CONTEXT))
            steps[SLOW] = 1.0
            steps[CONTEXT] = (1.0, volume(self.number))
            if mid:
                steps[BBO] = (0.5, bbo((f"{mid}.0", "1.0"), (f"{mid}.5", "1.0")))
                steps[FAST] = (0.54, book([f"{mid}.0"], [f"{mid}.5"], fast=True))
                steps[SLOW] = (1.0, book([f"{mid}.0"], [f"{mid}.5"]))
            self.go(1, steps)


def test_trades_that_are_told_are_no_cause_for_suspicion() -> None:
    market = Market()
    market.trade(400)
    assert (market.asked, market.told) == ([], [])


def test_trades_are_dead_when_the_day_s_volume_rises_and_no_print_comes() -> None:
    market = Market()
    market.trade(100)
    market.trade(30, told=False)
    assert [m for _, m, _ in market.asked] == RESUBSCRIBE
    assert market.words() == [("down", "trades")]
    assert 9 <= market.told[0][0] - 100 <= 13
    assert "while the day's volume rose" in market.causes[0]
    assert market.session.streams[TRADES].state is State.DEAD
    market.trade(2)
    assert market.words() == [("down", "trades"), ("up", "trades")]
    assert market.dropped is None


def test_a_replay_of_trades_that_are_known_does_not_bring_them_back() -> None:
    market = Market()
    market.trade(100)
    market.trade(13, told=False)
    assert market.words() == [("down", "trades")]
    old = [trade(n, time_ms=T0_MS + n) for n in range(1, 40)]
    market.session.receive(trades(*old), market.now)
    market.trade(10, told=False)
    assert market.words() == [("down", "trades")]
    market.session.receive(trades(*old, trade(999, time_ms=T0_MS + 999)), market.now)
    market.trade(1, told=False)
    assert market.words() == [("down", "trades"), ("up", "trades")]


def test_a_coin_that_nobody_trades_is_left_in_peace() -> None:
    market = Market()
    market.trade(100)
    market.trade(2000, told=False, risen=False)
    assert (market.asked, market.told) == ([], [])


def test_trades_are_dead_when_the_mid_leaves_the_last_prints_and_no_print_comes() -> None:
    market = Market()
    market.trade(100)
    market.trade(25, told=False, risen=False, mid=120)
    assert market.told == []
    market.trade(20, told=False, risen=False, mid=120)
    assert market.words() == [("down", "trades")]
    assert "while the mid left the last prints" in market.causes[0]


# Requests at a pace the venue bears.


def many(coins: int) -> list[Subscription]:
    return [Subscription(s.type, f"C{i}", s.fast) for i in range(coins) for s in EVERY_KIND]


def test_requests_leave_in_bursts_and_none_is_overdue_before_it_left() -> None:
    wanted = many(200)
    session = Session(wanted)
    sent = list(session.opened(T0).frames)
    assert len(sent) == BURST
    now = T0
    for _ in range(400):
        now += S // 10
        sent += session.lines[0].flush(now) if now % S else session.tick(now).frames
        for stream in session.streams.values():
            if stream.state is State.SENT and not stream.is_queued:
                session.receive(ack(stream.subscription), now)
    assert sent[:1000] == [wire.subscribe(s) for s in wanted]
    assert all(stream.asked_ns for stream in session.streams.values())


def test_a_minute_s_messages_are_counted_over_every_connection() -> None:
    pace, now, sent = Pace(), T0, []
    for _ in range(10 * 180):
        now += S // 10
        room = max(0, pace.room(now))
        pace.spend(room, now)
        sent.append((now, room))
    for start, _ in sent[::50]:
        window = sum(n for at, n in sent if start <= at < start + 60 * S)
        assert window <= MESSAGES_PER_MINUTE
    assert sum(n for _, n in sent) >= 3 * MESSAGES_PER_MINUTE


# The connection as a whole.


def test_most_streams_silent_is_the_connection_s_trouble_once() -> None:
    run = Run(*EVERY_KIND)
    run.go(60, {**ALL, TRADES: 1.0})
    run.go(60, {})
    assert run.dropped is not None
    assert run.dropped[1].startswith("most streams are silent")
    assert run.told == []
    run.reconnect()
    # A new connection on which they are as silent: it is not the connection.
    for _ in range(100):
        run.session.receive(PONG, run.now)
        run.go(3, {})
    assert run.dropped is None
    assert {stream for _, stream in run.words()} == {"fast", "context", "slow"}


def test_a_doubt_that_a_new_connection_did_not_settle_is_raised_less_and_less_often() -> None:
    run = Run(*EVERY_KIND)
    drops = []
    while run.seconds < 4 * 3600:
        run.session.receive(PONG, run.now)
        run.go(5, {})
        if run.dropped is not None:
            drops.append(run.dropped[0])
            run.reconnect()
    assert 4 <= len(drops) <= 6
    gaps = [b - a for a, b in pairwise(drops)]
    assert all(b > 1.8 * a for a, b in pairwise(gaps))


def rubbish(session: Session, times: object) -> str:
    """Let a bad frame come at each of the seconds; return why the connection is dropped."""
    now = T0
    for at in times:  # type: ignore[attr-defined]
        now = T0 + int(at * S)
        session.receive(b"rubbish", now)
    return session.tick(now).drop


def test_ten_frames_within_a_minute_that_are_of_no_stream_drop_the_connection() -> None:
    assert rubbish(live(BBO), range(9)) == ""
    assert "10 bad frames" in rubbish(live(BBO), range(10))
    assert "10 bad frames" in rubbish(live(BBO), [i * 6.6 for i in range(10)])
    assert rubbish(live(BBO), [i * 6.7 for i in range(10)]) == ""


def test_a_new_connection_starts_with_a_clean_record() -> None:
    session = live(BBO)
    assert rubbish(session, range(10)) != ""
    session.lost(T0 + 10 * S)
    session.opened(T0 + 11 * S)
    assert session.tick(T0 + 12 * S).drop == ""
    assert session.violations == {"not_json": 10}


@pytest.mark.parametrize("raw", [bbo(coin="ETH"), message("webData3", {})])
def test_frames_that_are_not_for_us_are_ignored_however_many(raw: bytes) -> None:
    session = live(BBO)
    for i in range(500):
        assert session.receive(raw, T0 + i) is None
    assert session.tick(T0 + S) == Output()
    assert sum(session.violations.values()) == 500


def test_a_connection_is_judged_by_what_came_on_it() -> None:
    eth = Subscription("bbo", "ETH")
    session = Session([BBO, eth], lines=[["BTC"], ["ETH"]])
    assert asked(session.opened(T0, 0)) == requests(BBO, "subscribe")
    assert asked(session.opened(T0, 1)) == requests(eth, "subscribe")
    session.receive(ack(BBO), T0)
    session.reading = 1
    session.receive(ack(eth), T0)
    for second in range(1, 27):
        session.reading = 1
        session.receive(bbo(coin="ETH"), T0 + second * S)
    assert "nothing heard" in session.tick(T0 + 26 * S, 0).drop
    assert session.tick(T0 + 26 * S, 1).drop == ""
    session.lost(T0 + 26 * S, 0)
    assert states(session) == [State.IDLE, State.LIVE]


def test_after_fifteen_quiet_seconds_the_venue_is_pinged_and_after_25_given_up() -> None:
    session = live(BBO)
    assert session.tick(T0 + 15 * S) == Output()
    assert session.tick(T0 + 15 * S + JUST).frames == [wire.PING]
    assert session.tick(T0 + 16 * S) == Output()
    assert session.tick(T0 + 25 * S) == Output()
    assert "nothing heard" in session.tick(T0 + 25 * S + JUST).drop


def test_a_pong_keeps_a_quiet_connection() -> None:
    session = live(BBO)
    pings = 0
    for second in range(1, 301):
        now = T0 + second * S
        output = session.tick(now)
        assert output.drop == ""
        assert set(output.frames) <= {wire.PING}
        if output.frames:
            pings += 1
            session.receive(PONG, now)
    assert 15 <= pings <= 20


def test_a_ping_of_the_last_connection_does_not_save_the_next_one() -> None:
    session = live(BBO)
    session.tick(T0 + 16 * S)
    session.lost(T0 + 26 * S)
    start = T0 + 27 * S
    session.opened(start)
    session.receive(ack(BBO), start)
    assert session.tick(start + 16 * S).frames == [wire.PING]
    assert session.tick(start + 26 * S).drop != ""


def test_data_means_no_ping() -> None:
    session = opened(BBO)
    for second in range(1, 100):
        session.receive(bbo(), T0 + second * S)
        assert session.tick(T0 + second * S) == Output()
