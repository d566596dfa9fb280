from __future__ import annotations

from functools import partial

from hypothesis import given
from hypothesis import strategies as st

from daemon.engine.outcome import NOTHING, Outbox
from market.decision import Request
from shadow.store.tables.alarms import AlarmRow


def test_a_step_with_nothing_to_say_makes_nothing() -> None:
    out = Outbox()
    before = out.vitals.digest
    assert out.take() is NOTHING
    assert out.vitals.digest == before and NOTHING.rows.size() == 0


def test_every_step_s_outcome_is_its_own() -> None:
    out = Outbox()
    out.vitals.seq, out.vitals.now_ns = 7, 70
    out.alarm("a", "b")
    first = out.take()
    assert first.seq == 7 and first.rows.alarms == [AlarmRow(70, 7, "a", "b")]
    assert out.vitals.alarms == 1
    out.vitals.seq = 8
    out.outcome.requests.append(Request("candles", "BTC"))
    second = out.take()
    assert second.seq == 8 and second.rows.size() == 0 and second.requests
    assert out.take() is NOTHING


def test_what_is_written_later_is_in_the_same_outcome_in_the_order_of_asking() -> None:
    out = Outbox()
    for message in ("first", "second"):
        out.later(partial(out.alarm, "later", message))
    out.alarm("now", "")
    assert [row.kind for row in out.rows.alarms] == ["now"]
    assert [row.message for row in out.take().rows.alarms] == ["", "first", "second"]
    assert out.take() is NOTHING, "and is written once"


ALARMS = st.lists(st.tuples(st.text(max_size=3), st.text(max_size=3)), max_size=6)


def digest_of(alarms: list[tuple[str, str]]) -> bytes:
    out = Outbox()
    for number, (kind, message) in enumerate(alarms):
        out.vitals.seq = number
        out.alarm(kind, message)
        out.take()
    return out.vitals.digest


@given(a=ALARMS, b=ALARMS)
def test_the_digest_tells_any_two_histories_apart(
    a: list[tuple[str, str]], b: list[tuple[str, str]]
) -> None:
    assert (digest_of(a) == digest_of(b)) == (a == b)


def test_requests_and_answers_are_not_part_of_the_digest() -> None:
    out = Outbox()
    before = out.vitals.digest
    out.outcome.requests.append(Request("candles", "BTC"))
    out.outcome.reply = "done"
    out.take()
    assert out.vitals.digest == before


def test_what_was_touched_is_remembered_once_and_in_order() -> None:
    out = Outbox()
    for name in ("desk", "key/a", "desk", "trade/1", "key/a"):
        out.touch(name)
    assert list(out.dirty) == ["desk", "key/a", "trade/1"]
