from __future__ import annotations

import msgspec
import pytest

from market.decision import Check, Clamp, ExitPlan, Mode, Outcome, Signal, TradeKind, Verdict


def verdict(*checks: tuple[Outcome, Mode]) -> Verdict:
    found = [Check(f"filter{i}", outcome, mode) for i, (outcome, mode) in enumerate(checks)]
    return Verdict(False, found, (), "", 1, [])


@pytest.mark.parametrize(
    ("checks", "closed"),
    [
        ([], False),
        ([("pass", "enforce")], False),
        ([("fail", "enforce")], False),
        ([("no_data", "enforce")], True),
        ([("fail", "enforce"), ("no_data", "enforce")], True),
        ([("fail", "enforce"), ("no_data", "observe")], False),
        ([("no_data", "off")], False),
    ],
)
def test_only_an_enforced_filter_without_data_fails_closed(
    checks: list[tuple[Outcome, Mode]], closed: bool
) -> None:
    assert verdict(*checks).fail_closed is closed


def test_the_exit_plan_of_a_decision_is_frozen() -> None:
    plan = ExitPlan(stop_px=1.0, horizon_ns=1)
    with pytest.raises(AttributeError):
        plan.stop_px = 2.0  # type: ignore[misc]
    clamp = Clamp("position", 5, 3)
    with pytest.raises(AttributeError):
        clamp.after_lots = 4  # type: ignore[misc]


def test_an_exit_plan_needs_a_stop_and_a_horizon() -> None:
    for missing in ({"horizon_ns": 1}, {"stop_px": 1.0}):
        with pytest.raises(msgspec.ValidationError, match="missing required field"):
            msgspec.convert(missing, ExitPlan)


def test_signals_do_not_share_what_they_saw() -> None:
    plan = ExitPlan(1.0, 1)
    first, second = Signal("BTC", 1, 1.0, plan, ""), Signal("BTC", 1, 1.0, plan, "")
    first.saw["z"] = 1.0
    assert second.saw == {}


def test_a_trade_id_has_room_for_every_kind() -> None:
    # Ids are signal_id * 4 + kind.
    assert sorted(TradeKind) == [0, 1, 2, 3]
