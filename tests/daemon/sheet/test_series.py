from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from daemon.sheet.series import (
    NO_NULL,
    SURROGATES,
    Seen,
    look,
    look_through_all,
    nearest,
    rank,
    require_agreement,
)
from market.errors import ExtraMissing, InvariantBroken
from quant.lens import Abstain, Lens, Reading, discover

Array = NDArray[np.float64]
NOISE = np.random.default_rng(3).standard_normal(200)


def lens(
    name: str = "made_up",
    measure: Callable[..., float] = lambda series, **_: float(series[0]),
    reference: Callable[..., float] | None = None,
) -> Lens:
    def whole(series: Array, **params: Any) -> tuple[float, dict[str, Any], tuple[str, ...]]:
        return measure(series, **params), {"first": float(series[0])}, ("a remark",)

    return Lens(name, "what?", {"dim": 2, "scale": 1.0}, whole, reference)


def test_a_look_is_a_reading_and_nothing_more() -> None:
    seen = look(lens(), NOISE, {"dim": 3}, null=False, check=False)
    assert seen == Seen(
        Reading(
            "made_up", NOISE[0], 200, {"dim": 3, "scale": 1.0}, ("a remark",), {"first": NOISE[0]}
        )
    )


def test_a_rank_is_among_series_of_the_same_sizes_about_the_same_mean() -> None:
    asked: list[Array] = []

    def watch(series: Array, **_: object) -> float:
        asked.append(series)
        return float(np.abs(series).sum())

    shifted = NOISE + 5.0
    seen = look(lens(measure=watch), shifted, {}, null=True, check=False)
    assert len(asked) == SURROGATES + 1
    assert seen.null_rank is not None and 0.0 < seen.null_rank < 1.0
    mean = shifted.mean()
    for surrogate in asked[1:]:
        assert np.abs(surrogate - mean) == pytest.approx(np.abs(shifted - mean))
    assert len({tuple(s) for s in asked}) == SURROGATES + 1
    again = look(lens(measure=watch), shifted, {}, null=True, check=False)
    assert again == seen, "the seed is fixed"


def test_the_rank_of_what_signs_decide_is_extreme_and_of_what_they_do_not_is_the_middle() -> None:
    rising = np.abs(NOISE) + 0.5
    rising -= rising.mean()
    by_sign = lens(measure=lambda series, **_: float((series * rising).sum()))
    assert look(by_sign, rising, {}, null=True, check=False).null_rank == 79.5 / 80
    by_size = lens(measure=lambda series, **_: float(np.round(np.abs(series).sum(), 6)))
    assert look(by_size, rising, {}, null=True, check=False).null_rank == 0.5


def test_ranks_by_hand() -> None:
    assert rank(2.5, np.array([1.0, 2.0, 3.0])) == 2.5 / 4
    assert rank(2.0, np.array([1.0, 2.0, 3.0])) == 2.0 / 4
    assert rank(9.0, np.array([1.0, 2.0, 3.0])) == 3.5 / 4


@pytest.mark.parametrize("name", NO_NULL)
def test_lenses_that_signs_cannot_judge_say_so(name: str) -> None:
    assert name in discover()
    seen = look(lens(name), NOISE, {}, null=True, check=False)
    assert seen.null_rank is None
    assert seen.reading.flags == ("a remark", NO_NULL[name])


def test_a_lens_that_abstains_is_neither_ranked_nor_checked() -> None:
    def abstain(series: Array, **_: object) -> float:
        raise Abstain("too dull")

    def never(*_: object, **__: object) -> float:
        raise AssertionError

    seen = look(lens(measure=abstain, reference=never), NOISE, {}, null=True, check=True)
    assert (seen.reading.value, seen.reading.flags, seen.agrees) == (None, ("too dull",), True)


def test_a_lens_that_abstains_on_most_nulls_has_no_rank() -> None:
    def fussy(series: Array, **_: object) -> float:
        if not np.array_equal(series, NOISE):
            raise Abstain("of signs")
        return 1.0

    seen = look(lens(measure=fussy), NOISE, {}, null=True, check=False)
    assert seen.null_rank is None
    assert seen.reading.flags[-1] == "no null_rank: it abstains on 79 nulls"


def test_a_reference_gets_the_same_parameters_and_its_difference_is_told() -> None:
    def reference(series: Array, *, dim: int, scale: float) -> float:
        assert (dim, scale) == (2, 3.0)
        return float(series[0]) + 1e-9

    seen = look(lens(reference=reference), NOISE, {"scale": 3}, null=False, check=True)
    assert seen.difference == pytest.approx(-1e-9, rel=1e-3) and seen.agrees
    require_agreement([seen])


def test_a_reference_that_contradicts_is_a_bug_of_ours() -> None:
    seen = look(lens(reference=lambda *_, **__: 7.0), NOISE, {}, null=False, check=True)
    assert not seen.agrees
    with pytest.raises(InvariantBroken, match=r"made_up gives 2\..*its reference 7\.0, apart by"):
        require_agreement([seen])


def test_without_a_reference_there_is_a_remark() -> None:
    seen = look(lens(), NOISE, {}, null=False, check=True)
    assert seen.agrees and seen.reading.flags[-1] == "no reference library"

    def abstain(*_: object, **__: object) -> float:
        raise Abstain("not this one")

    seen = look(lens(reference=abstain), NOISE, {}, null=False, check=True)
    assert seen.agrees and seen.reading.flags[-1] == "no reference: not this one"


def test_a_library_that_is_not_there_is_named_with_the_remedy(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setitem(sys.modules, "nolds", None)
    with pytest.raises(ExtraMissing, match="--check of lyapunov needs nolds, of the extra check: "):
        look(discover()["lyapunov"], NOISE, {}, null=False, check=True)
    monkeypatch.setitem(sys.modules, "ripser", None)
    with pytest.raises(ExtraMissing, match="homology needs ripser, of the extra check: "):
        look(discover()["homology"], NOISE, {}, null=False, check=True)


def test_all_lenses_take_the_parameters_they_know() -> None:
    other = Lens("other", "?", {"rank": 6}, lambda series, rank: (float(rank), {}, ()))
    both = {"made_up": lens(), "other": other}
    found = look_through_all(both, NOISE, {"rank": 4, "dim": 5}, null=False, check=False)
    assert [s.reading.params for s in found] == [{"dim": 5, "scale": 1.0}, {"rank": 4}]
    with pytest.raises(ValueError, match="no lens has a parameter 'lagg'; there are dim, rank,"):
        look_through_all(both, NOISE, {"lagg": 1}, null=False, check=False)
    with pytest.raises(ValueError, match="whole number"):
        look_through_all(both, NOISE, {"dim": 1.5}, null=False, check=False)


def test_a_series_of_the_wrong_kind_for_a_lens_is_an_abstention_unless_it_was_told_more() -> None:
    def picky(series: Array, **_: object) -> float:
        raise ValueError("these are no event times")

    found = look_through_all({"picky": lens("picky", picky)}, NOISE, {}, null=True, check=True)
    assert found[0].reading.value is None
    assert found[0].reading.flags == ("these are no event times",)
    with pytest.raises(ValueError, match="no event times"):
        look_through_all({"picky": lens("picky", picky)}, NOISE, {"dim": 1}, null=False, check=True)


def test_the_nearest_name_is_offered() -> None:
    known = {"hawkes": 0, "rqa": 0}
    assert (
        nearest("hawks", known) == "no lens 'hawks'; did you mean 'hawkes'? there are hawkes, rqa"
    )
    assert nearest("zzz", known) == "no lens 'zzz'; there are hawkes, rqa"
