from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from quant.recurrence import recurrences
from quant.rqa import LENS
from quant.rqa_stream import Recurrence, _advance_plain
from tests.reference import series as made

Array = NDArray[np.float64]


def batch(series: Array, stream: Recurrence) -> tuple[list[int], list[int]]:
    """Return the line counts of the last window of `series`, all over again."""
    held = len(series[-stream.window :]) - (stream.dim - 1) * stream.lag
    if held < 1:
        return [0], [0]
    theiler = min(stream.theiler, held)
    _, diagonal, vertical = recurrences(
        series[-stream.window :], stream.dim, stream.lag, 0.5, stream.threshold, theiler
    )
    return diagonal.tolist(), vertical.tolist()


def counted(stream: Recurrence) -> tuple[list[int], list[int]]:
    diagonal, vertical = stream.counts()
    return diagonal.tolist(), vertical.tolist()


@given(
    st.integers(0, 2**32 - 1),
    st.integers(1, 30),
    st.integers(1, 3),
    st.integers(1, 3),
    st.sampled_from([0.01, 0.3, 0.8, 2.0, 100.0]),
    st.integers(1, 4),
    st.booleans(),
)
@settings(max_examples=60, deadline=None)
def test_every_step_equals_the_batch(
    seed: int, vectors: int, dim: int, lag: int, threshold: float, theiler: int, coarse: bool
) -> None:
    window = vectors + theiler + (dim - 1) * lag
    series = made.garch(3 * window, seed)
    if coarse:
        series = np.round(series)
    stream = Recurrence(window, dim, lag, threshold, theiler)
    for i, value in enumerate(series.tolist()):
        stream.push(value)
        assert counted(stream) == batch(series[: i + 1], stream)


def test_a_long_run_equals_the_batch_at_the_size_in_use() -> None:
    series = made.garch(2000)
    eps, _, _ = recurrences(series[:512], 3, 1, 0.05, 0.0, 1)
    stream = Recurrence(512, 3, 1, eps)
    for i, value in enumerate(series.tolist()):
        stream.push(value)
        if i % 211 == 0 or i > 1996:
            assert counted(stream) == batch(series[: i + 1], stream)


@pytest.mark.parametrize("held", [3, 39, 40, 90])
def test_a_rebuild_is_the_same_as_having_seen_it_all(held: int) -> None:
    series = made.garch(200)
    pushed = Recurrence(40, 3, 1, 0.5)
    for value in series[:held].tolist():
        pushed.push(value)
    rebuilt = Recurrence(40, 3, 1, 2.0)
    for value in series[100:].tolist():
        rebuilt.push(value)
    rebuilt.rebuild(series[:held], 0.5)
    for value in series[held : held + 60].tolist():
        assert counted(rebuilt) == counted(pushed)
        rebuilt.push(value)
        pushed.push(value)
    assert rebuilt.held == 38


def test_the_measures_are_those_of_the_lens() -> None:
    series = made.garch(300)
    stream = Recurrence(256, 3, 1, 0.4)
    assert stream.measures() == {}
    stream.rebuild(series, 0.4)
    reading = LENS.read(series[-256:], {"threshold": 0.4}).measures
    assert stream.measures() == {
        name: value for name, value in reading.items() if name != "threshold"
    }


def test_counts_are_a_copy() -> None:
    stream = Recurrence(40, 1, 1, 0.5)
    stream.rebuild(made.garch(40), 0.5)
    before = counted(stream)
    stream.counts()[0][:] = 7
    assert counted(stream) == before


@given(st.integers(0, 2**32 - 1), st.integers(1, 4))
@settings(max_examples=20, deadline=None)
def test_the_plain_step_keeps_the_same_counts(seed: int, theiler: int) -> None:
    series = made.garch(70, seed)
    stream = Recurrence(20, 2, 3, 0.6, theiler)
    slots = 17
    values, near, ends = np.zeros(40), np.zeros((slots, slots), np.uint8), np.zeros((2, slots), int)
    diagonal, vertical = np.zeros((2, slots + 1), np.int64)
    state = np.zeros(3, np.int64)
    for x in series:
        stream.push(x)
        _advance_plain(
            np.array([x]), values, near, ends, diagonal, vertical, state, 2, 3, 0.6, theiler
        )
        size = stream.held + 1
        assert state[1] == stream.held
        assert counted(stream) == (diagonal[:size].tolist(), vertical[:size].tolist())


@pytest.mark.parametrize(
    "wrong", [{"window": 3}, {"dim": 0}, {"lag": 0}, {"theiler": 0}, {"line_min": 0}]
)
def test_parameters_without_sense_are_refused(wrong: dict[str, int]) -> None:
    with pytest.raises(ValueError, match="Recurrence needs"):
        Recurrence(**{"window": 40, **wrong})


@pytest.mark.parametrize("threshold", [0.0, -1.0, math.nan, math.inf])
def test_a_threshold_must_be_a_positive_number(threshold: float) -> None:
    with pytest.raises(ValueError, match="threshold"):
        Recurrence(40, threshold=threshold)


@pytest.mark.parametrize("value", [math.nan, math.inf])
def test_what_is_not_finite_is_refused_and_changes_nothing(value: float) -> None:
    stream = Recurrence(40)
    stream.rebuild(made.garch(40), 0.5)
    before = counted(stream)
    with pytest.raises(ValueError, match="not finite"):
        stream.push(value)
    with pytest.raises(ValueError, match="not finite"):
        stream.rebuild(np.array([1.0, value]), 0.5)
    assert counted(stream) == before
