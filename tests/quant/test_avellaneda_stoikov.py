from __future__ import annotations

from math import log

import numpy as np
import pytest

from quant.avellaneda_stoikov import (
    Maker,
    Outcome,
    fill_rate,
    kappa_of,
    optimal_spread,
    reservation_price,
    simulate,
)

PAPER = Maker(gamma=0.1, sigma=2.0, kappa=1.5, rate=140.0)


def traded(gamma: float, *, symmetric: bool) -> Outcome:
    """Return the paper's experiment with ten times its paths."""
    return simulate(
        PAPER._replace(gamma=gamma),
        mid=100.0,
        horizon=1.0,
        steps=200,
        paths=10_000,
        rng=np.random.default_rng(17),
        symmetric=symmetric,
    )


# Aversion, symmetric?, profit, its deviation, that of the inventory. Those of 0.1 are published
# (from 1000 paths each), the rest were computed with 100 000 paths.
TABLE = [
    (0.1, False, 64.9, 6.55, 2.93),
    (0.1, True, 68.1, 13.4, 8.4),
    (0.01, False, 68.4, 8.95, 5.2),
    (0.01, True, 68.65, 13.7, 8.7),
    (0.5, False, 48.6, 5.9, 1.96),
    (0.5, True, 59.1, 11.9, 7.0),
]


@pytest.mark.parametrize(("gamma", "symmetric", "profit", "deviation", "held"), TABLE)
def test_makers_earn_what_the_table_says(
    gamma: float, symmetric: bool, profit: float, deviation: float, held: float
) -> None:
    found = traded(gamma, symmetric=symmetric)
    assert float(np.mean(found.profit)) == pytest.approx(profit, abs=0.02 * profit)
    assert float(np.std(found.profit)) == pytest.approx(deviation, rel=0.05)
    assert float(np.std(found.inventory)) == pytest.approx(held, rel=0.05)
    assert abs(float(np.mean(found.inventory))) < 4.0 * held / 100.0


@pytest.mark.parametrize(
    ("symmetric", "profit", "deviation", "held"), [(False, 65.0, 6.6, 2.9), (True, 68.4, 12.7, 8.4)]
)
def test_makers_earn_what_was_published(
    symmetric: bool, profit: float, deviation: float, held: float
) -> None:
    found = traded(0.1, symmetric=symmetric)
    # Three standard errors of the paper's 1000 paths.
    assert float(np.mean(found.profit)) == pytest.approx(profit, abs=3 * deviation / 1000**0.5)
    assert float(np.std(found.profit)) == pytest.approx(deviation, abs=3 * deviation / 2000**0.5)
    assert float(np.std(found.inventory)) == pytest.approx(held, rel=0.07)


def test_the_spread_is_that_of_the_paper() -> None:
    assert traded(0.1, symmetric=False).spread == pytest.approx(1.49, abs=0.005)
    assert optimal_spread(PAPER, 0.0) == pytest.approx(20.0 * log(1.0 + 0.1 / 1.5))
    assert optimal_spread(PAPER, 1.0) - optimal_spread(PAPER, 0.0) == pytest.approx(0.4)


def test_a_long_maker_wants_to_sell() -> None:
    assert reservation_price(PAPER, 100.0, 3.0, 0.5) == pytest.approx(100.0 - 3.0 * 0.1 * 4.0 * 0.5)
    assert reservation_price(PAPER, 100.0, -3.0, 0.5) > 100.0
    assert reservation_price(PAPER, 100.0, 0.0, 0.5) == 100.0
    assert reservation_price(PAPER, 100.0, 3.0, 0.0) == 100.0


def test_fills_fall_off_with_distance() -> None:
    assert fill_rate(PAPER, 0.0) == 140.0
    assert fill_rate(PAPER, 1.0) == pytest.approx(140.0 * np.exp(-1.5))


@pytest.mark.parametrize(("spread", "gamma"), [(1.3, 0.1), (4e-4, 200.0), (10.0, 1e-6)])
def test_kappa_gives_back_the_spread(spread: float, gamma: float) -> None:
    maker = Maker(gamma, 1.0, kappa_of(spread, gamma), 1.0)
    assert optimal_spread(maker, 0.0) == pytest.approx(spread)


@pytest.mark.parametrize("name", Maker._fields)
@pytest.mark.parametrize("value", [0.0, -1.0, float("nan"), float("inf")])
def test_a_maker_without_sense_is_refused(name: str, value: float) -> None:
    with pytest.raises(ValueError, match=f"maker's {name}"):
        optimal_spread(PAPER._replace(**{name: value}), 1.0)


def test_questions_without_sense_are_refused() -> None:
    with pytest.raises(ValueError, match="time left -1"):
        reservation_price(PAPER, 100.0, 0.0, -1.0)
    with pytest.raises(ValueError, match="must be positive"):
        kappa_of(0.0, 0.1)
    with pytest.raises(ValueError, match="no grid"):
        simulate(PAPER, mid=1.0, horizon=1.0, steps=0, paths=1, rng=np.random.default_rng(1))
