from __future__ import annotations

import pytest

from tests.venue.local.faults.spoiling import answer, asked, posted, sent
from venue.local.faults.kinds.orders.error_executes import ERROR, ErrorExecutes

ORDER = asked("order", "/exchange")


def test_the_reply_says_that_the_action_failed() -> None:
    assert answer(ErrorExecutes(), ORDER, {"status": "ok"}).data() == ERROR


@pytest.mark.parametrize(("reply", "status"), [("http_500", 500), ("http_502", 502)])
def test_or_that_the_venue_did(reply: str, status: int) -> None:
    fault = ErrorExecutes(reply="http_500" if status == 500 else "http_502")
    assert fault.reply == reply
    assert answer(fault, ORDER, {"status": "ok"}).status == status


def test_on_the_socket_as_well() -> None:
    out, info = sent(
        ErrorExecutes(), posted("action", {"status": "ok"}), posted("info", {"type": "meta"})
    )
    assert out.data == {"id": 3, "response": {"type": "action", "payload": ERROR}}
    assert info == posted("info", {"type": "meta"})
