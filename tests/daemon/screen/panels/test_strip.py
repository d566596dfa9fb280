from __future__ import annotations

import pytest
from msgspec.structs import replace

from daemon.screen.panels.strip import age, newest_ms, span, strip
from daemon.screen.seen import Seen


def test_a_sound_daemon_is_all_right_in_one_line(seen: Seen) -> None:
    sound = [replace(f, ok=True, ages_ms={"fast": 100}) for f in seen.status.feeds]
    clock = replace(seen.status.clock, trouble="")
    told = replace(seen.status, ready=True, connected=True, feeds=sound, halts={}, clock=clock)
    (line,) = strip(replace(seen, status=told), 140)
    assert line.plain.startswith(" ● ALL RIGHT   paper")
    assert f"feed {len(sound)} of {len(sound)}, 0.1 s" in line.plain
    late = [replace(sound[0], ages_ms={"fast": 40_000}), *sound[1:]]
    first, trouble = strip(replace(seen, status=replace(told, feeds=late)), 140)
    assert "▲ LOOK" in first.plain and f"no sound book of {sound[0].coin}" in trouble.plain


def test_each_trouble_is_a_line_with_the_command_that_mends_it(troubled: Seen) -> None:
    first, *lines = [line.plain for line in strip(troubled, 120)]
    assert first.startswith(" ■ LATCHED")
    assert any(
        line.startswith(" ■ latched: daily loss 3 %") and "at 00:00" in line for line in lines
    )
    assert any("halted by operator: [bold]x[/nope]" in line for line in lines)
    assert sum(line.endswith("gnomon resume") for line in lines) == 3
    assert any(line.endswith(f"gnomon rearm {next(iter(troubled.status.bots))}") for line in lines)
    assert any("PEPE is not traded: delisted" in line for line in lines)
    # On a narrow screen the words go, not the command.
    assert all(line.cell_len <= 40 for line in strip(troubled, 40))
    assert sum(line.plain.endswith("gnomon resume") for line in strip(troubled, 40)) == 3


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0, "0 s"), (59.9, "59 s"), (61, "1 min 1 s"), (3_661, "1 h 1 min"), (1e6, "11 d 13 h")],
)
def test_a_span_is_in_its_two_largest_units(seconds: float, text: str) -> None:
    assert span(seconds) == text


def test_an_age_is_in_one_unit(seen: Seen) -> None:
    assert [age(s) for s in (3, 61, 5_399, 5_401, 200_000)] == [
        "3 s", "1 min", "90 min", "1.5 h", "2.3 d",
    ]  # fmt: skip
    feed = seen.status.feeds[0]
    assert newest_ms(replace(feed, ages_ms={"fast": 9, "bbo": 4, "context": 1})) == 4
    assert newest_ms(replace(feed, ages_ms={})) is None
