from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from quant.lens import Abstain, Lens, Reading, discover, enough, varied
from tests.reference import series as made

Array = NDArray[np.float64]
Measured = tuple[float, dict[str, Any], tuple[str, ...]]


def mean(series: Array, power: float, skip: int) -> Measured:
    enough(series, skip + 1)
    return float(np.mean(series[skip:] ** power)), {"skipped": skip}, ("a remark",)


LENS = Lens("mean", "what is usual", {"power": 1.0, "skip": 0}, mean)


def test_a_reading_says_what_was_asked_and_what_was_seen() -> None:
    assert LENS.read(np.array([1.0, 2.0, 3.0]), {"power": 2}) == Reading(
        "mean", 14 / 3, 3, {"power": 2.0, "skip": 0}, ("a remark",), {"skipped": 0}
    )


@pytest.mark.parametrize(
    "series", [[1, 2, 3], (1.0, 2.0, 3.0), np.arange(1, 7, dtype=np.int32)[:3]]
)
def test_it_takes_any_numbers(series: Any) -> None:
    assert LENS.read(series).value == 2.0


def test_a_strided_view_is_read_as_it_looks() -> None:
    seen: list[Array] = []

    def keep(series: Array) -> Measured:
        seen.append(series)
        return 0.0, {}, ()

    Lens("keep", "", {}, keep).read(np.arange(10.0)[::3])
    assert seen[0].tolist() == [0.0, 3.0, 6.0, 9.0]
    assert seen[0].flags.c_contiguous


@pytest.mark.parametrize(
    ("series", "why"),
    [
        ([], "empty"),
        ([[1.0, 2.0]], "empty"),
        ([1.0, np.nan], "not finite"),
        ([1.0, -np.inf], "not finite"),
        ([1.0, 2.0], "needs 3 values, got 2"),
    ],
)
def test_it_abstains_with_the_reason_first(series: list[float], why: str) -> None:
    reading = LENS.read(np.array(series), {"skip": 2})
    assert reading.value is None
    assert why in reading.flags[0]
    assert reading.measures == {}
    assert reading.params == {"power": 1.0, "skip": 2}


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_a_value_that_is_not_finite_is_no_value(value: float) -> None:
    lens = Lens("odd", "", {}, lambda series: (value, {}, ()))
    assert lens.read(np.ones(3)).flags == ("no finite value",)


def test_what_a_lens_raises_otherwise_is_not_swallowed() -> None:
    def broken(series: Array) -> Measured:
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        Lens("broken", "", {}, broken).read(np.ones(3))


def test_parameters_have_the_type_of_their_default() -> None:
    params = LENS.params({"skip": 2.0, "power": 3})
    assert params == {"power": 3.0, "skip": 2}
    assert [type(value) for value in params.values()] == [float, int]


@pytest.mark.parametrize(
    ("given", "why"),
    [
        ({"dim": 3}, "mean has no parameter 'dim'; it has power, skip"),
        ({"skip": 1.5}, "skip=1.5: a whole number is needed"),
    ],
)
def test_parameters_that_make_no_sense_are_named(given: dict[str, float], why: str) -> None:
    with pytest.raises(ValueError, match=why):
        LENS.read(np.ones(3), given)


def test_a_lens_without_parameters_says_none() -> None:
    with pytest.raises(ValueError, match="it has none"):
        Lens("bare", "", {}, lambda series: (0.0, {}, ())).params({"x": 1})


def test_enough_and_varied_say_how_many() -> None:
    enough(np.ones(3), 3)
    varied(np.arange(50.0))
    varied(np.array([1.0, 2.0, 2.0]), 2)
    with pytest.raises(Abstain, match="needs 4 values, got 3"):
        enough(np.ones(3), 4)
    with pytest.raises(Abstain, match="only 49 distinct values, needs 50"):
        varied(np.arange(49.0))


def test_every_lens_of_the_folder_is_found_by_name() -> None:
    found = discover()
    assert list(found) == sorted(found)
    assert {"embedding", "lyapunov", "rqa"} <= set(found)
    assert all(name == lens.name for name, lens in found.items())
    assert discover() is found


# A series of each kind that every lens must survive, whatever it says about it.
ODD = {
    "constant": np.full(400, 1.5),
    "ramp": np.arange(400.0),
    "ticks": np.round(made.normal(400)),
    "spike": np.where(np.arange(400) == 200, 1e6, 0.0),
    "tiny": made.normal(400) * 1e-12,
    "one": np.ones(1),
    "huge level": made.normal(400) + 1e9,
}


@pytest.mark.parametrize("kind", ODD)
@pytest.mark.parametrize("name", ["embedding", "lyapunov", "rqa"])
def test_a_lens_gives_a_finite_value_or_a_reason(name: str, kind: str) -> None:
    lens = discover()[name]
    before = ODD[kind].copy()
    reading = lens.read(ODD[kind])
    assert reading.value is None or np.isfinite(reading.value)
    assert reading.value is not None or reading.flags[0]
    assert (ODD[kind] == before).all()
    assert lens.read(ODD[kind].copy()) == reading
