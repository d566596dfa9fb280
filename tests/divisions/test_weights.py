from __future__ import annotations

from statistics import mean, stdev

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from divisions.weights import (
    CLOSED_MIN,
    DAYS_MIN,
    DOWN,
    HIGH,
    LOW,
    UP,
    WINDOW_DAYS,
    combined,
    on_bounds,
    quartiles,
    saturated,
    sharpe,
    step,
)
from market.events import MS_PER_DAY

Days = dict[int, tuple[int, int]]
E6 = 1_000_000
ENDED = 20_000 * MS_PER_DAY


def days(*returns: float, closed: int = 2, ended_ms: int = ENDED) -> Days:
    """Return a series that ends with the day `ended_ms`."""
    first = ended_ms - (len(returns) - 1) * MS_PER_DAY
    return {first + i * MS_PER_DAY: (round(r * E6), closed) for i, r in enumerate(returns)}


def steady(drift: float, n: int = 30, **given: int) -> Days:
    return days(*(drift + (0.1 if i % 2 else -0.1) for i in range(n)), **given)


def field(n: int) -> dict[str, Days]:
    """Return n names, each better than the one before."""
    return {f"n{i:02d}": steady(0.01 * i) for i in range(n)}


def moved(series: dict[str, Days]) -> dict[str, float]:
    return {n: s.weight for n, s in step(dict.fromkeys(series, 1.0), series, ENDED).items()}


@pytest.mark.parametrize(
    ("n", "quartile"), [(1, 0), (3, 0), (4, 1), (5, 1), (7, 1), (8, 2), (10, 2), (26, 6)]
)
def test_a_quartile_is_a_fourth_rounded_down(n: int, quartile: int) -> None:
    after = moved(field(n))
    names = sorted(after)
    assert [after[x] for x in names[:quartile]] == [DOWN] * quartile
    assert [after[x] for x in names[n - quartile :]] == [UP] * quartile
    assert all(after[x] == 1.0 for x in names[quartile : n - quartile])


def test_the_ratio_is_mean_over_sample_deviation() -> None:
    values = [3, -1, 4, 1, -5, 9]
    assert sharpe(values) == pytest.approx(mean(values) / stdev(values))
    assert sharpe([7]) is None and sharpe([]) is None and sharpe([4, 4, 4]) is None


def test_too_few_days_or_trades_stay_and_leave_the_quartile_to_others() -> None:
    series = field(5)
    series["n04"] = steady(0.04, DAYS_MIN - 1)
    found = step(dict.fromkeys(series, 1.0), series, ENDED)
    assert found["n04"].weight == 1.0 and found["n04"].reason == "too young: 19 of 20 days"
    assert found["n03"].weight == UP and found["n00"].weight == DOWN
    series["n04"] = steady(0.04, DAYS_MIN, closed=1)
    found = step(dict.fromkeys(series, 1.0), series, ENDED)
    assert found["n04"].reason == f"too young: 20 of {CLOSED_MIN} closed trades"
    series["n04"] = steady(0.04, DAYS_MIN)
    assert moved(series)["n04"] == UP


def test_who_had_no_return_on_the_day_is_idle_and_stays() -> None:
    series = field(5)
    series["n04"] = steady(0.04, 30, ended_ms=ENDED - MS_PER_DAY)
    found = step(dict.fromkeys(series, 1.0), series, ENDED)
    assert found["n04"].weight == 1.0 and found["n04"].reason.startswith("idle")
    assert found["n03"].weight == UP


def test_only_the_window_counts() -> None:
    series = field(5)
    old = {ENDED - (WINDOW_DAYS + i) * MS_PER_DAY: (-500 * E6, 1) for i in range(50)}
    assert moved({**series, "n04": {**series["n04"], **old}}) == moved(series)
    edge = {ENDED - (WINDOW_DAYS - 1) * MS_PER_DAY: (-500 * E6, 1)}
    assert moved({**series, "n04": {**series["n04"], **edge}})["n04"] == DOWN
    later = {ENDED + MS_PER_DAY: (-500 * E6, 1)}
    assert moved({**series, "n04": {**series["n04"], **later}}) == moved(series)


def test_a_tie_across_the_edge_stays_one_within_it_moves() -> None:
    series = field(5)
    series["n03"] = dict(series["n04"])
    found = step(dict.fromkeys(series, 1.0), series, ENDED)
    assert found["n03"].weight == found["n04"].weight == 1.0
    assert found["n04"].reason == "tied with 1 at a quartile's edge"
    eight = field(8)
    eight["n06"] = dict(eight["n07"])
    assert moved(eight)["n06"] == moved(eight)["n07"] == UP


def test_everyone_alike_means_nobody_moves() -> None:
    assert set(moved(dict.fromkeys("abcdefgh", steady(0.1))).values()) == {1.0}
    flat = {name: days(*[0.1] * 30) for name in "abcdefgh"}
    found = step(dict.fromkeys(flat, 1.0), flat, ENDED)
    assert {(s.weight, s.reason) for s in found.values()} == {(1.0, "no spread to divide by")}


def test_weights_stop_at_their_bounds_and_say_so() -> None:
    weights = {"n00": 0.31, "n01": 1.0, "n02": 1.0, "n03": 1.0, "n04": 2.45}
    found = step(weights, field(5), ENDED)
    assert (found["n00"].weight, found["n04"].weight) == (LOW, HIGH)
    again = step({n: s.weight for n, s in found.items()}, field(5), ENDED)
    assert again["n04"].weight == HIGH
    assert again["n04"].reason == "top quartile: 1 of 5, already at the bound"


def test_the_way_to_the_bounds_takes_as_long_as_the_rule_says() -> None:
    weight, ups, downs = 1.0, 0, 0
    while weight < HIGH:
        weight, ups = min(weight * UP, HIGH), ups + 1
    weight = 1.0
    while weight > LOW:
        weight, downs = max(weight * DOWN, LOW), downs + 1
    assert (ups, downs) == (19, 24)


def test_sizes_use_the_product_within_the_bounds() -> None:
    assert combined(1.2, 1.5) == pytest.approx(1.8)
    assert combined(2.5, 2.5) == HIGH and combined(0.3, 0.3) == LOW


def test_more_than_a_quarter_on_a_bound_is_saturated() -> None:
    assert not saturated({"a": HIGH, "b": 1.0, "c": 1.0, "d": 1.0})
    assert saturated({"a": HIGH, "b": LOW, "c": 1.0, "d": 1.0, "e": 1.0})
    assert on_bounds({"a": HIGH, "b": LOW, "c": 1.0}) == ["a", "b"]
    assert not saturated({})


returns = st.lists(st.integers(-3 * E6, 3 * E6), min_size=DAYS_MIN, max_size=WINDOW_DAYS)
fields = st.dictionaries(st.text("abcdefgh", min_size=1, max_size=3), returns, max_size=12)


@settings(max_examples=60, deadline=None)
@given(fields, st.randoms(use_true_random=False))
def test_the_step_is_bounded_balanced_and_blind_to_order(values: dict[str, list[int]], rng) -> None:  # type: ignore[no-untyped-def]
    series = {n: days(*(v / E6 for v in rs)) for n, rs in values.items()}
    before = {n: rng.choice([LOW, 0.9, 1.0, 2.45, HIGH]) for n in series}
    found = step(before, series, ENDED)
    names = list(series)
    rng.shuffle(names)
    assert step({n: before[n] for n in names}, {n: series[n] for n in names}, ENDED) == found
    assert set(found) == set(series)
    assert all(LOW <= s.weight <= HIGH for s in found.values())
    q = len(series) // 4
    up = [n for n, s in found.items() if s.reason.startswith("top")]
    down = [n for n, s in found.items() if s.reason.startswith("bottom")]
    assert len(up) <= q and len(down) <= q
    assert all(found[n].weight == pytest.approx(min(before[n] * UP, HIGH)) for n in up)
    assert all(found[n].weight == pytest.approx(max(before[n] * DOWN, LOW)) for n in down)
    assert all(found[n].weight == before[n] for n in set(found) - set(up) - set(down))


@given(st.dictionaries(st.text(max_size=3), st.floats(-5, 5), max_size=30))
def test_equals_move_alike_and_the_better_never_fare_worse(ranked: dict[str, float]) -> None:
    moves = quartiles(ranked)
    for a, ra in ranked.items():
        for b, rb in ranked.items():
            if ra == rb:
                assert moves[a] == moves[b]
            elif ra > rb:
                assert moves[a][0] >= moves[b][0]


@given(returns, st.integers(1, 1000))
def test_the_ratio_does_not_depend_on_scale_or_order(values: list[int], scale: int) -> None:
    ratio = sharpe(values)
    assert sharpe(sorted(values)) == ratio
    scaled = sharpe([v * scale for v in values])
    assert (scaled is None) == (ratio is None)
    if ratio is not None and scaled is not None:
        assert scaled == pytest.approx(ratio, rel=1e-12)
        assert ratio * sum(values) >= 0.0
