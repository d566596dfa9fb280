from __future__ import annotations

from math import inf, nan

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from quant.inference.shrinkage import shrink
from research.explain.shrinking import drawn

MEAN = st.floats(-3.0, 3.0).map(lambda x: round(x, 3))
VARIANCE = st.sampled_from([0.0, 0.01, 0.3, 2.0, inf])
SLICES = st.lists(st.tuples(st.one_of(st.none(), MEAN), VARIANCE), min_size=1, max_size=8)


@settings(max_examples=40)
@given(SLICES)
def test_it_draws_slices_as_far_as_the_report_does(
    slices: list[tuple[float | None, float]],
) -> None:
    """Two codes written apart from one page of a book."""
    named = {str(at): one for at, one in enumerate(slices)}
    theirs = shrink([(nan if d is None else d, v) for d, v in slices])
    for name, want in zip(named, theirs, strict=True):
        found = drawn(named, name)
        if want is None:
            assert found is None
        else:
            assert found is not None
            assert tuple(found) == pytest.approx(tuple(want)[:3], rel=1e-6, abs=1e-7)
