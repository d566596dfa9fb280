"""What every bot owes, whoever wrote it; run on all that the roster finds."""

from __future__ import annotations

import math
import re
from collections import Counter
from functools import cache
from itertools import chain
from typing import Any, get_args

import msgspec
import numpy as np
import pytest
from msgspec import Struct

from divisions.bot import Bot
from divisions.lane import Lane
from divisions.roster import DIVISIONS, BotClass, build, discover
from market.coin import Coin
from market.decision import ExitCall, Signal
from market.events import NS_PER_MS, TIMEFRAME_MS, Candles, Event, Print, Timeframe
from market.view import View
from tests.support.controls import fair
from tests.support.lively import history, instruments, lively, rough
from tests.support.market import REPO, candle
from tests.support.stage import Heard, Hook, Stage
from tests.support.synthetic import Market

BOTS = discover()
HOOKS = ("on_book", "on_trades", "on_context", "on_bar")
SEED, OTHER_SEED = 1, 2
VARIANTS = ("usual", "low", "high")

each_bot = pytest.mark.parametrize("cls", BOTS, ids=lambda cls: cls.name)


def number(cls: BotClass) -> int:
    return BOTS.index(cls)


def lanes(variant: str = "usual") -> list[Lane]:
    """Return a lane of every bot; low and high take the ends of each bot's search space."""
    pick = {"low": min, "high": max}.get(variant)
    out = []
    for cls in BOTS:
        params = {name: pick(values) for name, values in cls.search.items()} if pick else {}
        out.append(Lane(build(cls, params)))
    return out


def warm(seed: int = SEED) -> tuple[Event, ...]:
    return (*history(seed), *lively(seed))


def cut_ns() -> int:
    """Return a moment when most has been seen and much is to come."""
    events = lively(SEED)
    return events[len(events) * 2 // 3].recv_ns


@cache
def reference() -> Stage:
    """Return the stage after all bots have seen two lively hours, history first."""
    return Stage(lanes(), instruments()).play(warm())


def assert_sound(stage: Stage, cls: BotClass) -> None:
    assert number(cls) not in stage.trouble, stage.trouble.get(number(cls))


def plain(heard: list[Heard]) -> list[Any]:
    """Return actions as comparable data: a NaN or a changed digit shows."""
    return [(h.now_ns, h.coin, type(h.action).__name__, repr(h.action)) for h in heard]


# What a bot says of itself.


def test_names_are_unique_and_there_are_bots_in_every_division() -> None:
    names = [cls.name for cls in BOTS]
    assert len(set(names)) == len(names)
    assert {cls.division for cls in BOTS} == set(DIVISIONS)


@each_bot
def test_a_bot_lives_in_the_file_of_its_name_in_its_division(cls: BotClass) -> None:
    assert cls.__module__ == f"divisions.{cls.division}.{cls.name}"
    assert cls.__name__.lower() == cls.name.replace("_", "")


@each_bot
def test_a_bot_has_tests_of_its_own(cls: BotClass) -> None:
    assert (REPO / "tests" / "divisions" / cls.division / f"test_{cls.name}.py").is_file()


@each_bot
def test_the_docstring_gives_the_idea_its_source_and_when_it_fails(cls: BotClass) -> None:
    text = cls.__doc__ or ""
    assert re.search(r"\b(19|20)\d\d\b|Source:", text), "names no source"
    assert re.search(r"\bFails\b", text), "does not say when it fails"
    assert len(text.split()) >= 25, "hardly says what it does"


@each_bot
def test_parameters_are_frozen_closed_and_all_have_defaults(cls: BotClass) -> None:
    params = build(cls, {}).params
    assert params == cls.params_type()
    name = cls.params_type.__struct_fields__[0]
    with pytest.raises(AttributeError):
        setattr(params, name, getattr(params, name))
    with pytest.raises(ValueError, match="nonsense"):
        build(cls, {"nonsense": 1})


@each_bot
@pytest.mark.parametrize(
    "value", [math.nan, math.inf, -math.inf, 1e12, -1e12, None, "1", True], ids=repr
)
def test_a_parameter_out_of_range_is_refused_by_name(cls: BotClass, value: object) -> None:
    for name in cls.params_type.__struct_fields__:
        usual = getattr(cls.params_type(), name)
        if isinstance(usual, str | bool) and isinstance(value, type(usual)):
            continue
        with pytest.raises(ValueError, match=name):
            build(cls, {name: value})


@each_bot
def test_the_search_space_holds_real_changes_that_are_valid(cls: BotClass) -> None:
    assert cls.search
    usual = cls.params_type()
    for name, values in cls.search.items():
        assert len(set(values)) == len(values)
        assert any(value != getattr(usual, name) for value in values)
        for value in values:
            assert getattr(build(cls, {name: value}).params, name) == value


@each_bot
def test_a_bot_hears_what_it_overrides_and_bars_exactly_when_it_names_timeframes(
    cls: BotClass,
) -> None:
    heard = {hook for hook in HOOKS if cls.hears(hook)}
    assert heard == {hook for hook in HOOKS if hook in vars(cls)}
    feeds = {"on_book": "book", "on_trades": "trades", "on_context": "context", "on_bar": "bars"}
    assert set(cls.feeds()) == {feeds[hook] for hook in heard}
    assert heard
    assert ("on_bar" in heard) is bool(cls.timeframes)
    assert set(cls.timeframes) <= set(get_args(Timeframe))
    assert len(set(cls.timeframes)) == len(cls.timeframes)


@each_bot
def test_every_bot_has_a_warm_up(cls: BotClass) -> None:
    assert cls.warm_up > 0


@each_bot
def test_silence_that_re_arms_is_more_than_one_bar_and_less_than_two(cls: BotClass) -> None:
    rearm_ns = build(cls, {}).rearm_ns()
    if cls.timeframes:
        bar_ns = min(TIMEFRAME_MS[tf] for tf in cls.timeframes) * NS_PER_MS
        assert bar_ns < rearm_ns < 2 * bar_ns
    else:
        # A bot that looks only now and then is not silent between two looks.
        looks_ns = getattr(cls.params_type(), "sample_s", 0.0) * 1_000 * NS_PER_MS
        assert rearm_ns >= max(10_000 * NS_PER_MS, 1.2 * looks_ns)


@each_bot
def test_a_memory_starts_empty_and_can_be_written_down(cls: BotClass) -> None:
    memory = cls.memory_type()
    assert isinstance(memory, Struct)
    raw = msgspec.json.encode(msgspec.to_builtins(memory))
    assert msgspec.convert(msgspec.json.decode(raw), cls.memory_type) == memory


# What a bot does on a market.


@each_bot
def test_every_bot_speaks_in_a_lively_market(cls: BotClass) -> None:
    """Nothing below would test a bot that stays silent; let `lively` give it what it waits for."""
    assert_sound(reference(), cls)
    assert any(isinstance(h.action, Signal) for h in reference().heard[number(cls)])


@each_bot
def test_signals_can_be_judged_sized_and_read(cls: BotClass) -> None:
    # The stage has vetted every signal: side, conviction, stop behind, target ahead, horizon.
    assert_sound(reference(), cls)
    for heard in reference().heard[number(cls)]:
        action = heard.action
        assert action.coin == heard.coin, "a bot speaks of the coin it was called for"
        assert action.side in (1, -1)
        assert action.reason
        assert action.reason == action.reason.strip()
        if isinstance(action, Signal):
            assert action.saw
            assert all(math.isfinite(value) for value in action.saw.values())
            share = abs(heard.mid - action.plan.stop_px) / heard.mid
            assert 1e-7 < share < 0.5, "a stop that is no stop in a market of a few percent a day"


@each_bot
def test_no_signal_comes_before_the_warm_up(cls: BotClass) -> None:
    stage = cold()
    assert_sound(stage, cls)
    for heard in stage.heard[number(cls)]:
        if cls.timeframes:
            assert all(heard.bars[tf] >= cls.warm_up for tf in cls.timeframes)
        else:
            assert heard.samples >= cls.warm_up


@cache
def cold() -> Stage:
    return Stage(lanes(), instruments()).play(lively(SEED))


@each_bot
def test_the_same_market_leads_to_the_same_actions(cls: BotClass) -> None:
    again = second_showing()
    assert_sound(again, cls)
    assert plain(again.heard[number(cls)]) == plain(reference().heard[number(cls)])


@cache
def second_showing() -> Stage:
    return Stage(lanes(), instruments()).play(warm())


@each_bot
def test_what_comes_later_changes_nothing_before_it(cls: BotClass) -> None:
    """The same objects see a market that ends in garbage, then the real one, with new memories.

    What a bot kept outside its memory, or looked up ahead of its time, would show.
    """
    spoiled, after = spoiled_then_real()
    assert_sound(spoiled, cls)
    assert_sound(after, cls)
    i = number(cls)
    real = plain(reference().heard[i])
    before_cut = [action for action in real if action[0] < cut_ns()]
    assert before_cut
    assert [a for a in plain(spoiled.heard[i]) if a[0] < cut_ns()] == before_cut
    assert plain(after.heard[i]) == real


@cache
def spoiled_then_real() -> tuple[Stage, Stage]:
    bots = [lane.bot for lane in lanes()]
    kept = [event for event in warm() if event.recv_ns < cut_ns()]
    garbage = [event for event in rough(OTHER_SEED) if event.recv_ns >= cut_ns()]
    spoiled = Stage([Lane(bot) for bot in bots], instruments()).play([*kept, *garbage])
    after = Stage([Lane(bot) for bot in bots], instruments()).play(warm())
    return spoiled, after


@each_bot
def test_a_bot_taken_up_from_its_written_state_goes_on_as_if_it_had_never_stopped(
    cls: BotClass,
) -> None:
    stage = taken_up()
    assert_sound(stage, cls)
    assert plain(stage.heard[number(cls)]) == plain(reference().heard[number(cls)])


@cache
def taken_up() -> Stage:
    stage = Stage(lanes(), instruments())
    events = warm()
    for n, event in enumerate(events):
        stage.step(event)
        if n % (len(events) // 7) == 1_000:
            stage.take_up(stage.written(), lanes())
    return stage


@each_bot
@pytest.mark.parametrize("variant", VARIANTS)
@pytest.mark.parametrize("with_history", [True, False], ids=["history", "no history"])
def test_a_bot_survives_a_bad_day_and_stays_judgeable(
    cls: BotClass, variant: str, with_history: bool
) -> None:
    assert_sound(bad_day(variant, with_history), cls)


@cache
def bad_day(variant: str, with_history: bool) -> Stage:
    events: list[Event] = [
        event for event in rough(SEED) if with_history or not isinstance(event, Candles)
    ]
    return Stage(lanes(variant), instruments()).play(events)


@each_bot
@pytest.mark.parametrize("variant", ["low", "high"])
def test_the_ends_of_the_search_space_work_on_a_lively_market(cls: BotClass, variant: str) -> None:
    assert_sound(at_the_end(variant), cls)


@cache
def at_the_end(variant: str) -> Stage:
    return Stage(lanes(variant), instruments()).play(warm())


@each_bot
def test_a_market_in_which_nothing_happens_leads_to_nothing(cls: BotClass) -> None:
    stage = dead()
    assert_sound(stage, cls)
    assert stage.calls[number(cls)] > 0
    assert stage.heard[number(cls)] == []


@cache
def dead() -> Stage:
    market = Market(np.zeros((4, 4 * 1440)), 60.0)
    return Stage(lanes(), market.instruments()).play(market.events())


@each_bot
@pytest.mark.parametrize("variant", VARIANTS)
def test_a_market_that_knows_one_direction_is_survived(cls: BotClass, variant: str) -> None:
    assert_sound(one_sided(variant), cls)


@cache
def one_sided(variant: str) -> Stage:
    """Return four days of nothing but buyers, a climb of 5 % a day and asks that vanish."""
    ticks = 4 * 1440
    climb = np.cumsum(np.full((4, ticks), 0.05 / 1440), axis=1)
    ones = np.ones((4, ticks))
    fading = np.maximum(1.0 - np.arange(ticks) / ticks, 1e-9) * ones
    market = Market(
        climb, 60.0, bids=10.0 * ones, asks=fading, buys=ones,
        funding=2e-4 * ones, interest=1e6 * fading, premium=1e-3 * ones,
    )  # fmt: skip
    return Stage(lanes(variant), market.instruments()).play(market.events())


@pytest.mark.parametrize("cls", [c for c in BOTS if c.scale_free], ids=lambda cls: cls.name)
@pytest.mark.parametrize(("price", "size"), [(4.0, 1.0), (1.0, 8.0), (2.0**-10, 2.0**10)])
def test_prices_and_sizes_in_other_units_change_no_decision(
    cls: BotClass, price: float, size: float
) -> None:
    """By powers of two, which floats take without rounding."""
    i = number(cls)
    usual, scaled = restless(1.0, 1.0), restless(price, size)
    assert_sound(scaled, cls)
    assert len(usual.heard[i]) == len(scaled.heard[i])
    for ours, theirs in zip(usual.heard[i], scaled.heard[i], strict=True):
        assert (ours.now_ns, ours.coin, type(ours.action)) == (
            theirs.now_ns, theirs.coin, type(theirs.action),
        )  # fmt: skip
        assert ours.action.side == theirs.action.side
        if isinstance(ours.action, Signal) and isinstance(theirs.action, Signal):
            assert theirs.action.conviction == pytest.approx(ours.action.conviction, rel=1e-6)
            distance = ours.action.plan.stop_px - ours.mid
            stop = theirs.action.plan.stop_px - theirs.mid
            assert stop == pytest.approx(price * distance, rel=1e-5)


@cache
def restless(price: float, size: float) -> Stage:
    market = fair(hours=80.0, step_s=60.0)
    market.price, market.size = 128.0 * price, size
    return Stage(lanes(), market.instruments()).play(market.events())


@each_bot
def test_a_bot_keeps_and_says_plain_numbers(cls: BotClass) -> None:
    """No numpy scalar: each costs ten times a float's time at every tick."""
    stage = reference()
    assert_sound(stage, cls)
    i = number(cls)
    memories = stage.lanes[i].memories.values()
    kept = [v for m in memories for name in m.__struct_fields__ for v in flat(getattr(m, name))]
    actions = [h.action for h in stage.heard[i]]
    said = [v for a in actions if isinstance(a, Signal) for v in (a.conviction, *a.saw.values())]
    assert {type(v) for v in (*kept, *said)} <= {int, float, bool, str}


def flat(value: Any) -> list[Any]:
    return [v for item in value for v in flat(item)] if isinstance(value, list | tuple) else [value]


# What a bot may look at and must leave alone.


class Watch:
    """Repeats some calls on copies: does a hook change what it is shown, or read forming bars?"""

    def __init__(self) -> None:
        self.calls: dict[str, int] = {}
        self.checked: dict[str, int] = {}
        self.changed: set[str] = set()
        self.peeked: set[str] = set()
        # The calls that led to the first actions, and some twenty of the others.
        self.every = {cls.name: max(1, reference().calls[i] // 20) for i, cls in enumerate(BOTS)}
        self.wanted = {
            cls.name: {h.call for h in reference().heard[i][:8]} for i, cls in enumerate(BOTS)
        }

    def __call__(
        self, lane: Lane, hook: Hook, arguments: tuple[Any, ...]
    ) -> Signal | ExitCall | None:
        name = lane.name
        count = self.calls[name] = self.calls.get(name, 0) + 1
        if count not in self.wanted[name] and count % self.every[name]:
            return hook(*arguments)
        if self.checked.get(name, 0) >= 25:
            return hook(*arguments)
        self.checked[name] = self.checked.get(name, 0) + 1
        memory, coin, view, *rest = arguments
        for other in view.coins.values():
            # Merging levels is the book's own bookkeeping.
            other.book.bids()
        before = msgspec.msgpack.encode(view)
        twin = msgspec.convert(msgspec.to_builtins(memory), type(memory))
        action = hook(*arguments)
        if msgspec.msgpack.encode(view) != before:
            self.changed.add(name)
        copies = msgspec.msgpack.decode(before, type=View)
        for other in copies.coins.values():
            spoil_forming(other)
        again = hook(twin, copies.coins[coin.name], copies, *rest)
        if repr(again) != repr(action) or twin != memory:
            self.peeked.add(name)
        return action


def spoil_forming(coin: Coin) -> None:
    bars = coin.bars
    start = bars.series["1m"].start_ms
    at = (start[-1] if start else 0) + 60_000
    bars.minute = candle(at, 1e9, low=1e-9, volume=1e12)
    bars.early = []
    bars.on_print(Print(at + 60_000, 1e-9, 1e12, -1))
    bars.forming = {tf: candle(at, 1e9, low=1e-9, volume=1e12) for tf in TIMEFRAME_MS}


@cache
def watched() -> tuple[Stage, Watch]:
    watch = Watch()
    return Stage(lanes(), instruments(), watch).play(warm()), watch


@each_bot
def test_a_hook_changes_nothing_it_is_shown(cls: BotClass) -> None:
    stage, watch = watched()
    assert_sound(stage, cls)
    assert watch.checked[cls.name] >= 8
    assert cls.name not in watch.changed


@each_bot
def test_bars_that_are_still_forming_are_not_read(cls: BotClass) -> None:
    stage, watch = watched()
    assert_sound(stage, cls)
    assert cls.name not in watch.peeked


@pytest.mark.parametrize(
    "cls", [cls for cls in BOTS if cls.feeds() != ("book",)], ids=lambda cls: cls.name
)
def test_no_signal_is_given_without_a_trustworthy_book(cls: BotClass) -> None:
    """A plan is made from the mid, and a mid that nobody quotes is no price."""
    stage, told, spoke = blinded()
    assert_sound(stage, cls)
    assert told[cls.name] > 0
    assert spoke[cls.name] == 0


@cache
def blinded() -> tuple[Stage, Counter[str], Counter[str]]:
    """Repeat every call that led to a signal with the book out of trust, on a copied memory."""
    speaking = {
        cls.name: {h.call for h in reference().heard[i] if isinstance(h.action, Signal)}
        for i, cls in enumerate(BOTS)
    }
    calls: Counter[str] = Counter()
    told: Counter[str] = Counter()
    spoke: Counter[str] = Counter()

    def blind(lane: Lane, hook: Hook, arguments: tuple[Any, ...]) -> Signal | ExitCall | None:
        memory, coin, view, *rest = arguments
        calls[lane.name] += 1
        # Books are shown to bots only when they can be trusted.
        if calls[lane.name] in speaking[lane.name] and hook != lane.bot.on_book:
            twin = msgspec.convert(msgspec.to_builtins(memory), type(memory))
            coin.book.ok = False
            told[lane.name] += 1
            spoke[lane.name] += isinstance(hook(twin, coin, view, *rest), Signal)
            coin.book.ok = True
        return hook(*arguments)

    return Stage(lanes(), instruments(), blind).play(warm()), told, spoke


def test_a_broken_bot_is_caught_by_this_suite() -> None:
    """The canary: each fault the suite looks for, in a bot that has it."""

    class Params(Struct, frozen=True, forbid_unknown_fields=True):
        """Nothing to set."""

    class Canary(Bot[Params, Any]):
        """Peeks at the forming minute, changes the coin, and raises now and then."""

        name = "canary"
        division = "trend"
        timeframes = ("1m",)
        params_type = Params

        def on_bar(self, memory: Any, coin: Coin, view: View, timeframe: str) -> Any:
            if coin.name == "SOL" and len(coin.bars.series["1m"]) == 330:
                raise ZeroDivisionError("canary")
            coin.returns += 1
            forming = coin.bars.minute
            side = 1 if forming is not None and forming.close > 1e6 else -1
            return ExitCall(coin.name, side, "peeked")

    lane = Lane(Canary(Params()))
    watch = Watch.__new__(Watch)
    watch.calls, watch.checked = {}, {}
    watch.changed, watch.peeked = set(), set()
    watch.wanted, watch.every = {"canary": set(range(10))}, {"canary": 251}
    stage = Stage([lane], instruments(), watch)
    stage.play(chain(history(SEED), lively(SEED, 900)))
    assert watch.changed == watch.peeked == {"canary"}
    assert stage.trouble == {0: "on_bar of SOL: ZeroDivisionError: canary"}
