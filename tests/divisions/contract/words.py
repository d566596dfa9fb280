"""What a bot says of itself."""

from __future__ import annotations

import math
import re
from typing import get_args

import msgspec
import pytest
from msgspec import Struct

from divisions.roster import BotClass, build
from market.events import NS_PER_MS, TIMEFRAME_MS, Timeframe
from tests.divisions.contract.showings import Bots, part
from tests.support.market import REPO

HOOKS = ("on_book", "on_trades", "on_context", "on_bar")
SENSELESS = (math.nan, math.inf, -math.inf, 1e12, -1e12, None, "1", True)


@part("words")
def a_bot_lives_in_the_file_of_its_name_in_its_division(bots: Bots, cls: BotClass) -> None:
    assert cls.__module__ == f"divisions.{cls.division}.{cls.name}"
    assert cls.__name__.lower() == cls.name.replace("_", "")


@part("words")
def a_bot_has_tests_of_its_own(bots: Bots, cls: BotClass) -> None:
    own = REPO / "tests" / "divisions" / cls.division / f"test_{cls.name}.py"
    assert own.is_file()
    assert f"assert_earns({cls.__name__}, " in own.read_text(), "shows no market of its idea"


@part("words")
def the_docstring_gives_the_idea_its_source_and_when_it_fails(bots: Bots, cls: BotClass) -> None:
    text = cls.__doc__ or ""
    assert re.search(r"\b(19|20)\d\d\b|Source:", text), "names no source"
    assert re.search(r"\bFails\b", text), "does not say when it fails"
    assert len(text.split()) >= 25, "hardly says what it does"


@part("words")
def parameters_are_frozen_closed_and_all_have_defaults(bots: Bots, cls: BotClass) -> None:
    params = build(cls, {}).params
    assert params == cls.params_type()
    name = cls.params_type.__struct_fields__[0]
    with pytest.raises(AttributeError):
        setattr(params, name, getattr(params, name))
    with pytest.raises(ValueError, match="nonsense"):
        build(cls, {"nonsense": 1})


@part("words", *((value,) for value in SENSELESS))
def a_parameter_out_of_range_is_refused_by_name(bots: Bots, cls: BotClass, value: object) -> None:
    for name in cls.params_type.__struct_fields__:
        usual = getattr(cls.params_type(), name)
        if isinstance(usual, str | bool) and isinstance(value, type(usual)):
            continue
        with pytest.raises(ValueError, match=name):
            build(cls, {name: value})


@part("words")
def the_search_space_holds_real_changes_that_are_valid(bots: Bots, cls: BotClass) -> None:
    assert cls.search
    usual = cls.params_type()
    for name, values in cls.search.items():
        assert len(set(values)) == len(values)
        assert any(value != getattr(usual, name) for value in values)
        for value in values:
            assert getattr(build(cls, {name: value}).params, name) == value


@part("words")
def a_bot_hears_what_it_overrides_and_bars_exactly_when_it_names_timeframes(
    bots: Bots, cls: BotClass
) -> None:
    heard = {hook for hook in HOOKS if cls.hears(hook)}
    assert heard == {hook for hook in HOOKS if hook in vars(cls)}
    feeds = {"on_book": "book", "on_trades": "trades", "on_context": "context", "on_bar": "bars"}
    assert set(cls.feeds()) == {feeds[hook] for hook in heard}
    assert heard
    assert ("on_bar" in heard) is bool(cls.timeframes)
    assert set(cls.timeframes) <= set(get_args(Timeframe))
    assert len(set(cls.timeframes)) == len(cls.timeframes)


@part("words")
def every_bot_has_a_warm_up(bots: Bots, cls: BotClass) -> None:
    assert cls.warm_up > 0


@part("words")
def silence_that_re_arms_is_more_than_one_bar_and_less_than_two(bots: Bots, cls: BotClass) -> None:
    rearm_ns = build(cls, {}).rearm_ns()
    if cls.timeframes:
        bar_ns = min(TIMEFRAME_MS[tf] for tf in cls.timeframes) * NS_PER_MS
        assert bar_ns < rearm_ns < 2 * bar_ns
    else:
        # A bot that looks only now and then is not silent between two looks.
        looks_ns = getattr(cls.params_type(), "sample_s", 0.0) * 1_000 * NS_PER_MS
        assert rearm_ns >= max(10_000 * NS_PER_MS, 1.2 * looks_ns)


@part("words")
def a_memory_starts_empty_and_can_be_written_down(bots: Bots, cls: BotClass) -> None:
    memory = cls.memory_type()
    assert isinstance(memory, Struct)
    raw = msgspec.json.encode(msgspec.to_builtins(memory))
    assert msgspec.convert(msgspec.json.decode(raw), cls.memory_type) == memory
