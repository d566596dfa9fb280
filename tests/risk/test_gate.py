from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from market.decision import STAGE, Check, Clamp, Mode, Proposal
from market.instrument import MIN_NOTIONAL_E6, Instrument
from market.money import notional_e6
from risk.filter import NoSettings
from risk.gate import REACH_WINDOW, Gate, cap_check, fold, grown, lots_within, withheld
from risk.halt import Halt
from tests.support.shadow import SOL, Scripted, make_proposal, make_view


def gate_of(**says: str) -> tuple[Gate, dict[str, Scripted]]:
    filters = {name: Scripted(name) for name in says}
    for name, say in says.items():
        filters[name].say = say  # type: ignore[assignment]
    return Gate(list(filters.values())), filters  # type: ignore[arg-type]


# Judge all.


def test_every_filter_is_asked_even_after_a_failure() -> None:
    gate, filters = gate_of(a="fail", b="no_data", c="pass", d="fail")
    verdict = gate.judge(make_proposal(), make_view())
    assert {name: f.asked for name, f in filters.items()} == {"a": 1, "b": 1, "c": 1, "d": 1}
    assert [(c.filter, c.outcome) for c in verdict.checks] == [
        ("a", "fail"),
        ("b", "no_data"),
        ("c", "pass"),
        ("d", "fail"),
    ]
    assert verdict.failing == ("a", "b", "d")


def test_a_filter_that_is_off_is_not_even_asked() -> None:
    silent = Scripted("silent", "off")
    silent.say = "fail"
    verdict = Gate([silent, Scripted("loud")]).judge(make_proposal(), make_view())  # type: ignore[list-item]
    assert silent.asked == 0
    assert [c.filter for c in verdict.checks] == ["loud"]
    assert verdict.admitted


def test_an_observing_filter_is_asked_and_blocks_nothing() -> None:
    watcher = Scripted("watcher", "observe")
    watcher.say = "fail"
    verdict = Gate([watcher]).judge(make_proposal(), make_view())  # type: ignore[list-item]
    assert verdict.admitted
    assert [(c.filter, c.mode, c.outcome) for c in verdict.checks] == [
        ("watcher", "observe", "fail")
    ]


@pytest.mark.parametrize("mode", ["enforce", "observe", "off"])
def test_a_halt_holds_whatever_the_filter_s_mode_is(mode: Mode) -> None:
    gate, view = Gate([Halt(NoSettings(), mode)]), make_view()  # type: ignore[list-item]
    open_ = gate.judge(make_proposal(), view)
    assert open_.admitted
    assert [c.mode for c in open_.checks] == [mode] * (mode != "off")
    view.desk.halts["operator"] = "lunch"
    held = gate.judge(make_proposal(), view)
    assert (held.admitted, held.failing, held.sole) == (False, ("halt",), "halt")
    assert [(c.mode, c.reason) for c in held.checks] == [("enforce", "halted by operator: lunch")]


# Folding.

OUTCOMES = st.sampled_from(("pass", "fail", "no_data"))
MODES: st.SearchStrategy[Mode] = st.sampled_from(("enforce", "observe", "off"))
ROOMS = st.none() | st.integers(MIN_NOTIONAL_E6, 2_000 * 10**6)


@st.composite
def checks(draw: st.DrawFn) -> list[Check]:
    made = []
    for i in range(draw(st.integers(0, 8))):
        outcome = draw(OUTCOMES)
        room = draw(ROOMS) if outcome == "pass" else None
        made.append(Check(f"f{i}", outcome, draw(MODES), room_e6=room))
    return made


@given(checks())
def test_admitted_means_that_every_enforced_check_passes(found: list[Check]) -> None:
    verdict = fold(found, make_proposal(), SOL)
    enforced = [c for c in found if c.mode == "enforce"]
    assert verdict.admitted == all(c.outcome == "pass" for c in enforced)
    assert verdict.failing == tuple(c.filter for c in enforced if c.outcome != "pass")
    assert verdict.fail_closed == any(c.outcome == "no_data" for c in enforced)
    assert verdict.checks == found


@given(checks())
def test_sole_is_the_one_enforced_filter_not_passing_if_it_fails(found: list[Check]) -> None:
    refusing = [c for c in found if c.mode == "enforce" and c.outcome != "pass"]
    alone = len(refusing) == 1 and refusing[0].outcome == "fail"
    assert fold(found, make_proposal(), SOL).sole == (refusing[0].filter if alone else "")


@given(checks())
def test_what_observes_or_is_off_changes_nothing(found: list[Check]) -> None:
    enforced = [c for c in found if c.mode == "enforce"]
    whole, part = fold(found, make_proposal(), SOL), fold(enforced, make_proposal(), SOL)
    assert (whole.admitted, whole.failing, whole.sole) == (part.admitted, part.failing, part.sole)
    assert (whole.lots, whole.clamps) == (part.lots, part.clamps)


def test_a_cap_with_the_room_of_the_one_before_it_clamps_nothing() -> None:
    room = 40 * 10**6
    same = [Check(name, "pass", "enforce", room_e6=room) for name in ("first", "second")]
    verdict = fold(same, make_proposal(lots=100), SOL)
    assert verdict.clamps == [Clamp("first", 100, 40)]
    assert verdict.lots == 40


@pytest.mark.parametrize("room_e6", [0, -1, -(10**12)])
def test_without_room_there_is_not_one_lot(room_e6: int) -> None:
    assert lots_within(make_proposal(lots=100), room_e6) == 0


@given(checks())
def test_a_withheld_signal_is_refused_by_its_stage_alone_where_nothing_else_refuses(
    found: list[Check],
) -> None:
    judged = fold(found, make_proposal(), SOL)
    verdict = withheld(judged, "nova")
    assert not verdict.admitted
    assert verdict.failing == (*judged.failing, STAGE)
    assert verdict.sole == ("" if judged.failing else STAGE)
    assert (verdict.lots, verdict.clamps) == (judged.lots, judged.clamps)


@given(checks(), st.integers(1, 2_000))
def test_the_smallest_room_wins_and_clamps_chain(found: list[Check], lots: int) -> None:
    proposal = make_proposal(lots=lots)
    verdict = fold(found, proposal, SOL)
    rooms = [c.room_e6 for c in found if c.mode == "enforce" and c.room_e6 is not None]
    # A lot is worth a dollar.
    assert verdict.lots == min([lots, *(room // 10**6 for room in rooms)])
    before = lots
    for clamp in verdict.clamps:
        assert clamp.before_lots == before
        assert clamp.after_lots < before
        before = clamp.after_lots
    assert before == verdict.lots


def test_a_clamp_keeps_limit_before_and_after() -> None:
    found = [
        Check("wide", "pass", "enforce", room_e6=900 * 10**6),
        Check("narrow", "pass", "enforce", room_e6=400_900_000),
        Check("middle", "pass", "enforce", room_e6=700 * 10**6),
    ]
    verdict = fold(found, make_proposal(lots=1_000), SOL)
    assert verdict.clamps == [Clamp("wide", 1_000, 900), Clamp("narrow", 900, 400)]
    assert verdict.lots == 400


def test_a_blocked_size_has_every_clamp_but_those_of_its_blockers() -> None:
    found = [
        Check("blocker", "fail", "enforce"),
        Check("cap", "pass", "enforce", room_e6=300 * 10**6),
    ]
    verdict = fold(found, make_proposal(lots=1_000), SOL)
    assert not verdict.admitted
    assert verdict.lots == 300


# Caps.


def cap(room_usd: float, *, lots: int = 1_000, lot_usd: float = 1.0) -> Check:
    mid = lot_usd * 100
    proposal = make_proposal(lots=lots, mid=mid)
    used_e6 = 5_000 * 10**6
    room_e6 = round(room_usd * 1e6)
    f: Any = Scripted("cap")
    return cap_check(f, used_e6=used_e6, cap_e6=used_e6 + room_e6, proposal=proposal, what="SOL")


def test_room_for_the_whole_size_passes_it_whole() -> None:
    check = cap(1_000.0)
    assert (check.outcome, check.room_e6) == ("pass", None)
    assert (check.value, check.threshold) == (6_000.0, 6_000.0)


def test_a_dollar_less_than_the_whole_size_clamps() -> None:
    check = cap(999.0)
    assert (check.outcome, check.room_e6) == ("pass", 999 * 10**6)
    assert (check.value, check.threshold) == (6_000.0, 5_999.0)


@pytest.mark.parametrize(
    ("room_usd", "outcome"), [(10.0, "pass"), (10.000001, "pass"), (9.999999, "fail"), (0, "fail")]
)
def test_room_for_just_the_minimum_clamps_and_a_hair_less_fails(
    room_usd: float, outcome: str
) -> None:
    check = cap(room_usd)
    assert check.outcome == outcome
    if outcome == "fail":
        assert (check.value, check.threshold) == (6_000.0, pytest.approx(5_000 + room_usd))
        assert "room" in check.reason


def test_room_that_holds_no_whole_lot_of_the_minimum_fails() -> None:
    # Twelve dollars of room, but the smallest order is one lot of thirty.
    assert cap(12.0, lot_usd=30.0).outcome == "fail"
    # Fourteen hold one lot of seven, worth less than the minimum.
    assert cap(13.9, lot_usd=7.0).outcome == "fail"
    check = cap(14.0, lot_usd=7.0)
    assert (check.outcome, check.room_e6) == ("pass", 14_000_000)


def test_a_lot_worth_more_than_the_minimum_still_fits_its_room() -> None:
    check = cap(35.0, lot_usd=30.0)
    assert check.outcome == "pass"
    assert fold([check], make_proposal(lots=1_000, mid=3_000.0), SOL).lots == 1


def test_an_overdrawn_cap_fails() -> None:
    check = cap(-250.0)
    assert check.outcome == "fail"
    assert "room 0.00" in check.reason


@given(
    lots=st.integers(1, 10_000),
    ticks=st.integers(1, 5_000_000),
    decimals=st.integers(0, 5),
    rooms=st.lists(st.integers(-(10**6), 200 * 10**6), min_size=1, max_size=3),
)
def test_a_clamped_size_is_never_below_the_minimum_nor_above_its_room(
    lots: int, ticks: int, decimals: int, rooms: list[int]
) -> None:
    instrument = Instrument("X", 0, decimals, 10)
    mid = ticks / 10 ** (6 - decimals)
    proposal: Proposal = make_proposal(lots=lots, mid=mid, stop=mid / 100, instrument=instrument)
    f: Any = Scripted("cap")
    found = [cap_check(f, used_e6=0, cap_e6=r, proposal=proposal, what="X") for r in rooms]
    verdict = fold(found, proposal, instrument)
    worth = notional_e6(mid, verdict.lots, decimals)
    if verdict.admitted and verdict.clamps:
        assert worth >= MIN_NOTIONAL_E6
        assert worth <= min(rooms)
    if not verdict.admitted:
        # Nothing that fits would have been an order the venue takes.
        room = min(rooms)
        best = max(room, 0) * 10**decimals // round(mid * 1e6) if room > 0 else 0
        assert notional_e6(mid, min(best, lots), decimals) < MIN_NOTIONAL_E6


# Reach.


ALL, NONE = "passed all of the last 200", "passed none of the last 200"


def count(gate: Gate, times: int) -> list[str]:
    """Return what was noted anew, in order."""
    notes: list[str] = []
    for _ in range(times):
        notes += (
            f"{name} {gate.reach[name].note}"
            for name in gate.count(gate.judge(make_proposal(), make_view()))
        )
    return notes


def test_that_a_filter_admits_everything_over_a_window_is_noted_once() -> None:
    gate, filters = gate_of(easy="pass")
    assert count(gate, REACH_WINDOW - 1) == []
    assert count(gate, 1) == [f"easy {ALL}"]
    assert count(gate, 3 * REACH_WINDOW) == []
    assert gate.reach["easy"].note == ALL
    filters["easy"].say = "fail"
    assert count(gate, REACH_WINDOW) == [f"easy {NONE}"]


def test_a_note_goes_when_the_window_is_like_any_other() -> None:
    gate, filters = gate_of(f="pass")
    count(gate, REACH_WINDOW + 1)
    filters["f"].say = "fail"
    assert count(gate, REACH_WINDOW - 1) == ["f "]
    assert gate.reach["f"].note == ""


@pytest.mark.parametrize("say", ["fail", "no_data"])
def test_that_a_filter_admits_nothing_over_a_window_is_noted(say: str) -> None:
    gate, _ = gate_of(hard=say)
    assert count(gate, REACH_WINDOW - 1) == []
    assert count(gate, 1) == [f"hard {NONE}"]


def test_of_an_observing_filter_that_cannot_tell_yet_nothing_is_noted() -> None:
    gate, filters = gate_of(f="no_data")
    filters["f"].mode = "observe"
    assert count(gate, 2 * REACH_WINDOW) == []
    filters["f"].say = "fail"
    assert count(gate, REACH_WINDOW) == [f"f {NONE}"]


@pytest.mark.parametrize("at", [0, 77, REACH_WINDOW - 1])
def test_with_one_exception_in_a_window_there_is_nothing_to_note(at: int) -> None:
    gate, filters = gate_of(f="fail")
    assert count(gate, at) == []
    filters["f"].say = "pass"
    assert count(gate, 1) == []
    filters["f"].say = "fail"
    assert count(gate, REACH_WINDOW - at - 1) == []
    # A new window begins after it.
    assert count(gate, REACH_WINDOW) == [f"f {NONE}"]


def test_what_an_order_of_the_operator_lets_through_is_not_counted() -> None:
    gate = Gate([Halt(NoSettings(), "enforce")])  # type: ignore[list-item]
    assert count(gate, 2 * REACH_WINDOW) == []


def test_reach_changes_no_verdict() -> None:
    gate, _ = gate_of(f="fail", g="pass")
    first = gate.judge(make_proposal(), make_view())
    count(gate, 3 * REACH_WINDOW)
    assert gate.judge(make_proposal(), make_view()) == first


# Loss limits.


class Broken(Scripted):
    def breach(self, view: Any) -> str:
        return f"{self.name} is broken"


def test_only_an_enforced_filter_can_close_the_desk() -> None:
    modes: tuple[Mode, ...] = ("off", "observe", "enforce")
    for mode in modes:
        gate = Gate([Scripted("calm"), Broken("limit", mode)])  # type: ignore[list-item]
        expected = "limit is broken" if mode == "enforce" else ""
        assert gate.breach(make_view()) == expected


@pytest.mark.parametrize(
    ("coins", "exponent", "share"),
    [(1, 0.5, 1.2), (8, 0.5, 1.2), (32, 0.5, 2.4), (32, 1.0, 4.8), (50, 0.0, 1.2)],
)
def test_a_cap_is_given_for_eight_coins_and_grows_with_more(
    coins: int, exponent: float, share: float
) -> None:
    assert grown(1.2, coins, exponent) == pytest.approx(share)
