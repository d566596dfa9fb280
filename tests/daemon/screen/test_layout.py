from __future__ import annotations

import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from daemon.screen.glyphs import ASCII
from daemon.screen.layout import allotted, screen
from daemon.screen.seen import Seen

NUMBER = re.compile(r"[+−]?\d[\d,]*(?:\.\d+)?")


@pytest.mark.parametrize("height", [10, 24, 40, 60])
@pytest.mark.parametrize("width", [60, 80, 100, 139, 140, 199, 200, 240])
@pytest.mark.parametrize("which", ["seen", "troubled", "fresh"])
def test_a_screen_is_just_as_large_as_the_terminal(
    which: str, width: int, height: int, request: pytest.FixtureRequest
) -> None:
    lines = screen(request.getfixturevalue(which), width, height)
    assert len(lines) == height
    assert max(line.cell_len for line in lines) <= width


def test_wider_screens_show_more_and_no_number_differs(seen: Seen) -> None:
    shown = {
        # How many rows did not fit is another number on each.
        w: "\n".join(x.plain for x in screen(seen, w, 50) if not x.plain.startswith("⋯"))
        for w in (80, 100, 140, 240)
    }
    whole = set(NUMBER.findall(shown[240]))
    for width in (80, 100, 140):
        # What a narrow screen shows of a number is the number.
        assert set(NUMBER.findall(shown[width])) <= whole, width
    assert len(shown[80]) < len(shown[100]) < len(shown[140]) < len(shown[240])


def test_every_question_is_asked_where_there_is_room(seen: Seen) -> None:
    text = "\n".join(line.plain for line in screen(seen, 200, 50))
    for question in (
        "What did my limits do?", "Which bots pay?", "Is the feed sound?", "What do I hold?",
        "What just happened?",
    ):  # fmt: skip
        assert text.count(question) == 1
    small = "\n".join(line.plain for line in screen(seen, 80, 24))
    assert "What did my limits do?" in small and "Is the feed sound?" not in small


def test_it_says_what_ctrl_c_does(seen: Seen) -> None:
    assert screen(seen, 80, 24)[-1].plain.endswith("Ctrl-C leaves; the daemon goes on")
    own = replace(seen, stops_daemon=True)
    assert screen(own, 80, 24)[-1].plain.endswith("Ctrl-C stops the daemon")


def test_without_unicode_the_whole_screen_is_ascii_but_for_minus_and_dashes(seen: Seen) -> None:
    text = "\n".join(line.plain for line in screen(replace(seen, glyphs=ASCII), 140, 40))
    assert set(text) - set(map(chr, range(128))) <= set("−–…×’")


@settings(max_examples=100)
@given(st.lists(st.tuples(st.integers(0, 40), st.integers(1, 3)), min_size=1, max_size=5),
       st.integers(0, 100))  # fmt: skip
def test_lines_are_given_to_who_wants_them_until_there_are_none(
    wanted: list[tuple[int, int]], room: int
) -> None:
    wants = [want for want, _ in wanted]
    given_ = allotted(wants, [hunger for _, hunger in wanted], room)
    assert all(have <= want for have, want in zip(given_, wants, strict=True))
    assert sum(given_) == min(room, sum(wants))
