from __future__ import annotations

from venue.local.exchange.state.notes import KINDS, Note, Print


def test_each_kind_has_its_own_word_and_what_is_told_does_not_change() -> None:
    assert len(set(KINDS)) == len(KINDS) == 7
    note = Note("0xa", "fill", {"coin": "BTC"}, 5)
    assert note == Note("0xa", "fill", {"coin": "BTC"}, 5) != Print("BTC", {})
