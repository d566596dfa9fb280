from __future__ import annotations

from tests.venue.local.faults.spoiling import answer, asked, posted, sent
from venue.local.faults.kinds.orders.timeout_executes import TimeoutExecutes


def test_the_reply_to_an_action_is_lost() -> None:
    reply = answer(TimeoutExecutes(hold_ms=50), asked("order", "/exchange"), {"status": "ok"})
    assert reply.is_lost
    assert reply.hold_ms == 50
    # The venue has acted: this is its own reply, not one in its stead.
    assert reply.data() == {"status": "ok"}


def test_questions_are_answered() -> None:
    assert not answer(TimeoutExecutes(), asked("meta"), {}).is_lost


def test_on_the_socket_the_reply_to_an_action_does_not_come() -> None:
    info = posted("info", {"type": "meta"})
    assert sent(TimeoutExecutes(), posted("action", {"status": "ok"}), info) == [info]
