from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from divisions.bot import TICK_BAR_NS
from market.decision import BUY, SELL, TradeKind, Verdict
from market.events import NS_PER_S
from shadow.ledger.episodes import KeyState, Step
from shadow.store.tables.trades import RepeatsUpdate
from tests.support.rows import without
from tests.support.shadow import T0, MinutePuppet, Puppet, Stage

S = NS_PER_S
BAR = TICK_BAR_NS

ADMIT = Verdict(True, [], (), "", 1, [])


def block(*names: str) -> Verdict:
    return Verdict(False, [], names, names[0] if len(names) == 1 else "", 1, [])


A, B, AB = block("a"), block("b"), block("a", "b")


@dataclass
class Key:
    """A key driven as the daemon drives it; trades get ids in the order they open."""

    state: KeyState = field(default_factory=KeyState)
    now_ns: int = T0
    next_id: int = 1

    def say(self, verdict: Verdict, after_s: float = 1.0) -> Step:
        self.now_ns += round(after_s * S)
        if not self.state.hear(self.now_ns, BAR):
            return Step.REPEAT
        step = self.state.step(verdict)
        if step is Step.OPEN_REAL:
            self.state.real_id, self.next_id = self.next_id, self.next_id + 1
        elif step is Step.OPEN_PHANTOM:
            self.state.phantom_id, self.next_id = self.next_id, self.next_id + 1
        return step

    def close_real(self) -> None:
        assert self.state.close(self.state.real_id)

    def close_phantom(self) -> None:
        assert self.state.close(self.state.phantom_id)


REPEAT, REAL, PHANTOM, JOIN = Step.REPEAT, Step.OPEN_REAL, Step.OPEN_PHANTOM, Step.JOIN_PHANTOM


def test_the_same_refusal_again_is_a_repeat() -> None:
    key = Key()
    assert [key.say(A) for _ in range(5)] == [PHANTOM, REPEAT, REPEAT, REPEAT, REPEAT]


def test_another_failing_set_is_a_row_of_the_same_phantom() -> None:
    key = Key()
    assert [key.say(v) for v in (A, AB, AB, B, B, A)] == [PHANTOM, JOIN, REPEAT, JOIN, REPEAT, JOIN]


def test_an_admission_while_the_phantom_is_open_opens_the_trade() -> None:
    key = Key()
    assert [key.say(v) for v in (A, ADMIT)] == [PHANTOM, REAL]
    assert (key.state.phantom_id, key.state.real_id) == (1, 2)


@pytest.mark.parametrize("verdict", [ADMIT, A, AB])
def test_while_the_real_trade_is_open_everything_is_a_repeat(verdict: Verdict) -> None:
    key = Key()
    assert key.say(ADMIT) is REAL
    assert key.say(verdict) is REPEAT
    assert key.say(verdict, after_s=3600) is REPEAT


def test_a_refusal_after_an_admission_joins_the_phantom_that_is_still_open() -> None:
    key = Key()
    assert [key.say(v) for v in (A, ADMIT)] == [PHANTOM, REAL]
    key.close_real()
    assert key.say(A, after_s=11) is JOIN
    assert key.say(A) is REPEAT


# Re-arming.


def test_after_a_real_close_a_bot_that_goes_on_is_repeating_itself() -> None:
    key = Key()
    assert key.say(ADMIT) is REAL
    key.close_real()
    assert [key.say(v) for v in (ADMIT, A, ADMIT, AB)] == [REPEAT] * 4


def test_after_a_phantoms_close_a_bot_that_goes_on_opens_no_other_phantom() -> None:
    key = Key()
    assert key.say(A) is PHANTOM
    key.close_phantom()
    assert [key.say(v) for v in (A, AB, B)] == [REPEAT] * 3


def test_after_a_phantoms_close_an_admission_is_still_an_entry() -> None:
    key = Key()
    assert key.say(A) is PHANTOM
    key.close_phantom()
    assert [key.say(v) for v in (A, ADMIT)] == [REPEAT, REAL]


@pytest.mark.parametrize(("first", "again"), [(ADMIT, REAL), (A, PHANTOM)])
@pytest.mark.parametrize(("silence_s", "armed"), [(9.0, False), (10.0, False), (10.1, True)])
def test_a_key_re_arms_after_a_whole_bar_of_silence(
    first: Verdict, again: Step, silence_s: float, armed: bool
) -> None:
    key = Key()
    assert key.say(first) is again
    assert key.state.close(1)
    assert key.say(first) is REPEAT
    assert key.say(first, after_s=silence_s) is (again if armed else REPEAT)


def test_every_word_counts_as_breaking_the_silence() -> None:
    key = Key()
    assert key.say(ADMIT) is REAL
    key.close_real()
    assert {key.say(ADMIT, after_s=9) for _ in range(20)} == {REPEAT}
    assert key.say(ADMIT, after_s=11) is REAL


def test_words_while_the_trade_is_open_break_the_silence_too() -> None:
    key = Key()
    assert key.say(ADMIT) is REAL
    assert key.say(ADMIT, after_s=100) is REPEAT
    key.close_real()
    assert key.say(ADMIT, after_s=5) is REPEAT
    assert key.say(ADMIT, after_s=11) is REAL


def test_a_refusal_after_re_arming_is_a_new_row_although_it_is_the_same() -> None:
    key = Key()
    assert key.say(A) is PHANTOM
    key.close_phantom()
    assert key.say(A, after_s=11) is PHANTOM


def test_silence_while_the_phantom_is_open_ends_no_episode() -> None:
    key = Key()
    assert key.say(A) is PHANTOM
    opened = key.state.opened_ns
    assert key.say(A, after_s=500) is REPEAT
    assert key.say(B, after_s=500) is JOIN
    assert key.state.opened_ns == opened


def test_an_episode_begins_when_an_armed_key_is_heard() -> None:
    key = Key()
    key.say(A)
    assert key.state.opened_ns == key.now_ns
    key.close_phantom()
    key.say(A)
    assert key.state.opened_ns == key.now_ns - S
    key.say(A, after_s=11)
    assert key.state.opened_ns == key.now_ns


def test_closing_a_trade_of_neither_slot_frees_nothing() -> None:
    key = Key()
    key.say(A)
    key.say(ADMIT)
    assert not key.state.close(99)
    assert (key.state.phantom_id, key.state.real_id) == (1, 2)
    assert key.state.close(2)
    assert (key.state.phantom_id, key.state.real_id) == (1, 0)


# The separation of the slots.

OPS = st.lists(
    st.one_of(
        st.tuples(
            st.sampled_from([ADMIT, A, B, AB]), st.sampled_from([1.0, 4.0, 9.9, 10.1, 15.0, 40.0])
        ),
        st.just("close_real"),
    ),
    max_size=40,
)


@given(OPS, st.lists(st.booleans(), min_size=40, max_size=40))
def test_what_becomes_of_phantoms_never_changes_what_is_admitted(
    ops: list[object], deaths: list[bool]
) -> None:
    """One key never opens a phantom's slot, one never frees it, one frees it at random."""

    def admissions(life: str) -> list[int]:
        key = Key()
        found = []
        for op, dies in zip(ops, deaths, strict=False):
            if op == "close_real":
                if key.state.real_id:
                    key.close_real()
                continue
            verdict, after_s = op  # type: ignore[misc]
            if key.say(verdict, after_s) is REAL:
                found.append(key.now_ns)
            if life == "none":
                key.state.phantom_id = 0
            if life == "random" and dies and key.state.phantom_id:
                key.close_phantom()
        return found

    assert admissions("none") == admissions("immortal") == admissions("random")


@given(OPS, st.lists(st.booleans(), min_size=40, max_size=40))
def test_there_is_at_most_one_open_trade_of_each_slot(
    ops: list[object], deaths: list[bool]
) -> None:
    key = Key()
    for op, dies in zip(ops, deaths, strict=False):
        real, phantom = key.state.real_id, key.state.phantom_id
        if op == "close_real":
            if real:
                key.close_real()
        else:
            step = key.say(*op)  # type: ignore[misc]
            assert not (step is REAL and real)
            assert not (step is PHANTOM and phantom)
            assert not (step is JOIN and not phantom)
        if dies and key.state.phantom_id:
            key.close_phantom()


# The same, through the daemon.


def test_a_signal_that_persists_for_ten_bars_is_one_row() -> None:
    stage = Stage(bots=[MinutePuppet("alpha")])
    stage.script(limit="fail")
    stage.book()
    rows = []
    for _ in range(10):
        rows.append(stage.signal(horizon_s=86_400))
        stage.books(60, every=20)
    assert [row is not None for row in rows] == [True] + [False] * 9
    assert len(stage.rows.signals) == 1
    assert [row.kind for row in stage.rows.trades] == ["phantom"]
    assert stage.engine.branch.keys["alpha|SOL|1"].repeats == 9
    stage.second()
    assert stage.rows.repeats[-1] == RepeatsUpdate(9, stage.rows.trades[0].trade_id)


def test_a_bar_bot_re_arms_only_after_a_whole_bar_without_a_signal() -> None:
    stage = Stage(bots=[MinutePuppet("alpha")])
    stage.book()
    assert stage.signal(horizon_s=30) is not None
    stage.books(60, every=10)
    assert not stage.engine.branch.ledger.trades
    assert stage.signal() is None
    stage.wait(60)
    assert stage.signal() is None
    # The next bar passes in silence, the one after it speaks.
    stage.wait(120)
    assert stage.signal() is not None


def test_repeats_count_on_the_keys_newest_trade() -> None:
    stage = Stage()
    stage.script(limit="fail")
    stage.book()
    blocked = stage.signal(horizon_s=7200)
    stage.wait(1)
    stage.signal()
    stage.script(limit="pass")
    stage.wait(1)
    admitted = stage.signal()
    for _ in range(3):
        stage.wait(1)
        assert stage.signal() is None
    stage.wait_until(60_500)
    stage.second()
    assert blocked is not None
    assert admitted is not None
    final = {row.trade_id: row.repeats for row in stage.rows.repeats}
    assert final == {blocked * 4 + TradeKind.PHANTOM: 1, admitted * 4 + TradeKind.PAPER: 3}


def test_a_joined_row_points_to_the_phantom_whose_blockers_stay_as_opened() -> None:
    stage = Stage(filters={"a": "enforce", "b": "enforce"})
    stage.book()
    stage.script(a="fail")
    first = stage.signal()
    phantom = stage.trade(first, TradeKind.PHANTOM)
    tags = list(phantom.tags)
    stage.wait(1)
    stage.script(a="pass", b="fail")
    second = stage.signal()
    assert second is not None
    rows = {row.signal_id: row for row in stage.rows.signals}
    assert rows[second].trade_id == phantom.trade_id
    assert (rows[second].failing, rows[second].sole) == ("b", "b")
    assert len(stage.rows.trades) == 1
    assert phantom.tags == tags
    assert {(c.signal_id, c.filter) for c in stage.rows.checks} == {
        (i, f) for i in (first, second) for f in ("a", "b")
    }


def test_an_admission_is_noted_on_the_open_phantom() -> None:
    stage = Stage()
    stage.book()
    stage.script(limit="fail")
    phantom = stage.trade(stage.signal(), TradeKind.PHANTOM)
    stage.wait(2)
    stage.script(limit="pass")
    later = stage.trade(stage.signal(), TradeKind.PAPER)
    assert (phantom.later_trade_id, later.earlier_trade_id) == (later.trade_id, phantom.trade_id)


def test_the_opposite_side_closes_nothing_and_is_a_key_of_its_own() -> None:
    stage = Stage()
    stage.book()
    long = stage.trade(stage.signal(side=BUY), TradeKind.PAPER)
    stage.books(2)
    short = stage.trade(stage.signal(side=SELL), TradeKind.PAPER)
    stage.books(2)
    assert (long.open_lots, short.open_lots) == (1_000, 1_000)
    assert len(stage.rows.signals) == 2


def test_bots_and_coins_are_keys_of_their_own() -> None:
    stage = Stage(bots=[Puppet("alpha"), Puppet("beta")])
    stage.book()
    assert stage.signal("alpha") is not None
    assert stage.signal("beta") is not None
    assert stage.signal("alpha") is None


@given(
    st.lists(
        st.tuples(
            st.sampled_from(["pass", "fail", "no_data"]),
            st.sampled_from([BUY, SELL]),
            st.sampled_from([2, 7, 13]),
            st.sampled_from([98.5, 99.6, 100.0, 100.4, 101.5]),
        ),
        min_size=3,
        max_size=14,
    )
)
def test_decisions_are_the_same_with_the_shadow_off(
    acts: list[tuple[str, int, int, float]],
) -> None:
    def run(shadow: bool) -> tuple[list[Any], list[Any], int, int]:
        stage = Stage(shadow=shadow, equity_usd=10_000.0)
        stage.book()
        for say, side, seconds, mid in acts:
            stage.script(limit=say)  # type: ignore[arg-type]
            stage.signal(side=side, lots=300, stop=1.0, target=1.0, horizon_s=25)
            stage.books(seconds, mid, every=0.5)
        # Everything but the pointer to the trade, which a blocked row lacks without the shadow.
        signals = [without(row, "trade_id") for row in stage.rows.signals]
        real = [row for row in stage.rows.trade_updates if row.trade_id % 4 == TradeKind.PAPER]
        return signals, real, stage.engine.branch.desk.cash_e6, stage.engine.branch.desk.peak_e6

    assert run(True) == run(False)
