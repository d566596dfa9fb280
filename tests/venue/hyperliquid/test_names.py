"""Names that exist at the venue and are not ours."""

from __future__ import annotations

import pytest

from venue.hyperliquid.names import not_ours


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("xyz:TSLA", "xyz:TSLA is a perpetual of the builder dex xyz; "),
        ("@107", "@107 is a spot pair by its index; "),
        ("PURR/USDC", "PURR/USDC is a spot pair; "),
        ("#250", "#250 is an outcome coin, "),
    ],
)
def test_each_kind_of_name_has_its_sentence(name: str, said: str) -> None:
    assert not_ours(name).startswith(said)
    assert "ours" in not_ours(name) or "only perpetuals are traded" in not_ours(name)


@pytest.mark.parametrize(
    "name", ["BTC", "btc", "NOPE", "", ":", "xyz:", ":TSLA", "@", "@x", "/", "#"]
)
def test_any_other_name_is_simply_unknown(name: str) -> None:
    assert not_ours(name) == ""
