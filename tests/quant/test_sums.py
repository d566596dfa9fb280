from __future__ import annotations

import struct

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from quant.sums import sum_in_order


def bits(value: float) -> bytes:
    return struct.pack("<d", value)


def test_what_rounding_loses_stays_lost() -> None:
    """Python 3.12's own `sum` gives 1.0 and 1.0 here."""
    assert sum_in_order([1e16, 1.0, -1e16]) == 0.0
    assert sum_in_order([0.1] * 10) == 0.9999999999999999


@given(st.lists(st.floats(-1e300, 1e300), min_size=1))
def test_it_is_the_running_sum_to_the_last_bit(values: list[float]) -> None:
    assert bits(sum_in_order(values)) == bits(float(np.cumsum(values)[-1]) + 0.0)


def test_nothing_sums_to_zero_and_any_iterable_will_do() -> None:
    assert bits(sum_in_order([])) == bits(0.0) == bits(sum_in_order([-0.0]))
    assert sum_in_order(v * v for v in (1.0, 2.0)) == 5.0
    assert sum_in_order(map(abs, (-1, 2))) == 3.0
