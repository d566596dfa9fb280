from __future__ import annotations

from datetime import UTC, datetime, time
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from daemon.alerts.outbox import NS_PER_HOUR, Waiting
from daemon.alerts.plan import Quiet, plan

NOW = 1_796_000_000 * 10**9


def message(number: int, way: str = "on", *, urgent: bool = False, age_h: float = 0.0) -> Waiting:
    found = NOW - int(age_h * NS_PER_HOUR)
    return Waiting(
        number, found, "kind", f"title {number}", f"body {number}\nmore", "", way, urgent, 1
    )


def test_each_message_is_a_push_of_its_own_with_mode_time_and_number() -> None:
    (told,) = plan([message(7)], mode="paper-testnet", sent=0, per_hour=5, quiet=False, now_ns=NOW)
    assert told.title == "paper-testnet: title 7"
    assert told.body == "body 7\nmore\n30 Nov 00:53 UTC · #7" or told.body.endswith("UTC · #7")


def test_where_pushes_run_out_the_rest_is_one() -> None:
    waiting = [message(at) for at in range(1, 8)] + [message(9, urgent=True)]
    told = plan(waiting, mode="m", sent=2, per_hour=5, quiet=False, now_ns=NOW)
    assert [d.messages for d in told] == [[9], [1], [2, 3, 4, 5, 6, 7]]
    assert told[0].urgent and told[2].title == "m: 6 messages"
    assert told[2].body.splitlines()[0].endswith("title 2: body 2")
    assert plan(waiting, mode="m", sent=5, per_hour=5, quiet=False, now_ns=NOW) == []


def test_quiet_hours_and_silence_hold_back_what_is_not_urgent() -> None:
    waiting = [message(1), message(2, "silent", age_h=2), message(3, urgent=True)]
    quiet = plan(waiting, mode="m", sent=0, per_hour=5, quiet=True, now_ns=NOW)
    assert [d.messages for d in quiet] == [[3]]
    young = [message(1, "silent"), message(2, "silent")]
    assert plan(young, mode="m", sent=0, per_hour=5, quiet=False, now_ns=NOW) == []
    old = [message(1, "silent", age_h=1), message(2, "silent")]
    assert [
        d.messages for d in plan(old, mode="m", sent=0, per_hour=5, quiet=False, now_ns=NOW)
    ] == [[1, 2]]


@given(
    st.lists(st.tuples(st.sampled_from(("on", "silent")), st.booleans(), st.floats(0, 3))).map(
        lambda found: found[:30]
    ),
    st.integers(0, 12),
    st.booleans(),
)
def test_never_more_pushes_than_are_left_and_every_message_at_most_once(
    drawn: list[tuple[str, bool, float]], sent: int, quiet: bool
) -> None:
    waiting = [message(at, way, urgent=u, age_h=age) for at, (way, u, age) in enumerate(drawn)]
    told = plan(waiting, mode="m", sent=sent, per_hour=10, quiet=quiet, now_ns=NOW)
    numbers = [n for delivery in told for n in delivery.messages]
    assert len(told) <= max(10 - sent, 0) and len(set(numbers)) == len(numbers)
    if sent < 10:
        must = {m.message_id for m in waiting if m.urgent or (m.way == "on" and not quiet)}
        assert must <= set(numbers)


@pytest.mark.parametrize(
    ("hours", "zone", "at", "quiet"),
    [
        ((22, 7), "UTC", "2026-11-30T23:00", True),
        ((22, 7), "UTC", "2026-11-30T06:59", True),
        ((22, 7), "UTC", "2026-11-30T07:00", False),
        ((22, 7), "Europe/Vienna", "2026-11-30T21:30", True),
        ((8, 9), "UTC", "2026-11-30T08:30", True),
        ((0, 0), "UTC", "2026-11-30T00:00", False),
    ],
)
def test_quiet_hours_may_go_over_midnight_in_any_zone(
    hours: tuple[int, int], zone: str, at: str, quiet: bool
) -> None:
    when = datetime.fromisoformat(at).replace(tzinfo=UTC)
    found = Quiet(time(hours[0]), time(hours[1]), ZoneInfo(zone))
    assert found.holds(int(when.timestamp() * 1e9)) is quiet
