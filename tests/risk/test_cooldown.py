from __future__ import annotations

import pytest

from market.decision import Check
from market.events import NS_PER_S
from risk.cooldown import Cooldown, Settings
from tests.support.shadow import SOL, T0, Puppet, Stage, make_proposal, make_view


def check(stopped: dict[str, int], now_ns: int = T0, rest_s: float = 900.0) -> Check:
    view = make_view(now_ns=now_ns)
    view.desk.stopped.update(stopped)
    return Cooldown(Settings(rest_s), "enforce").check(make_proposal(), view)


def test_without_a_stop_out_there_is_nothing_to_rest_from() -> None:
    found = check({})
    assert (found.outcome, found.value, found.threshold) == ("pass", None, 900.0)


@pytest.mark.parametrize(("since_s", "outcome"), [(0, "fail"), (899, "fail"), (900, "pass")])
def test_a_bot_rests_after_a_stop_out(since_s: int, outcome: str) -> None:
    found = check({"alpha|SOL": T0}, T0 + since_s * NS_PER_S)
    assert (found.outcome, found.value, found.threshold) == (outcome, float(since_s), 900.0)


def test_neither_another_bot_nor_another_coin_rests_with_it() -> None:
    assert check({"beta|SOL": T0, "alpha|ETH": T0}, T0 + 1).outcome == "pass"


def test_the_rest_is_a_setting() -> None:
    assert check({"alpha|SOL": T0}, T0 + 5 * NS_PER_S, rest_s=5.0).outcome == "pass"
    assert check({"alpha|SOL": T0}, T0, rest_s=0.0).outcome == "pass"


def ended_by(mid: float, *, blocked: bool = False, **plan: float) -> dict[str, int]:
    """Return whom the desk knows as stopped out after a trade that ended at a mid."""
    stage = Stage(instruments=[SOL], bots=[Puppet("alpha")])
    stage.book()
    stage.script(limit="fail" if blocked else "pass")
    assert stage.signal(**plan) is not None  # type: ignore[arg-type]
    stage.books(2)
    stage.wait(1)
    stage.book(mid)
    stage.books(2, mid)
    assert not stage.engine.branch.ledger.trades
    return stage.engine.branch.desk.stopped


def test_a_real_stop_out_counts_from_its_close() -> None:
    stopped = ended_by(98.0, stop=1.0)
    assert stopped == {"alpha|SOL": T0 + 4 * NS_PER_S}


def test_a_target_that_was_reached_is_no_stop_out() -> None:
    assert ended_by(103.0, stop=1.0, target=2.0) == {}


def test_a_phantom_that_was_stopped_out_does_not_count() -> None:
    assert ended_by(98.0, stop=1.0, blocked=True) == {}
