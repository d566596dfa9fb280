from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st
from rich.text import Text

from daemon.screen.columns import Column, beside, fit, fitting, heading, number, padded, table


def column(head: str, *cells: str, leaves: int = 0, words: bool = False) -> Column:
    return Column(head=head, cells=[Text(c) for c in cells], leaves=leaves, words=words)


def test_the_least_important_column_goes_first_and_numbers_are_never_cut() -> None:
    columns = [
        column("bot", "donchian", "a", words=True),
        column("net", "+1,234.56", "−0.10"),
        column("fees", "1.00", "2.00", leaves=1),
        column("held", "2 min", "3 h", leaves=2),
    ]
    heads = {w: [c.head for c in fitting(columns, w)] for w in (40, 31, 24, 3)}
    assert heads[40] == ["bot", "net", "fees", "held"]
    assert heads[31] == ["bot", "net", "fees"]
    assert heads[24] == heads[3] == ["bot", "net"]
    lines = [line.plain for line in table(columns, 24)]
    assert lines == ["bot             net", "donchian  +1,234.56", "a             −0.10"]


WORD = st.text("abcde ", max_size=30)


@settings(max_examples=60)
@given(st.lists(st.tuples(WORD, st.integers(-(10**9), 10**9)), min_size=1, max_size=4),
       st.integers(20, 90))  # fmt: skip
def test_whatever_is_shown_every_number_is_whole(rows: list[tuple[str, int]], width: int) -> None:
    columns = [
        column("who", *(w for w, _ in rows), words=True),
        column("a", *(number(n, 0, sign=True) for _, n in rows)),
        column("b", *(number(n / 7) for _, n in rows), leaves=1),
    ]
    kept = {c.head for c in fitting(columns, width)}
    for (_, n), line in zip(rows, table(columns, width)[1:], strict=True):
        assert number(n, 0, sign=True) in line.plain.split()
        assert ("b" in kept) == (number(n / 7) in line.plain.split()[-1:])


def test_a_text_is_cut_between_words_and_a_single_word_where_it_must() -> None:
    assert fit(Text("gross 11,031, net"), 40).plain == "gross 11,031, net"
    assert fit(Text("gross 11,031, net"), 10).plain == "gross…"
    assert fit(Text("gross 11,031, net"), 14).plain == "gross 11,031,…"
    assert fit(Text("premium_reversion"), 9).plain == "premium_…"
    assert padded(Text("a"), 3).plain == "a  "


def test_blocks_stand_side_by_side_whatever_their_heights() -> None:
    lines = beside([Text("a"), Text("b")], [Text("x")], 3)
    assert [line.plain for line in lines] == ["a     x", "b     "]


def test_a_heading_is_a_question_its_answer_and_a_hairline() -> None:
    assert heading("Why?", "so", 16, "─").plain == "Why?  so ───────"
    assert heading("Why?", "", 5, "─").plain == "Why?"


def test_numbers_have_a_real_minus_and_what_rounds_to_nothing_no_sign() -> None:
    assert (number(-1234.5, sign=True), number(12.0, 0, sign=True)) == ("−1,234.50", "+12")
    assert (number(-0.001, sign=True), number(None), number(7.0)) == ("0.00", "–", "7.00")
