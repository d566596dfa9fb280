from __future__ import annotations

from risk.filter import NoSettings
from risk.halt import Halt
from tests.support.shadow import make_proposal, make_view


def test_an_open_desk_passes() -> None:
    found = Halt(NoSettings(), "enforce").check(make_proposal(), make_view())
    assert (found.outcome, found.value, found.threshold) == ("pass", 0.0, 0.0)


def test_any_halt_refuses_and_all_are_named() -> None:
    view = make_view()
    view.desk.halts["operator"] = "lunch"
    found = Halt(NoSettings(), "enforce").check(make_proposal(), view)
    assert (found.outcome, found.value, found.threshold) == ("fail", 1.0, 0.0)
    view.desk.halts["disk"] = "3 MB free"
    found = Halt(NoSettings(), "enforce").check(make_proposal(), view)
    assert (found.value, found.reason) == (2.0, "halted by operator: lunch; disk: 3 MB free")
    view.desk.halts.clear()
    assert Halt(NoSettings(), "enforce").check(make_proposal(), view).outcome == "pass"
