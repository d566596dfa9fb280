from __future__ import annotations

import random

import pytest
from pytest import approx

from divisions.roster import discover
from divisions.search import Change, changes
from market.events import MS_PER_DAY
from research.trials.trial import ALPHA, KEEP, REVERT, decide, draw, level, window_sharpe, worst
from tests.support.later import later

stats = later("scipy.stats")

R = 1_000_000


def series(returns: list[float], *, closed: int = 2, first: int = 0) -> dict[int, tuple[int, int]]:
    return {(first + i) * MS_PER_DAY: (round(r * R), closed) for i, r in enumerate(returns)}


def luck(seed: int, days: int, mean: float = 0.0) -> list[float]:
    rng = random.Random(seed)
    return [mean + rng.gauss(0.0, 1.0) for _ in range(days)]


def millionths(returns: list[float]) -> list[int]:
    return [round(r * R) for r in returns]


def test_the_levels_of_all_trials_add_up_to_alpha() -> None:
    total = sum(level(k) for k in range(1, 100_001))
    assert total < ALPHA
    assert total == approx(ALPHA, rel=1e-4)
    assert [level(k) for k in (1, 2, 3)] == approx([0.025, 0.05 / 6, 0.05 / 12])


def test_the_worst_is_the_lowest_sharpe_of_those_with_the_sample() -> None:
    end = 59 * MS_PER_DAY
    returns = {
        "good": series(luck(1, 60, 0.5)),
        "bad": series(luck(2, 60, -0.5)),
        "awful_but_young": series(luck(3, 19, -3.0), first=41),
        "awful_but_idle": series(luck(4, 60, -3.0), closed=0),
    }
    found = worst(returns, end)
    assert found is not None
    assert found == ("bad", window_sharpe(returns["bad"], end))
    assert found[1] < 0.0


def test_nobody_is_worst_without_a_sample() -> None:
    assert worst({"young": series(luck(1, 19))}, 18 * MS_PER_DAY) is None
    assert worst({}, 0) is None


def test_what_left_the_window_does_not_count() -> None:
    old_shame = series([-9.0, -8.0] * 20 + luck(1, 60, 0.5))
    lately = series(luck(1, 60, 0.5), first=40)
    end = 99 * MS_PER_DAY
    assert window_sharpe(old_shame, end) == window_sharpe(lately, end)


def test_a_tie_goes_by_name() -> None:
    same = luck(1, 60)
    found = worst({"b": series(same), "a": series(same)}, 59 * MS_PER_DAY)
    assert found is not None
    assert found[0] == "a"


def test_a_draw_is_the_seeds_and_from_the_space() -> None:
    space = [Change("x", float(i)) for i in range(20)]
    drawn = [draw(space, seed=7, trial=k) for k in range(1, 40)]
    assert drawn == [draw(space, seed=7, trial=k) for k in range(1, 40)]
    assert drawn != [draw(space, seed=8, trial=k) for k in range(1, 40)]
    assert set(drawn) <= set(space)
    assert len(set(drawn)) > 10
    with pytest.raises(ValueError, match="no change"):
        draw([], seed=7, trial=1)


@pytest.mark.parametrize("cls", discover(), ids=lambda cls: cls.name)
def test_a_draw_names_a_parameter_of_the_bot_and_nothing_else(cls: type) -> None:
    space = changes(cls)  # type: ignore[arg-type]
    for trial in range(1, 30):
        change = draw(space, seed=1, trial=trial)
        assert change.name in cls.params_type.__struct_fields__  # type: ignore[attr-defined]
        assert change.value in cls.search[change.name]  # type: ignore[attr-defined]


def test_a_real_lift_is_kept_and_told() -> None:
    control = luck(5, 30)
    other = [r + 0.5 + 0.3 * e for r, e in zip(control, luck(6, 30), strict=True)]
    verdict = decide(millionths(other), millionths(control), at=level(1), past_sharpe=9.0)
    assert verdict.decision == KEEP
    assert verdict.naive_decision == REVERT
    gaps = [a - b for a, b in zip(other, control, strict=True)]
    assert verdict.difference == approx(sum(gaps) / 30, abs=1e-6)
    assert verdict.p < level(1)
    assert verdict.sharpe is not None
    assert verdict.shrunk == approx(verdict.sharpe * 30 / 395)


def test_the_same_lift_is_not_enough_after_many_trials() -> None:
    control = luck(5, 30)
    other = [r + 0.15 + 0.3 * e for r, e in zip(control, luck(6, 30), strict=True)]
    early = decide(millionths(other), millionths(control), at=level(1), past_sharpe=None)
    late = decide(millionths(other), millionths(control), at=level(60), past_sharpe=None)
    assert early.p == late.p
    assert (early.decision, late.decision) == (KEEP, REVERT)
    assert "above the level" in late.reason


def test_the_p_value_is_students() -> None:
    a, b = luck(1, 30), luck(2, 30)
    verdict = decide(millionths(a), millionths(b), at=level(1), past_sharpe=None)
    oracle = stats.ttest_rel(a, b, alternative="greater")
    assert verdict.p == approx(oracle.pvalue, abs=1e-6)
    assert verdict.t == approx(oracle.statistic, abs=1e-5)


def test_whatever_does_not_differ_reverts() -> None:
    same = millionths(luck(1, 30))
    verdict = decide(same, same, at=level(1), past_sharpe=-1.0)
    assert (verdict.decision, verdict.t, verdict.p) == (REVERT, None, 1.0)
    # The rule without a control would have kept a change that changed nothing.
    assert verdict.naive_decision == KEEP


def test_too_little_reverts_however_good() -> None:
    good, nothing = [R + i for i in range(30)], [0] * 30
    assert decide(good, nothing, at=level(1), past_sharpe=None).decision == KEEP
    assert decide(good[:29], nothing[:29], at=level(1), past_sharpe=None).decision == REVERT
    seldom = [r if i < 19 else 0 for i, r in enumerate(good)]
    verdict = decide(seldom, nothing, at=level(1), past_sharpe=None)
    assert verdict.decision == REVERT
    assert "19 days" in verdict.reason


def test_a_harmful_change_is_never_kept() -> None:
    control = luck(5, 30)
    worse = [r - 0.5 + 0.3 * e for r, e in zip(control, luck(6, 30), strict=True)]
    verdict = decide(millionths(worse), millionths(control), at=level(1), past_sharpe=None)
    assert verdict.decision == REVERT
    assert verdict.p > 0.99


def test_arms_of_different_days_are_refused() -> None:
    with pytest.raises(ValueError, match="same days"):
        decide([1], [1, 2], at=level(1), past_sharpe=None)
