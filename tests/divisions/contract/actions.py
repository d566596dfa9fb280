"""What a bot does on a market."""

from __future__ import annotations

import math
from itertools import product
from typing import Any

from divisions.roster import BotClass
from market.decision import Signal
from tests.divisions.contract.showings import (
    VARIANTS,
    Bots,
    assert_sound,
    at_the_end,
    bad_day,
    cold,
    cut_ns,
    part,
    plain,
    reference,
    spoiled_then_real,
    taken_up,
)


@part("actions")
def every_bot_speaks_in_a_lively_market(bots: Bots, cls: BotClass) -> None:
    """Nothing below would test a bot that stays silent; let `lively` give it what it waits for."""
    assert_sound(bots, reference(bots), cls)
    assert any(isinstance(h.action, Signal) for h in reference(bots).heard[bots.index(cls)])


@part("actions")
def signals_can_be_judged_sized_and_read(bots: Bots, cls: BotClass) -> None:
    # The stage has vetted every signal: side, conviction, stop behind, target ahead, horizon.
    assert_sound(bots, reference(bots), cls)
    for heard in reference(bots).heard[bots.index(cls)]:
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


@part("actions")
def no_signal_comes_before_the_warm_up(bots: Bots, cls: BotClass) -> None:
    stage = cold(bots)
    assert_sound(bots, stage, cls)
    for heard in stage.heard[bots.index(cls)]:
        if cls.timeframes:
            assert all(heard.bars[tf] >= cls.warm_up for tf in cls.timeframes)
        else:
            assert heard.samples >= cls.warm_up


@part("actions")
def what_comes_later_changes_nothing_before_it(bots: Bots, cls: BotClass) -> None:
    """The same objects see a market that ends in garbage, then the real one, with new memories.

    What a bot kept outside its memory, or looked up ahead of its time, would show; and so would one
    that decides otherwise the second time.
    """
    spoiled, after = spoiled_then_real(bots)
    assert_sound(bots, spoiled, cls)
    assert_sound(bots, after, cls)
    i = bots.index(cls)
    real = plain(reference(bots).heard[i])
    before_cut = [action for action in real if action[0] < cut_ns()]
    assert before_cut
    assert [a for a in plain(spoiled.heard[i]) if a[0] < cut_ns()] == before_cut
    assert plain(after.heard[i]) == real


@part("actions")
def a_bot_taken_up_from_its_written_state_goes_on_as_if_it_had_never_stopped(
    bots: Bots, cls: BotClass
) -> None:
    stage = taken_up(bots)
    assert_sound(bots, stage, cls)
    assert plain(stage.heard[bots.index(cls)]) == plain(reference(bots).heard[bots.index(cls)])


@part("actions", *product(VARIANTS, (True, False)))
def a_bot_survives_a_bad_day_and_stays_judgeable(
    bots: Bots, cls: BotClass, variant: str, with_history: bool
) -> None:
    assert_sound(bots, bad_day(bots, variant, with_history), cls)


@part("actions", ("low",), ("high",))
def the_ends_of_the_search_space_work_on_a_lively_market(
    bots: Bots, cls: BotClass, variant: str
) -> None:
    assert_sound(bots, at_the_end(bots, variant), cls)


@part("actions")
def a_bot_keeps_and_says_plain_numbers(bots: Bots, cls: BotClass) -> None:
    """No numpy scalar: each costs ten times a float's time at every tick."""
    stage = reference(bots)
    assert_sound(bots, stage, cls)
    i = bots.index(cls)
    memories = stage.lanes[i].memories.values()
    kept = [v for m in memories for name in m.__struct_fields__ for v in flat(getattr(m, name))]
    actions = [h.action for h in stage.heard[i]]
    said = [v for a in actions if isinstance(a, Signal) for v in (a.conviction, *a.saw.values())]
    assert {type(v) for v in (*kept, *said)} <= {int, float, bool, str}


def flat(value: Any) -> list[Any]:
    return [v for item in value for v in flat(item)] if isinstance(value, list | tuple) else [value]
