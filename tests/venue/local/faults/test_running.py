from __future__ import annotations

from tests.venue.local.faults.spoiling import asked, book, trades
from venue.local.faults.asked import Asked
from venue.local.faults.kinds.market.one_sided import OneSided
from venue.local.faults.kinds.rest.http_429 import Http429
from venue.local.faults.kinds.rest.http_502 import Http502
from venue.local.faults.kinds.wire.disconnect import Disconnect
from venue.local.faults.kinds.wire.duplicate import Duplicate
from venue.local.faults.kinds.wire.missing_ack import MissingAck
from venue.local.faults.kinds.wire.truncated_frame import TruncatedFrame
from venue.local.faults.outgoing import Outgoing
from venue.local.faults.plan import Plan
from venue.local.faults.running import Running, made_of, reply_to


def counts(running: Running, times: range, client: int = 1) -> list[int]:
    return [len(running.frames(client, book(), now_ms)) for now_ms in times]


def test_a_fault_is_on_from_its_beginning_to_its_end() -> None:
    running = Running(Plan((Duplicate(at_s=1.0, for_s=2.0),)))
    assert counts(running, range(0, 4_000, 500)) == [1, 1, 2, 2, 2, 2, 1, 1]
    assert running.counts == {"duplicate": 4}


def test_it_is_calm_between_faults() -> None:
    running = Running(Plan((Duplicate(at_s=1.0, for_s=1.0), Duplicate(at_s=3.0, for_s=1.0))))
    assert [running.is_calm(ms) for ms in (0, 1_000, 1_999, 2_000, 3_500, 4_000, 9_000)] == [
        True,
        False,
        False,
        True,
        False,
        True,
        True,
    ]


def test_faults_of_requests_leave_frames_calm() -> None:
    assert Running(Plan((Http429(),))).is_calm(0)


def test_several_faults_work_one_upon_the_other() -> None:
    running = Running(Plan((OneSided(), Duplicate(copies=2))))
    out = running.frames(1, book(), 0)
    assert len(out) == 3
    assert all(one.data["levels"][1] == [] for one in out)


def test_a_fault_of_one_client_spares_the_others() -> None:
    running = Running(Plan((Duplicate(client=2),)))
    assert counts(running, range(1), client=1) == [1]
    assert counts(running, range(1), client=2) == [2]


def test_the_dice_follow_the_seed_and_the_client() -> None:
    def hits(seed: int, client: int) -> list[int]:
        running = Running(Plan((Duplicate(share=0.3, for_s=1_000.0),), seed))
        return counts(running, range(400), client)

    assert hits(1, 1) == hits(1, 1)
    assert hits(1, 1) != hits(2, 1)
    assert hits(1, 1) != hits(1, 2)
    assert 80 < hits(1, 1).count(2) < 160


def test_dice_do_not_depend_on_what_others_ask() -> None:
    """Two clients hear what each would hear alone."""
    plan = Plan((TruncatedFrame(share=0.5, for_s=100.0),), 9)
    frames: list[Outgoing] = [trades(tid=n) for n in range(50)]
    alone = Running(plan)
    heard = [alone.frames(1, one, 0) for one in frames]
    together = Running(plan)
    mixed = []
    for one in frames:
        together.frames(2, one, 0)
        mixed.append(together.frames(1, one, 0))
    assert mixed == heard


def test_a_client_that_left_is_forgotten() -> None:
    running = Running(Plan((Duplicate(share=0.5, for_s=100.0),)))
    first = counts(running, range(60))
    assert counts(running, range(60)) != first
    running.forget(1)
    assert counts(running, range(60)) == first


def test_the_first_hit_is_told_once() -> None:
    told: list[str] = []
    running = Running(Plan((Duplicate(at_s=1.0, for_s=2.0),)), told.append)
    counts(running, range(0, 3_000, 100))
    assert told == ["fault duplicate (from 1 s for 2 s)"]


def test_a_request_is_drawn_once_for_both_ways() -> None:
    running = Running(Plan((Http502(), OneSided())))
    question: Asked = asked("l2Book", coin="BTC")
    hit = running.request(question, 0)
    assert [fault.name for fault, _ in hit] == ["http_502", "one_sided"]
    reply = reply_to(hit, question)
    assert reply is not None
    assert reply.status == 502
    # What is no good reply passes the other faults untouched.
    assert made_of(hit, question, reply) == reply
    assert running.request(asked("meta"), 0)[0][0].name == "http_502"
    assert running.request(question, 99_000) == []


def test_faults_of_connections_are_listed_with_their_numbers() -> None:
    plan = Plan((MissingAck(), Disconnect(at_s=3.0)))
    assert Running(plan).breaking() == [(1, Disconnect(at_s=3.0))]
