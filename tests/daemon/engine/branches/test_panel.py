from __future__ import annotations

from daemon.engine.branches.panel import Panel
from daemon.engine.branches.variant import Variant
from market.decision import Check
from risk.drawdown import Drawdown
from risk.drawdown import Settings as Losses
from risk.filter import NoSettings, Reads
from risk.halt import Halt
from risk.position import Position
from risk.position import Settings as Cap
from tests.support.shadow import Scripted, make_proposal, make_view

NOTHING = Variant("nothing")
IGNORED = Variant("observed", "a", ignored=frozenset({"a"}))
LENIENT = Variant("data", "a", lenient=frozenset({"a"}))
ADDED = Variant("enforced", "b", added=frozenset({"b"}))
VARIANTS = [NOTHING, IGNORED, LENIENT, ADDED]
ALL = 0b1111


def filters(reads: Reads = "market") -> tuple[Scripted, Scripted]:
    found = Scripted("a"), Scripted("b", "observe")
    for f in found:
        f.reads = reads
    return found


def test_the_market_refuses_whom_it_stands_in_the_way_of() -> None:
    for says_a, says_b, left in (
        ("pass", "pass", 0b1111), ("fail", "pass", 0b0010), ("no_data", "pass", 0b0110),
        ("pass", "fail", 0b0111), ("pass", "no_data", 0b1111), ("fail", "fail", 0b0010),
    ):  # fmt: skip
        a, b = filters()
        a.say, b.say = says_a, says_b  # type: ignore[assignment]
        # What observes is made anew as if it enforced, and asked itself all the same.
        known = {f.name: f.check(make_proposal(), make_view()) for f in (a, b)}
        panel = Panel([a, b], VARIANTS)  # type: ignore[list-item]
        assert panel.left(ALL, make_proposal(), make_view(), known) == left, (says_a, says_b)


def test_who_was_refused_by_what_is_told() -> None:
    told: list[tuple[str, int]] = []
    known = {"a": Check("a", "no_data", "enforce"), "b": Check("b", "fail", "observe")}
    panel = Panel([*filters()], VARIANTS)  # type: ignore[list-item]
    panel.left(ALL, make_proposal(), make_view(), known, lambda name, who: told.append((name, who)))
    assert told == [("a", 0b1001)], "the fourth was gone before the second filter was asked"


def test_one_check_serves_all_who_ask_for_as_much() -> None:
    a, _ = filters("size")
    panel = Panel([a], [NOTHING, LENIENT])  # type: ignore[list-item]
    checked: dict[tuple[str, int], Check] = {}
    for bit in (1, 2):
        assert panel.judge(bit, make_proposal(lots=9), make_view(), checked) == {9: bit}
    assert a.asked == 1
    panel.judge(1, make_proposal(lots=10), make_view(), checked)
    assert a.asked == 2


def test_of_those_who_have_the_same_desk_each_is_cut_by_the_caps_that_are_in_force_on_it() -> None:
    told: list[tuple[str, int]] = []
    cap = Position(Cap(coin_cap_share=0.1), "enforce")
    free = Variant("open", ignored=frozenset({"position"}))
    panel = Panel([cap], [NOTHING, free, NOTHING])  # type: ignore[list-item]
    view = make_view(equity_usd=5_000.0)
    proposal = make_proposal(lots=1_000)
    assert panel.judge(0b111, proposal, view, {}) == {500: 0b101, 1_000: 0b010}
    assert panel.judge(0b010, proposal, view, {}) == {1_000: 0b010}
    view.desk.expose(coin="SOL", division="trend", side=1, notional_e6=495_000_000)
    left = panel.judge(0b111, proposal, view, {}, lambda name, who: told.append((name, who)))
    assert left == {1_000: 0b010} and told == [("position", 0b101)], "less than the minimum"


def test_a_halt_holds_every_branch_whatever_it_leaves_out() -> None:
    halt = Halt(NoSettings(), "off")
    panel = Panel([halt], [NOTHING, Variant("open")])  # type: ignore[list-item]
    view = make_view()
    assert panel.judge(2, make_proposal(lots=7), view, {}) == {7: 2}
    view.desk.halts["operator"] = "a pause"
    assert panel.judge(2, make_proposal(), view, {}) == {}


def test_a_loss_limit_latches_only_where_it_is_in_force() -> None:
    limit = Drawdown(Losses(), "observe")
    variants = [NOTHING, Variant("enforced", "drawdown", added=frozenset({"drawdown"}))]
    panel = Panel([limit], variants)  # type: ignore[list-item]
    view = make_view()
    view.desk.cash_e6 //= 2
    assert panel.breach(1, view) == "" and panel.breach(2, view).startswith("loss from the peak")
