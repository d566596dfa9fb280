from __future__ import annotations

from typing import Any

import msgspec
import pytest

from market.bars import Bars
from market.coin import Coin
from market.decision import Check, Proposal
from market.desk import DeskView
from market.events import MS_PER_MINUTE, NS_PER_S, Candle
from risk.filter import Filter, NoSettings, discover, measured
from tests.support.shadow import SOL, T0, content_of, make_proposal, make_view, put_book

CLASSES = discover()
NAMES = [cls.name for cls in CLASSES]


def test_every_filter_of_the_folder_is_found() -> None:
    assert {
        "direction",
        "freshness",
        "liquidity",
        "minimum",
        "position",
        "division",
        "exposure",
        "cooldown",
        "drawdown",
        "halt",
        "control",
    } <= set(NAMES)


def test_names_are_unique_and_ranks_rise() -> None:
    assert len(set(NAMES)) == len(NAMES)
    ranks = [cls.rank for cls in CLASSES]
    assert ranks == sorted(ranks)
    assert len(set(ranks)) == len(ranks)


@pytest.mark.parametrize("cls", CLASSES, ids=NAMES)
def test_a_filter_says_what_it_asks_and_which_version_it_is(cls: type[Filter[Any]]) -> None:
    assert cls.asks.endswith("?")
    assert cls.version >= 1
    assert cls.default_mode in ("enforce", "observe", "off")
    assert cls.may_enforce or cls.default_mode != "enforce"


@pytest.mark.parametrize("cls", CLASSES, ids=NAMES)
def test_settings_are_frozen_and_refuse_what_they_do_not_know(cls: type[Filter[Any]]) -> None:
    settings = msgspec.convert({}, cls.settings_type)
    for name in cls.settings_type.__struct_fields__:
        with pytest.raises(AttributeError):
            setattr(settings, name, getattr(settings, name))
    with pytest.raises(msgspec.ValidationError):
        msgspec.convert({"misspelt": 1}, cls.settings_type)


@pytest.mark.parametrize("cls", CLASSES, ids=NAMES)
def test_settings_refuse_senseless_numbers(cls: type[Filter[Any]]) -> None:
    for name in cls.settings_type.__struct_fields__:
        for senseless in (-1e18, 1e18, "much"):
            with pytest.raises(msgspec.ValidationError):
                msgspec.convert({name: senseless}, cls.settings_type)


def eventful_coin() -> Coin:
    """Return a coin on which every filter has something to look at."""
    coin = Coin(SOL)
    rows = [
        Candle(i * MS_PER_MINUTE, 100.0, 101.0, 99.0, 100.0 + i % 7 + i / 50, 1.0, 1)
        for i in range(300)
    ]
    coin.bars = Bars()
    coin.bars.on_candles("1m", rows, 300 * MS_PER_MINUTE)
    for i in range(5):
        now_ns = T0 + i * NS_PER_S
        put_book(coin, 100.0, now_ns)
        coin.streams.fast.observe(now_ns)
    return coin


@pytest.mark.parametrize("cls", CLASSES, ids=NAMES)
def test_checking_is_pure(cls: type[Filter[Any]]) -> None:
    """Asked twice it says the same, and neither proposal, nor desk, nor coin has changed."""
    coin = eventful_coin()
    view = make_view(coin, now_ns=T0 + 5 * NS_PER_S)
    view.desk.stopped["alpha|SOL"] = T0
    view.desk.halts["operator"] = "a break"
    view.desk.expose(coin="SOL", division="trend", side=1, notional_e6=2_000 * 10**6)
    proposal = make_proposal()
    coin.book.asks()  # the merge is lazy, and may be remembered
    before = content_of(view), content_of(proposal)
    f = cls(msgspec.convert({}, cls.settings_type), cls.default_mode)
    first = f.check(proposal, view)
    breach = f.breach(view)
    assert f.check(proposal, view) == first
    assert f.breach(view) == breach
    assert (
        cls(msgspec.convert({}, cls.settings_type), cls.default_mode).check(proposal, view) == first
    )
    assert (content_of(view), content_of(proposal)) == before


@pytest.mark.parametrize("cls", CLASSES, ids=NAMES)
@pytest.mark.parametrize("mode", ["enforce", "observe"])
def test_a_check_carries_the_name_and_mode_of_its_filter(cls: type[Filter[Any]], mode: Any) -> None:
    f = cls(msgspec.convert({}, cls.settings_type), mode)
    check = f.check(make_proposal(), make_view(eventful_coin(), now_ns=T0 + 5 * NS_PER_S))
    assert (check.filter, check.mode) == (cls.name, mode)
    assert check.outcome == "pass" or check.reason


def test_results_hold_value_threshold_reason_and_room() -> None:
    class Sample(Filter[NoSettings]):
        name = "sample"
        asks = "?"
        rank = 1

        def check(self, proposal: Proposal, view: DeskView) -> Check:
            return self.passed()

    f = Sample(NoSettings(), "observe")
    passed = f.passed(1.0, 2.0, 3)
    failed = f.failed(1.0, 2.0, "too much")
    blind = f.no_data("nothing to see")
    assert (passed.outcome, passed.value, passed.threshold, passed.room_e6) == ("pass", 1.0, 2.0, 3)
    assert (failed.outcome, failed.value, failed.threshold) == ("fail", 1.0, 2.0)
    assert (failed.reason, failed.room_e6) == ("too much", None)
    assert (blind.outcome, blind.value, blind.threshold) == ("no_data", None, None)
    assert blind.reason == "nothing to see"
    assert f.breach(make_view()) == ""
    with pytest.raises(TypeError, match="abstract"):
        Filter(NoSettings(), "observe")  # type: ignore[abstract]


def test_what_a_check_depends_on_is_declared() -> None:
    reads = {cls.name: cls.reads for cls in discover()}
    assert {name for name, what in reads.items() if what == "size"} == {"liquidity", "minimum"}
    assert {name for name, what in reads.items() if what == "desk"} == {
        "cooldown", "division", "drawdown", "exposure", "halt", "position",
    }  # fmt: skip


@pytest.mark.parametrize("name", ["intensity", "phase_space", "volatility"])
def test_an_alarm_that_cuts_depends_on_the_size(name: str) -> None:
    (cls,) = (cls for cls in discover() if cls.name == name)
    block = cls(msgspec.convert({"action": "block"}, cls.settings_type), "enforce")
    cut = cls(msgspec.convert({"action": "cut"}, cls.settings_type), "enforce")
    assert (block.reads, cut.reads) == ("market", "size")


def test_rules_and_what_is_off_are_measured_nowhere() -> None:
    filters = [
        cls(msgspec.convert({}, cls.settings_type), "off" if cls.name == "direction" else "observe")
        for cls in discover()
    ]
    left = {f.name for f in filters} - {f.name for f in measured(filters)}
    assert left == {"direction", "halt", "minimum"}
