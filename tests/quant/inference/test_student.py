from __future__ import annotations

import subprocess
import sys

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.special import stdtr, stdtrit

from quant.inference.student import EXPANSION_FROM, quantile, tail
from tests.support.market import REPO

DEGREES = [
    0.1,
    0.5,
    1.0,
    1.5,
    2.0,
    3.3,
    9.061307,
    19.7,
    52.67,
    79.0,
    80.0,
    81.0,
    107.6,
    1234.5,
    1e5,
]


# Two-sided 95 % points of Student's t, as printed in any table.
T_95 = {1: 12.706, 2: 4.303, 4: 2.776, 9: 2.262, 19: 2.093, 29: 2.045, 89: 1.987, 999: 1.962}


@pytest.mark.parametrize(("degrees", "printed"), T_95.items())
def test_quantiles_are_those_of_the_tables(degrees: int, printed: float) -> None:
    assert quantile(0.975, degrees) == pytest.approx(printed, abs=6e-4)


@pytest.mark.parametrize("degrees", [*DEGREES, EXPANSION_FROM - 1.0, 1e6])
@pytest.mark.parametrize("p", [0.6, 0.9, 0.975, 0.9999])
def test_quantiles_are_those_of_scipy(p: float, degrees: float) -> None:
    assert quantile(p, degrees) == pytest.approx(float(stdtrit(degrees, p)), rel=1e-10)


@settings(max_examples=40)
@given(st.floats(0.1, 2000.0), st.floats(0.51, 0.9999))
def test_the_tail_beyond_a_quantile_is_what_it_leaves(degrees: float, p: float) -> None:
    assert tail(quantile(p, degrees), degrees) == pytest.approx(1.0 - p, rel=1e-10)


@settings(max_examples=40)
@given(st.floats(-50.0, 50.0), st.floats(0.1, 2000.0))
def test_tails_are_those_of_scipy(t: float, degrees: float) -> None:
    assert tail(t, degrees) == pytest.approx(float(stdtr(degrees, -t)), rel=1e-9, abs=1e-300)


@pytest.mark.parametrize(
    ("p", "degrees"), [(0.5, 5.0), (1.0, 5.0), (0.975, 0.0), (0.975, -1.0), (0.975, float("nan"))]
)
def test_what_has_no_quantile_is_refused(p: float, degrees: float) -> None:
    with pytest.raises(ValueError, match="must"):
        quantile(p, degrees)


def test_neither_scipy_nor_numpy_is_loaded() -> None:
    code = (
        "import sys, quant.inference.anytime, quant.inference.selection, quant.inference.student;"
        " sys.exit(bool({'numpy', 'scipy'} & set(sys.modules)))"
    )
    assert subprocess.run([sys.executable, "-c", code], cwd=REPO, check=False).returncode == 0
