"""The table of one subscription's states, walked by what really happens."""

from __future__ import annotations

import pytest

from tests.support.lives import JUST, asked, requests, states
from tests.support.venue import BBO, FAST, SLOW, T0, TRADES, S, ack, book, complaint
from venue.hyperliquid.life import RETRY_NS, TRANSITIONS, Action, Input, State, Stream
from venue.hyperliquid.line import Output
from venue.hyperliquid.session import Session

# Others that are well, so that the connection itself is in no doubt.
OTHERS = (BBO, TRADES, SLOW)


def test_every_state_can_be_reached_and_none_leads_nowhere() -> None:
    reached = {State.IDLE}
    while True:
        step = {after for (before, _), (after, _) in TRANSITIONS.items() if before in reached}
        if step <= reached:
            break
        reached |= step
    assert reached == set(State)
    assert {after for after, _ in TRANSITIONS.values()} <= set(State)


def test_a_loss_resets_every_state_but_the_dead_without_a_word() -> None:
    for state in set(State) - {State.DEAD}:
        assert TRANSITIONS[state, Input.LOST] == (State.IDLE, Action.NONE)
    assert (State.DEAD, Input.LOST) not in TRANSITIONS


def test_what_is_given_up_is_dead_and_only_that() -> None:
    given_up = [after for after, action in TRANSITIONS.values() if action is Action.GIVE_UP]
    assert set(given_up) == {State.DEAD}
    dying = [a for (before, _), (after, a) in TRANSITIONS.items() if after is State.DEAD != before]
    assert set(dying) <= {Action.GIVE_UP}


def in_state(state: State) -> tuple[Session, int]:
    """Return a session whose first stream has got into a state by what happens, and when."""
    session, now = Session([FAST, *OTHERS]), T0
    if state is not State.IDLE:
        session.opened(now)
        for other in OTHERS:
            session.receive(ack(other), now)
    if state in (State.LIVE, State.SILENT):
        session.receive(ack(FAST), now)
    if state in (State.RETRIED, State.SILENT):
        now += 5 * S + JUST
        session.tick(now)
    if state is State.DEAD:
        session.receive(complaint("Invalid subscription ", FAST), now)
    assert states(session)[0] is state
    return session, now


def happen(session: Session, given_: Input, now: int) -> Output:
    """Let an input happen the way it does in life."""
    fast = session.streams[FAST]
    if given_ is Input.OPENED:
        session.lost(now)
        return session.opened(now)
    if given_ in (Input.OVERDUE, Input.QUIET):
        return session.tick(now + 5 * S + JUST)
    if given_ is Input.RETRY:
        return session.tick(now + RETRY_NS)
    if given_ is Input.LOST:
        session.lost(now)
        return Output()
    if given_ is Input.MISFIT:
        session.lines[0].move(fast, given_, "differs", now)
        return Output(session.lines[0].flush(now))
    if given_ is Input.STOPPED:
        session.lines[0].move(fast, given_, "", now)
        return Output(session.lines[0].flush(now))
    if given_ is Input.PROOF:
        for i in range(3):
            session.receive(book(fast=True), now + i)
        return Output()
    raw = {
        Input.ACKED: ack(FAST),
        Input.DATA: book(fast=True),
        Input.ERROR: complaint("Invalid subscription ", FAST),
    }[given_]
    session.receive(raw, now)
    return Output()


def can_happen(state: State, given_: Input) -> bool:
    """Say whether an input can happen to a stream in a state at all."""
    if given_ is Input.OPENED:
        return state in (State.IDLE, State.DEAD)
    return given_ not in (Input.RETRY, Input.PROOF) or state is State.DEAD


@pytest.mark.parametrize(
    ("state", "given_"),
    [(s, i) for s in State for i in Input if can_happen(s, i)],
    ids=lambda x: x.value,
)
def test_each_input_in_each_state_does_what_the_table_says_or_nothing(
    state: State, given_: Input
) -> None:
    session, now = in_state(state)
    if given_ in (Input.OVERDUE, Input.QUIET):
        # The same five seconds: the state decides what they mean.
        given_ = Input.QUIET if state is State.LIVE else Input.OVERDUE
    after, action = TRANSITIONS.get((state, given_), (state, Action.NONE))
    output = happen(session, given_, now)
    assert states(session)[0] is after
    frames = {
        Action.SUBSCRIBE: requests(FAST, "subscribe"),
        Action.RESUBSCRIBE: requests(FAST, "unsubscribe", "subscribe"),
        Action.UNSUBSCRIBE: requests(FAST, "unsubscribe"),
    }.get(action, [])
    ours = [r for r in asked(output) if r.get("subscription", {}).get("fast")]
    assert ours == frames


@pytest.mark.parametrize(("deaths", "minutes"), [(1, 3), (2, 6), (3, 12), (9, 12)])
def test_what_dies_again_and_again_is_asked_for_less_often(deaths: int, minutes: int) -> None:
    stream = Stream(FAST)
    for _ in range(deaths):
        stream.die(T0)
    assert stream.retry_ns == T0 + minutes * 60 * S


def test_what_lived_for_an_hour_is_asked_for_soon_again() -> None:
    stream = Stream(FAST)
    for _ in range(5):
        stream.die(T0)
    stream.revived_ns = T0
    stream.die(T0 + 3600 * S + 1)
    assert stream.retry_ns == T0 + 3600 * S + 1 + RETRY_NS
