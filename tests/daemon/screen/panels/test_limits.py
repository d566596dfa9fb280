from __future__ import annotations

from msgspec.structs import replace

from daemon.screen.panels.limits import limits
from daemon.screen.seen import Seen
from tests.support.report import GUARD, HALT, YOUNG

COIN = replace(YOUNG, name="control")


def told(seen: Seen, *rows: object) -> Seen:
    assert seen.books is not None
    return replace(seen, books=replace(seen.books, limits=list(rows), rules=[HALT]))


def test_a_row_a_limit_with_its_phantoms_what_it_saved_and_its_verdict(seen: Seen) -> None:
    lines = [line.plain for line in limits(told(seen, GUARD, YOUNG, COIN), 100, 20)]
    assert lines[0].startswith("What did my limits do?  1 of 3 decided ─")
    assert lines[1].split("  ")[0] == "limit" and lines[1].endswith("verdict")
    assert lines[2].split() == ["guard", "40", "30", "−61.50", "+1,234.50", "−0.60", "PROTECTIVE"]
    assert lines[3].startswith("young°") and lines[3].endswith("too early: 0 of 20 days")
    assert lines[4].endswith("placebo, sane") and lines[5].endswith("rule")


def test_colour_comes_with_a_verdict_alone(seen: Seen) -> None:
    young = replace(YOUNG, value_usd=-5_000.0)
    decided, undecided = limits(told(seen, GUARD, young), 100, 20)[2:4]
    assert any("green" in str(span.style) for span in decided.spans)
    assert not any("red" in str(span.style) for span in undecided.spans)


def test_the_placebo_stays_in_sight_and_the_rest_is_counted(seen: Seen) -> None:
    many = [replace(YOUNG, name=f"limit{at}") for at in range(10)]
    lines = [line.plain for line in limits(told(seen, GUARD, *many, COIN), 80, 6)]
    assert len(lines) == 6
    assert [line.split()[0] for line in lines[2:]] == ["guard", "limit0°", "control°", "⋯"]
    assert lines[-1] == "⋯ 10 more, 10 undecided"


def test_before_anything_is_known_a_sentence_says_so(seen: Seen) -> None:
    assert limits(replace(seen, books=None), 80, 9)[1].plain == "the database is being read"
    assert seen.books is not None
    empty = replace(seen, books=replace(seen.books, limits=[], rules=[]))
    assert limits(empty, 80, 9)[1].plain == "no limit has blocked anything yet"
