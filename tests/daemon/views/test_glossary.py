from __future__ import annotations

from daemon.views.glossary import TERMS, found


def test_words_stand_in_the_order_of_the_alphabet_and_once() -> None:
    words = [term.word.casefold() for term in TERMS]
    assert words == sorted(words) and len(set(words)) == len(words)
    assert all(term.means[-1] != "." for term in TERMS)


def test_a_word_is_found_however_it_is_written() -> None:
    assert [t.word for t in found("r")] == ["R"]
    assert [t.word for t in found(" Filter ")] == ["limit"]
    assert [t.word for t in found("undecided")] == ["UNDETERMINED"]
    assert "only this limit" in [t.word for t in found("limit") + found("only")]
    assert found("moon") == []
