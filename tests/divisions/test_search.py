from __future__ import annotations

from typing import Any

import pytest
from msgspec import Struct

from divisions.bot import Bars, Bot
from divisions.roster import discover
from divisions.search import Change, changes, vet_search
from divisions.trend.donchian import Donchian, Params


def bot_with(search: dict[str, Any], params: type[Struct] = Params) -> type[Bot[Any, Any]]:
    class Made(Bot[Any, Any]):
        """A bot of which only the search space matters."""

        params_type = params

    Made.search = search
    return Made


@pytest.mark.parametrize("cls", discover(), ids=lambda cls: cls.name)
def test_every_change_of_every_bot_is_one_real_valid_change(cls: type[Bot[Any, Any]]) -> None:
    found = changes(cls)
    assert len(found) >= 4
    assert len(set(found)) == len(found)
    usual = cls.params_type()
    assert all(getattr(usual, change.name) != change.value for change in found)


def test_changes_are_counted_from_what_is_in_force() -> None:
    in_force = Params(channel=40)
    found = changes(Donchian, in_force)
    assert Change("channel", 20) in found
    assert Change("channel", 40) not in found


@pytest.mark.parametrize(
    ("search", "words"),
    [
        ({"chanel": (10,)}, "'chanel', which is no parameter"),
        ({"channel": (10, 10)}, "names a value twice"),
        ({"channel": (10, 500)}, "channel"),
        ({"channel": (10.5,)}, "channel"),
        ({"stop_ranges": (0.0, 1.0)}, "stop_ranges"),
        ({"channel": (20,)}, "holds no change"),
        ({"channel": ()}, "holds no change"),
    ],
)
def test_a_space_that_cannot_be_drawn_from_is_refused(search: dict[str, Any], words: str) -> None:
    with pytest.raises(TypeError, match=words):
        vet_search(bot_with(search))
    vet_search(bot_with({"channel": (10, 30)}))


@pytest.mark.parametrize("name", ["enabled", "stage"])
def test_a_parameter_cannot_take_the_name_of_a_key_that_every_bot_has(name: str) -> None:
    class Clash(Struct, frozen=True):
        """Holds a reserved name."""

        window: Bars = 3
        enabled: int = 1

    class Other(Struct, frozen=True):
        """Holds the other one."""

        stage: int = 1

    params = {"enabled": Clash, "stage": Other}[name]
    with pytest.raises(TypeError, match=name):
        vet_search(bot_with({}, params))
