from __future__ import annotations

from typing import Any

import pytest

from research.explain.proof import Difference, Proof, same


@pytest.mark.parametrize(
    ("says", "made", "alike"),
    [
        (1, 1, True), (1, 2, False), (None, None, True), (None, 0.0, False), (0.0, None, False),
        (1.0, 1.0 + 1e-12, True), (1.0, 1.0 + 1e-6, False), (1e9, 1e9 + 0.1, True),
        ("there", "missing", False), (2, 2.0, True),
    ],
)  # fmt: skip
def test_only_the_last_digits_of_sums_may_differ(says: Any, made: Any, alike: bool) -> None:
    assert same(says, made, 1e-9) is alike


def test_links_are_counted_and_what_differs_is_kept() -> None:
    proof = Proof()
    proof.equal("link", "a", 1, 1)
    proof.equal("link", "b", 1, 2)
    proof.skip("no tape")
    proof.skip("no tape")
    assert proof.checked == {"link": 2}
    assert proof.differs == [Difference("link", "b", 1, 2)]
    assert proof.unchecked == ["no tape"]
