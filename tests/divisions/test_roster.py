from __future__ import annotations

import pytest

from divisions.bot import Bot
from divisions.roster import DIVISIONS, build, discover
from divisions.trend.donchian import Donchian
from tests.support.market import REPO


def test_every_file_of_a_division_is_found_and_nothing_else() -> None:
    folder = REPO / "divisions"
    files = {
        (division, path.stem)
        for division in DIVISIONS
        for path in (folder / division).glob("*.py")
        if path.stem != "__init__"
    }
    assert {(cls.division, cls.name) for cls in discover()} == files


def test_the_five_divisions_are_those_that_exist() -> None:
    folders = {path.parent.name for path in (REPO / "divisions").glob("*/__init__.py")}
    assert folders == set(DIVISIONS)


def test_bots_come_by_division_and_then_by_name() -> None:
    found = [(DIVISIONS.index(cls.division), cls.name) for cls in discover()]
    assert found == sorted(found)
    assert discover() == discover()
    assert all(issubclass(cls, Bot) for cls in discover())


def test_given_parameters_stand_over_the_defaults() -> None:
    bot = build(Donchian, {"channel": 40, "stop_ranges": 3})
    assert (bot.params.channel, bot.params.stop_ranges) == (40, 3.0)
    assert bot.params.trail_ranges == build(Donchian, {}).params.trail_ranges


@pytest.mark.parametrize(
    ("params", "complaint"),
    [
        ({"chanel": 20}, "unknown field `chanel`"),
        ({"channel": 1}, "channel"),
        ({"channel": 201}, "channel"),
        ({"channel": 20.5}, "channel"),
        ({"stop_ranges": 0.0}, "stop_ranges"),
        ({"stop_ranges": float("nan")}, "stop_ranges"),
        ({"stop_ranges": float("inf")}, "stop_ranges"),
        ({"horizon_s": 604_801.0}, "horizon_s"),
        ({"horizon_s": "1h"}, "horizon_s"),
    ],
)
def test_a_wrong_parameter_is_named(params: dict[str, object], complaint: str) -> None:
    with pytest.raises(ValueError, match=complaint):
        build(Donchian, params)
