from __future__ import annotations

import pytest

from market.desk import scope_text
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
    view.desk.scopes["alpha|"] = "operator: it loses"
    found = Halt(NoSettings(), "enforce").check(make_proposal(bot="beta"), view)
    assert (found.value, found.reason) == (2.0, "halted by operator: lunch; disk: 3 MB free")
    view.desk.scopes.clear()
    view.desk.halts.clear()
    assert Halt(NoSettings(), "enforce").check(make_proposal(), view).outcome == "pass"


@pytest.mark.parametrize(
    ("scope", "blocked"),
    [
        ("alpha|", {("alpha", "SOL"), ("alpha", "ETH")}),
        ("|SOL", {("alpha", "SOL"), ("beta", "SOL")}),
        ("alpha|SOL", {("alpha", "SOL")}),
    ],
)
def test_a_halt_of_a_bot_or_a_coin_refuses_what_it_names_and_says_which(
    scope: str, blocked: set[tuple[str, str]]
) -> None:
    view = make_view()
    view.desk.scopes[scope] = "operator: it loses"
    found = set()
    for bot in ("alpha", "beta"):
        for coin in ("SOL", "ETH"):
            check = Halt(NoSettings(), "enforce").check(make_proposal(bot=bot, coin=coin), view)
            if check.outcome == "fail":
                found.add((bot, coin))
                assert check.reason == f"halted by operator: it loses ({scope_text(scope)})"
    assert found == blocked
