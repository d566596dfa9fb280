from __future__ import annotations

import pytest

from daemon.sheet.verdict import verdict


@pytest.mark.parametrize(
    ("value", "rank", "flags", "said"),
    [
        (None, None, ["needs 50 values, got 3"], "abstains: needs 50 values, got 3"),
        (None, None, [], "abstains: no reason given"),
        (1.0, None, [], "no null to compare with"),
        (1.0, 0.9875, [], "higher than 99% of nulls"),
        (1.0, 0.0125, [], "lower than 99% of nulls"),
        (1.0, 0.5, ["ties"], "as in nulls; ties"),
        (1.0, 0.97, [], "as in nulls"),
    ],
)
def test_verdicts_in_words(
    value: float | None, rank: float | None, flags: list[str], said: str
) -> None:
    assert verdict(value, rank, flags) == said
