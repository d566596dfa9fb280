from __future__ import annotations

import pytest
from msgspec.structs import replace

from daemon.views.standing import is_decided, standing
from tests.support.report import GUARD, HALT, YOUNG

OPEN = replace(GUARD, verdict="UNDETERMINED")


@pytest.mark.parametrize(
    ("row", "words"),
    [
        (GUARD, "PROTECTIVE"),
        (HALT, "rule"),
        (YOUNG, "too early: 0 of 20 days"),
        (replace(YOUNG, n_eff=19.99), "too early: 19 of 20 days"),
        (replace(YOUNG, n_eff=25.0), "too few blocks yet"),
        (replace(YOUNG, blocked=0), "no block yet"),
        (replace(OPEN, days_to_go=126), "undecided, in ~126 days"),
        (replace(OPEN, days_to_go=None, limit_now=1.24), "can’t see under 1.2 R"),
        (replace(OPEN, days_to_go=None, limit_now=None), "undecided"),
    ],
)
def test_a_limit_has_a_verdict_or_how_far_it_is_from_one(row: object, words: str) -> None:
    assert standing(row) == words  # type: ignore[arg-type]
    assert is_decided(row) == (words == "PROTECTIVE")  # type: ignore[arg-type]
