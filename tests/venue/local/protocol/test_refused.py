from __future__ import annotations

import pytest

from tests.venue.local.tiny import Tiny, floor
from venue.local.protocol.refused import FAILED, UNREADABLE, AccountAnswers, Refused


def test_a_refusal_is_a_status_and_no_more() -> None:
    for status in (UNREADABLE, FAILED):
        assert (Refused(status).status, str(Refused(status))) == (status, str(status))


def test_whoever_answers_about_accounts_refuses_what_it_cannot_read() -> None:
    answers: AccountAnswers = floor(Tiny())
    assert "userRole" in answers.kinds
    with pytest.raises(Refused) as refused:
        answers.answer("userRole", {"user": 7}, 0)
    assert refused.value.status == UNREADABLE
