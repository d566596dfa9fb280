from __future__ import annotations

from typing import Any

from market.events import Command, TradesUpdate
from tests.support.shadow import Puppet, Stage


def tell(stage: Stage, verb: Any, argument: str = "", source: str = "operator") -> str:
    outcome = stage.engine.step(Command(verb, argument, source, stage.now_ns))
    stage.rows.extend(outcome.rows)
    return outcome.reply


def alarms(stage: Stage) -> list[tuple[str, str]]:
    return [row[2:] for row in stage.rows.alarms]


# Halts.


def test_a_halt_is_held_by_who_asked_for_it_with_the_reason() -> None:
    stage = Stage()
    stage.engine.out.dirty.clear()
    assert tell(stage, "halt", "news at two").startswith("entries halted; exits go on")
    tell(stage, "halt", "full", "disk")
    assert stage.engine.desk.halts == {"operator": "news at two", "disk": "full"}
    assert "desk" in stage.engine.out.dirty
    assert alarms(stage) == [("halt", "operator: news at two"), ("halt", "disk: full")]


def test_a_halt_without_a_reason_has_one_anyway() -> None:
    stage = Stage()
    tell(stage, "halt")
    assert stage.engine.desk.halts == {"operator": "asked to"}


def test_a_newer_reason_of_the_same_holder_replaces_the_older() -> None:
    stage = Stage()
    tell(stage, "halt", "one")
    tell(stage, "halt", "two")
    assert stage.engine.desk.halts == {"operator": "two"}
    assert tell(stage, "resume") == "entries are open"


def test_everyone_lifts_only_their_own_halt() -> None:
    stage = Stage()
    tell(stage, "halt", "lunch")
    tell(stage, "halt", "full", "disk")
    tell(stage, "halt", "behind", "database")
    assert tell(stage, "resume") == "still halted by disk: full; database: behind"
    assert (
        tell(stage, "resume") == "nothing to resume; still halted by disk: full; database: behind"
    )
    assert tell(stage, "resume", "", "disk") == "still halted by database: behind"
    stage.engine.out.dirty.clear()
    assert tell(stage, "resume", "", "database") == "entries are open"
    assert stage.engine.desk.halts == {}
    assert "desk" in stage.engine.out.dirty
    assert alarms(stage)[-1] == ("resume", "database: entries are open")


def test_resuming_what_was_never_halted_says_so_and_is_on_record() -> None:
    stage = Stage()
    assert tell(stage, "resume") == "nothing to resume; entries are open"
    assert alarms(stage) == [("resume", "operator: nothing to resume; entries are open")]


# The loss limit.


def latched() -> Stage:
    stage = Stage()
    desk = stage.engine.desk
    desk.latched = "daily loss 3.0 %"
    desk.cash_e6 -= 30_000_000_000
    desk.open_e6 = 5_000_000
    return stage


def test_the_operator_releases_the_loss_limit_and_it_counts_from_there() -> None:
    stage = latched()
    desk = stage.engine.desk
    assert tell(stage, "resume") == "entries are open"
    assert desk.latched == ""
    assert desk.day_start_e6 == desk.peak_e6 == desk.equity_e6 == 970_005_000_000
    assert desk.start_e6 == 1_000_000_000_000


def test_nobody_else_releases_it_or_says_that_entries_are_open() -> None:
    stage = latched()
    desk = stage.engine.desk
    anchors = (desk.day_start_e6, desk.peak_e6)
    tell(stage, "halt", "full", "disk")
    assert tell(stage, "resume", "", "disk") == "still halted by daily loss 3.0 %"
    assert desk.latched
    assert (desk.day_start_e6, desk.peak_e6) == anchors
    assert alarms(stage)[-1] == ("resume", "disk: still halted by daily loss 3.0 %")


def test_releasing_the_loss_limit_leaves_the_halts_of_others() -> None:
    stage = latched()
    tell(stage, "halt", "full", "disk")
    assert tell(stage, "resume") == "still halted by disk: full"
    assert stage.engine.desk.latched == ""
    assert stage.engine.desk.halts == {"disk": "full"}


def test_resuming_a_halt_alone_moves_no_anchor() -> None:
    stage = Stage()
    desk = stage.engine.desk
    tell(stage, "halt", "lunch")
    desk.open_e6 = -7_000_000
    tell(stage, "resume")
    assert desk.day_start_e6 == desk.peak_e6 == desk.start_e6 > desk.equity_e6


# Bots.


class Ear(Puppet):
    """A bot that counts what it is shown."""

    calls = 0

    def on_trades(self, *shown: Any) -> Any:
        self.calls += 1
        return super().on_trades(*shown)


def heard(stage: Stage, bot: str) -> bool:
    """Say whether a bot is shown what happens."""
    ear = stage.bots[bot]
    assert isinstance(ear, Ear)
    before = ear.calls
    stage.engine.step(TradesUpdate("SOL", [], stage.now_ns))
    return ear.calls > before


def faulted() -> Stage:
    stage = Stage(bots=[Ear("alpha"), Ear("beta")])
    for name in stage.bots:
        assert heard(stage, name)
    stage.engine.lanes["alpha"].fail(ValueError("planted"))
    stage.engine.resubscribe()
    assert not heard(stage, "alpha")
    return stage


def test_a_faulted_bot_is_put_back_with_fresh_memories_and_hears_again() -> None:
    stage = faulted()
    lanes = stage.engine.lanes
    old, kept = lanes["alpha"].memory("SOL"), lanes["beta"].memory("SOL")
    stage.engine.out.dirty.clear()
    assert tell(stage, "rearm", "alpha") == "alpha re-armed after ValueError: planted"
    assert lanes["alpha"].fault == ""
    assert lanes["alpha"].faults == 1, "that it failed is not forgotten"
    assert lanes["alpha"].memory("SOL") is not old
    assert lanes["beta"].memory("SOL") is kept
    assert "lane/alpha" in stage.engine.out.dirty
    assert "lane/beta" not in stage.engine.out.dirty
    assert alarms(stage) == [("rearm", "alpha re-armed after ValueError: planted")]
    assert heard(stage, "alpha")


def test_re_arming_takes_effect_before_the_next_event() -> None:
    stage = faulted()
    tell(stage, "rearm", "alpha")
    stage.book()
    assert stage.signal("alpha") is not None


def test_a_healthy_bot_may_be_re_armed_and_it_says_so() -> None:
    stage = Stage()
    assert tell(stage, "rearm", "alpha") == "alpha re-armed, it was healthy"


def test_an_unknown_bot_is_answered_with_those_there_are_and_changes_nothing() -> None:
    stage = faulted()
    stage.engine.out.dirty.clear()
    assert tell(stage, "rearm", "gamma") == "no bot 'gamma'; there are alpha, beta"
    assert alarms(stage) == []
    assert not stage.engine.out.dirty
    assert stage.engine.lanes["alpha"].fault
